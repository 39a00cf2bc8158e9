"""Several objectives: the front, NSGA-II's survivors, and the surrogate's part in the choice of a brood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.landscape import SPACE, evaluate, outcome_of, parameters_of
from scripted_runs import Scripted, run

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.nsga2 import NSGA2
from nasgen.strategies.objectives import Objectives, check_objectives, nondominated
from search_spaces import LabelledGraph
from search_spaces.nasbench201 import Cell, NasBench201Space

TWO = Objectives(("fitness", "parameters"))


def row(number: int, fitness: float | None, parameters: float = 0.0) -> Evaluation:
    failure = Failure("diverged", "loss") if fitness is None else None
    outcome = Outcome(fitness, failure, {"parameters": parameters, "latency": -parameters})
    return Evaluation(
        Request(number, SPACE.encode(SPACE.sample(np.random.default_rng(number))), str(number), 0), outcome
    )


def dominated_by_brute_force(values: np.ndarray[Any, Any]) -> list[bool]:
    """Whether another point, or an equal one before it, makes each superfluous; all are maximised."""
    return [
        any((other >= one).all() and ((other > one).any() or j < i) for j, other in enumerate(values) if j != i)
        for i, one in enumerate(values)
    ]


@pytest.mark.parametrize("k", [2, 3])
def test_the_front_agrees_with_brute_force(k: int) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = rng.integers(5, size=(30, k)).astype(float)
        signs = rng.choice([-1.0, 1.0], size=k)
        found = nondominated(values, signs)
        assert [not kept for kept in found] == dominated_by_brute_force(values * signs)


def test_the_front_leaves_failures_out_and_the_fittest_comes_first() -> None:
    rows = [row(0, 0.5, 10), row(1, None, 0), row(2, 0.9, 30), row(3, 0.4, 20), row(4, 0.5, 10), row(5, 0.1, 1)]
    assert [one.number for one in TWO.front(rows)] == [2, 0, 5]
    assert TWO.front([row(0, None)]) == []


def test_an_objective_that_no_row_will_have_is_refused() -> None:
    check_objectives(("accuracy", "parameters", "+depth"), {"parameters", "depth"})
    with pytest.raises(InputError, match="expected accuracy and then any of depth, parameters, found '\\+latency'"):
        check_objectives(("accuracy", "+latency"), {"parameters", "depth"})


def test_a_plus_sign_maximises() -> None:
    objectives = Objectives(("fitness", "+latency", "parameters"))
    assert objectives.names == ("fitness", "latency", "parameters")
    assert objectives.weights == (1.0, 1.0, -1.0)
    assert objectives.values(row(0, 0.5, 3)) == (0.5, -3, 3)


def test_an_objective_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="energy"):
        Objectives(("fitness", "energy")).values(row(0, 0.5))


def test_survivors_are_the_front_where_there_is_room() -> None:
    strategy = NSGA2(SPACE, lambda key: False, objectives=TWO, population=4)
    rows = [row(number, number / 10, number) for number in range(4)] + [row(9, 0.05, 9), row(8, None)]
    strategy.tell(rows)
    assert sorted(one.key for one in strategy.population) == ["0", "1", "2", "3"]
    strategy.tell([row(7, 0.9, 0)])  # beats all
    assert "7" in {one.key for one in strategy.population}
    assert len(strategy.population) == 4


def hypervolume(rows: Sequence[Evaluation]) -> float:
    """Area that the front covers of fitness 0 to 100 and parameters 0 to 60."""
    edges = sorted((parameters_of(one.genotype), one.fitness or 0.0) for one in TWO.front(rows))
    ends = [cost for cost, _ in edges[1:]] + [60.0]
    return sum((end - cost) * fitness for (cost, fitness), end in zip(edges, ends, strict=True))


def test_the_front_grows_beyond_that_of_random_search(tmp_path: Path) -> None:
    """Five seeds of 120 rows on the made-up landscape."""
    gains = []
    for seed in range(5):
        rows = run(
            tmp_path / f"nsga2-{seed}",
            lambda space, asked: NSGA2(space, asked, objectives=TWO, population=20),
            evaluations=120,
            seed=seed,
        )
        random_rows = run(tmp_path / f"random-{seed}", evaluations=120, seed=seed)
        areas = [
            hypervolume([Evaluation(request, outcome) for request, outcome in some if outcome])
            for some in (rows, random_rows)
        ]
        gains.append(areas[0] - areas[1])
    assert np.mean(gains) > 0


class Foresight:
    """Predicts the truth."""

    ready = True

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        return

    def predict(self, genotypes: Sequence[Cell]) -> Any:
        fitness = [outcome_of(SPACE.encode(genotype)).fitness or 0.0 for genotype in genotypes]
        return np.array(fitness), np.zeros(len(genotypes))


class Costed(NasBench201Space):
    """Cells whose cost is known before training."""

    def to_graph(self, genotype: Cell) -> LabelledGraph:
        graph = super().to_graph(genotype)
        return LabelledGraph(graph.ops, graph.edges, info={"parameters": parameters_of(self.encode(genotype))})


@pytest.mark.parametrize("space", [SPACE, Costed()])
def test_the_brood_is_chosen_by_what_is_known(space: NasBench201Space, monkeypatch: pytest.MonkeyPatch) -> None:
    foresight: Any = Foresight()  # a stand-in for a prescreen
    strategy = NSGA2(space, lambda key: False, objectives=TWO, population=10, prescreen=foresight)
    first = strategy.ask(np.random.default_rng(0))
    strategy.tell([evaluate(asked(space, number, one)) for number, one in enumerate(first)])
    broods: list[list[Any]] = []
    choose: Callable[..., Any] = strategy._chosen

    def noted(brood: list[Any], prescreen: Any) -> Any:
        broods.append(brood)
        return choose(brood, prescreen)

    monkeypatch.setattr(strategy, "_chosen", noted)
    chosen = strategy.ask(np.random.default_rng(1))
    (brood,) = broods
    assert (len(brood), len(chosen)) == (40, 10)
    assert all(one.predicted is not None for one in chosen)
    rows = [evaluate(asked(space, number, one)) for number, one in enumerate(brood)]
    known = [one for one in rows if one.fitness is not None]
    if isinstance(space, Costed):
        front = {one.key for one in TWO.front(known)}
        assert front <= {one.key for one in chosen} or len(front) > 10
    else:
        best = sorted(known, key=lambda one: -(one.fitness or 0))[:10]
        assert {one.key for one in best} == {one.key for one in chosen}


def asked(space: NasBench201Space, number: int, proposal: Any) -> Request:
    return Request(number, space.encode(proposal.genotype), proposal.key, 0)


def test_restored_it_keeps_the_survivors_of_every_generation(tmp_path: Path) -> None:
    def make(space: Any, asked: Any) -> NSGA2[Cell]:
        return NSGA2(space, asked, objectives=TWO, population=6)

    whole = run(tmp_path / "whole", make, evaluations=60)
    for stop in (3, 20, 41):
        path = tmp_path / f"{stop}.sqlite"
        with pytest.raises(KeyboardInterrupt):
            run(path, make, Scripted(interrupt_after=stop), evaluations=60)
        assert run(path, make, evaluations=60) == whole
