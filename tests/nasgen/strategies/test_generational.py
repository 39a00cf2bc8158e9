"""The paper's evolution: what is estimated, what is trained, and that no estimate ever passes for a measurement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.landscape import SPACE, fitness_of
from scripted_runs import Scripted, run

from nasgen.evaluation import Evaluation, Outcome, Request
from nasgen.strategies.generational import GenerationalEvolution
from nasgen.strategies.prescreen import Prescreen
from nasgen.strategies.protocol import Proposal
from nasgen.strategies.variation import Individual
from predictors import Surrogate
from search_spaces.nasbench201 import Cell

Rows = list[tuple[Request, Outcome | None]]


class Noted(Prescreen[Cell]):
    """A surrogate that notes the rows it was fitted on, and the genotypes it judged."""

    def __init__(self) -> None:
        super().__init__(SPACE, "bayesian-ridge")
        self.learned: dict[int, float] = {}
        self.judged: list[str] = []

    def _fit(self, rows: Any, choice: Any) -> Surrogate:
        self.learned |= {row.number: row.fitness for row in rows}
        return super()._fit(rows, choice)

    def predict(self, genotypes: Sequence[Cell]) -> Any:
        self.judged += [SPACE.encode(genotype) for genotype in genotypes]
        return super().predict(genotypes)


class Optimist:
    """A surrogate that predicts far too much for everything, the more the later."""

    ready = True

    def __init__(self) -> None:
        self.calls = 0

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        return

    def predict(self, genotypes: Sequence[Cell]) -> Any:
        self.calls += 1
        return 1000.0 * self.calls + np.arange(len(genotypes)), np.ones(len(genotypes))


class Watched(GenerationalEvolution[Cell]):
    """Notes of every generation how many genotypes are new, and how many of these are to be trained."""

    def __init__(self, space: Any, asked: Callable[[str], bool], **options: Any) -> None:
        super().__init__(space, asked, **options)
        self.generations: list[tuple[int, int, bool]] = []
        self.verifications = 0
        self.pools: list[int] = []  # members from which each generation drew its parents

    def _verification(self) -> list[Proposal[Cell]]:
        found = super()._verification()
        self.verifications += len(found)
        return found

    def _newcomers(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        everyone = self.population + self.offspring
        best = max(one.value for one in everyone)
        assert any(one.trained and one.value == best for one in everyone), "a predicted fitness leads"
        return super()._newcomers(rng)

    def _offspring(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        asked = super()._offspring(rng)
        self.pools.append(len(self.population))
        return asked

    def _estimate(self, rng: np.random.Generator, new: list[Proposal[Cell]]) -> list[Proposal[Cell]]:
        could = self._may_estimate()
        trained = super()._estimate(rng, new)
        self.generations.append((len(new), len(trained), could))
        return trained


def searched(path: Path, **options: Any) -> tuple[Watched, Rows]:
    made: list[Watched] = []

    def make(space: Any, asked: Callable[[str], bool]) -> Watched:
        made.append(Watched(space, asked, **options))
        return made[-1]

    rows = run(path, make, Scripted(), evaluations=150)
    return made[0], rows


@pytest.mark.parametrize("policy", ["rank", "random"])
def test_half_of_what_is_new_is_trained_and_the_leaders_verified(tmp_path: Path, policy: str) -> None:
    strategy, rows = searched(tmp_path / "store", prescreen=Noted(), policy=policy, mutation=0.8)
    assert len(strategy.generations) >= 3
    for new, trained, could in strategy.generations:
        assert trained == (math.ceil(0.5 * new) if could else new)
    sizes = [sum(request.round == number for request, _ in rows) for number in range(rows[-1][0].round + 1)]
    assert sizes[0] == 30
    # All rows are of the first population, of the trained halves (the last cut to the budget), or verifications.
    trained = sum(trained for _, trained, _ in strategy.generations)
    assert 150 - 30 - strategy.verifications <= trained
    assert strategy.verifications < 60


def test_the_surrogate_learns_from_measurements_alone(tmp_path: Path) -> None:
    surrogate = Noted()
    _, rows = searched(tmp_path / "store", prescreen=surrogate)
    measured = {request.number: fitness_of(request.genotype) for request, _ in rows}
    assert len(surrogate.learned) > 60
    assert surrogate.learned == {number: measured[number] for number in surrogate.learned}
    estimated = set(surrogate.judged) - {request.genotype for request, _ in rows}
    assert estimated, "nothing was estimated: the test shows nothing"


def test_estimates_are_recorded_with_what_was_then_measured(tmp_path: Path) -> None:
    _, rows = searched(tmp_path / "store", prescreen=Noted())
    assert all(request.predicted is None for request, _ in rows if request.round == 0)
    predicted = [(request.predicted, outcome) for request, outcome in rows if request.predicted is not None]
    assert len(predicted) > 60
    assert all(outcome is not None and outcome.fitness != value for value, outcome in predicted)


def test_the_lowest_predictions_are_estimated() -> None:
    strategy = GenerationalEvolution(SPACE, lambda key: False, prescreen=Optimist(), n_min=0)  # type: ignore[arg-type]  # a stand-in
    rng = np.random.default_rng(0)
    new = [Proposal(SPACE.sample(rng), key=str(number)) for number in range(9)]
    trained = strategy._estimate(rng, new)
    assert [one.key for one in trained] == ["4", "5", "6", "7", "8"]
    assert [(one.key, one.trained, one.value) for one in strategy.offspring] == [
        (str(number), False, 1000.0 + number) for number in range(4)
    ]


def test_estimates_are_verified_until_none_leads(tmp_path: Path) -> None:
    """An optimist's estimates all lead: every one of them is trained, one a round, before the next generation."""
    strategy, _ = searched(tmp_path / "store", population=10, prescreen=Optimist())
    complete = strategy.generations[:-1]
    estimated = sum(new - trained for new, trained, _ in complete)
    assert estimated > 20
    assert estimated <= strategy.verifications <= estimated + 10
    assert all(one.trained for one in strategy.population)


@pytest.mark.parametrize("policy", ["rank", "random"])
def test_an_estimated_share_of_zero_is_the_plain_genetic_search(tmp_path: Path, policy: str) -> None:
    _, plain = searched(tmp_path / "plain", prescreen=None)
    _, zero = searched(tmp_path / "zero", prescreen=Noted(), estimation=0.0, policy=policy)
    assert zero == plain


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    _, one = searched(tmp_path / "one", prescreen=Noted())
    _, other = searched(tmp_path / "other", prescreen=Noted())
    assert one == other


def test_the_worst_tenth_leaves_for_random_genotypes(tmp_path: Path) -> None:
    strategy, rows = searched(tmp_path / "store", mutation=0.0)
    # Nothing is varied: the rounds of offspring are empty, and each generation asks for its three newcomers alone.
    sizes = [sum(request.round == number for request, _ in rows) for number in range(81)]
    assert sizes == [30] + [0, 3] * 40
    assert [request.operator for request, _ in rows] == ["sample"] * 150
    survivors = [one for one in strategy.population if one.key not in {request.key for request, _ in rows[-3:]}]
    values = sorted((outcome.fitness or -math.inf for _, outcome in rows[:-3] if outcome), reverse=True)
    assert sorted((one.value for one in survivors), reverse=True)[:20] == values[:20]


def test_parents_come_from_thirty_with_the_newcomers_among_them(tmp_path: Path) -> None:
    strategy, rows = searched(tmp_path / "store", mutation=0.9)
    assert len(strategy.pools) > 3
    assert set(strategy.pools) == {30}
    newcomers = {request.key for request, _ in rows if request.round > 0 and request.operator == "sample"}
    parents = {parent for request, _ in rows for parent in request.parents}
    assert newcomers & parents, "no newcomer ever became a parent"


def test_a_clone_of_a_member_is_nothing_new(tmp_path: Path) -> None:
    for policy in ("rank", "random"):
        _, rows = searched(tmp_path / policy, prescreen=Noted(), policy=policy)
        assert all(request.key not in request.parents for request, _ in rows)
        assert all(request.operator != "clone" for request, _ in rows)


def test_nothing_is_estimated_before_thirty_are_trained(tmp_path: Path) -> None:
    _, rows = searched(tmp_path / "store", prescreen=Noted(), population=16, mutation=0.9)
    first = next(request for request, _ in rows if request.predicted is not None)
    trained = [outcome for request, outcome in rows if request.round < first.round]
    assert sum(outcome is not None and outcome.failure is None for outcome in trained) >= 30
    assert first.round >= 2


def test_nobody_is_in_the_population_twice(tmp_path: Path) -> None:
    strategy, _ = searched(tmp_path / "store", prescreen=Noted(), crossover=0.5)
    assert len({one.key for one in strategy.population}) == len(strategy.population)


def test_individuals_survive_json() -> None:
    proposal = Proposal(SPACE.sample(np.random.default_rng(0)), "key", "edge-op", ("a", "b"), 0.5, 0.1)
    for value, trained in ((0.25, False), (-math.inf, True)):
        one = Individual.of(proposal, value, trained)
        other = Individual.from_json(SPACE, one.to_json(SPACE))
        assert (other.proposal, other.value, other.trained) == (proposal, value, trained)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="policy must be rank or random, found 'best'"):
        GenerationalEvolution(SPACE, lambda key: False, policy="best")
    for name in ("removal", "estimation"):
        with pytest.raises(ValueError, match=f"{name} must be a share from 0 to 1, found 1.5"):
            GenerationalEvolution(SPACE, lambda key: False, **{name: 1.5})  # type: ignore[arg-type]  # one name or the other
