"""The loop: what a round sees, what is asked, when it ends, and that it goes on as if nothing had happened."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.landscape import SPACE, FewCells
from contracts.strategies import MAKERS
from scripted_runs import ORDERS, Order, Scripted, last_first, run, shuffled

from nasgen.engine.run import EMPTY_ROUNDS, Run
from nasgen.evaluation import Evaluation, Failure, candidate_seed
from nasgen.storage.store import Store
from nasgen.strategies.baselines import HistoryStrategy, RandomSearch
from nasgen.strategies.halving import ETA, Halving
from nasgen.strategies.protocol import Proposal
from search_spaces.nasbench201 import Cell


class Witness(RandomSearch[Cell]):
    """Notes what it was told before each ask; ``size`` genotypes a round."""

    size = 1
    told = 0
    asked_for = 0

    def __init__(self, space: Any, asked: Callable[[str], bool]) -> None:
        super().__init__(space, asked)
        self.saw: list[tuple[int, int]] = []

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        assert [row.number for row in evaluations] == list(range(self.told, self.told + len(evaluations)))
        self.told += len(evaluations)

    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        self.saw.append((self.asked_for, self.told))
        self.asked_for += self.size
        return [one for _ in range(self.size) for one in super(Witness, self).ask(rng)]


def witnessed(path: Path, dispatcher: Scripted, window: int, size: int = 1, generational: bool = False) -> Any:
    made: list[Witness] = []

    def make(space: Any, asked: Callable[[str], bool]) -> Witness:
        made.append(Witness(space, asked))
        made[0].size, made[0].generational = size, generational
        return made[0]

    return made, run(path, make, dispatcher, evaluations=40, window=window)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
@pytest.mark.parametrize("window", [1, 2, 5, 16, 100])
def test_a_pipelined_round_sees_all_but_the_window(tmp_path: Path, window: int, order: Order) -> None:
    dispatcher = Scripted(order)
    (witness,), rows = witnessed(tmp_path / "store", dispatcher, window)
    assert witness.saw == [(k, max(0, k - window + 1)) for k in range(40)]
    assert all(outcome is not None for _, outcome in rows)
    # Whatever else has come meanwhile, never more than the window is without a result when it is asked anew.
    assert dispatcher.most <= min(window, 40)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_a_generation_sees_everything(tmp_path: Path, order: Order) -> None:
    (witness,), rows = witnessed(tmp_path / "store", Scripted(order), window=3, size=7, generational=True)
    assert witness.saw == [(k, k) for k in range(0, 40, 7)]
    assert len(rows) == 40


@pytest.mark.parametrize("name", MAKERS)
def test_the_order_of_results_does_not_matter(tmp_path: Path, name: str) -> None:
    first, *others = (
        run(tmp_path / order_name, MAKERS[name], Scripted(order), evaluations=45, window=6)
        for order_name, order in list(ORDERS.items())[2:]
    )
    assert len(first) == 45
    assert all(rows == first for rows in others)


@pytest.mark.parametrize("name", MAKERS)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str) -> None:
    whole = run(tmp_path / "whole", MAKERS[name], evaluations=50, window=4)
    for order_name, first_stop in (("last-first", 0), ("oldest-last", 9), ("shuffled", 23)):
        path = tmp_path / f"{order_name}.sqlite"
        for stop in (first_stop, 0, 2, 11):
            with pytest.raises(KeyboardInterrupt):
                run(path, MAKERS[name], Scripted(ORDERS[order_name], stop), evaluations=50, window=4)
        assert run(path, MAKERS[name], Scripted(ORDERS[order_name]), evaluations=50, window=4) == whole


@pytest.mark.parametrize("name", ["random", "local-search", "evolution-surrogate"])
def test_a_grown_budget_goes_on_where_the_smaller_ended(tmp_path: Path, name: str) -> None:
    """One genotype a round: nothing of a round was cut off by the smaller budget."""
    whole = run(tmp_path / "whole", MAKERS[name], evaluations=50, window=4)
    assert run(tmp_path / "grown", MAKERS[name], evaluations=20, window=4) == whole[:20]
    assert run(tmp_path / "grown", MAKERS[name], evaluations=50, window=4) == whole


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    rows = run(tmp_path / "store", evaluations=10)
    assert run(tmp_path / "store", evaluations=10) == rows
    assert run(tmp_path / "store", evaluations=5) == rows


def test_an_interrupt_between_two_rounds_loses_nothing(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", MAKERS["generational-surrogate"], evaluations=50)
    for asks in range(1, 6):
        left = [True] * asks

        def asks_left(in_flight: int, left: list[bool] = left) -> float:
            if not left:
                raise KeyboardInterrupt
            left.pop()
            return math.inf

        path = tmp_path / f"{asks}.sqlite"
        with pytest.raises(KeyboardInterrupt):
            run(path, MAKERS["generational-surrogate"], evaluations=50, asks_left=asks_left)
        assert run(path, MAKERS["generational-surrogate"], evaluations=50) == whole


def test_losses_of_an_earlier_run_travel_with_the_request(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        run(path, dispatcher=Scripted(interrupt_after=2), window=3)
    with Store(path) as store:
        (first, _), *_ = store.pending()
        store.record_loss(first.number, 1, Failure("worker-lost", "worker ended by SIGKILL"))
    dispatcher = Scripted()
    run(path, dispatcher=dispatcher, window=3)
    assert dispatcher.attempts[:3] == [1, 0, 0]


def test_the_time_budget_ends_the_asking_but_not_the_waiting(tmp_path: Path) -> None:
    left = [True] * 7
    rows = run(
        tmp_path / "store", dispatcher=Scripted(last_first), window=5, asks_left=lambda _: left.pop() if left else 0
    )
    assert len(rows) == 7
    assert all(outcome is not None for _, outcome in rows)


def test_the_last_round_is_cut_to_the_budget(tmp_path: Path) -> None:
    rows = run(tmp_path / "store", MAKERS["nsga2"], evaluations=21)
    assert [request.round for request, _ in rows] == [0] * 8 + [1] * 8 + [2] * 5


@pytest.mark.parametrize("name", ["nsga2", "generational-surrogate"])
def test_a_round_is_cut_to_what_the_time_budget_allows(tmp_path: Path, name: str) -> None:
    left = [0, 2, 5]
    rows = run(tmp_path / "store", MAKERS[name], evaluations=None, asks_left=lambda _: left.pop())
    assert [request.round for request, _ in rows] == [0] * 5 + [1] * 2


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("window", [1, 6])
def test_an_exhausted_space_ends_the_run(tmp_path: Path, name: str, window: int) -> None:
    space = FewCells()
    rows = run(tmp_path / "store", MAKERS[name], Scripted(last_first), space=space, evaluations=500, window=window)
    assert {request.key for request, _ in rows} == {space.key(cell) for cell in space.genotypes()}
    assert len(rows) == len({(request.key, request.fidelity) for request, _ in rows})
    assert all(outcome is not None for _, outcome in rows)


@pytest.mark.parametrize("window", [1, 6, 30])
def test_the_last_of_an_exhausted_space_are_promoted_like_the_others(tmp_path: Path, window: int) -> None:
    space, ladder = FewCells(), ("proxy", "search")
    with Store(tmp_path / "store") as store:
        inner = RandomSearch(space, lambda key: store.was_asked(key, ladder[0]))
        strategy = Halving(space, store.was_asked, inner, ladder)
        whole = Run(space, strategy, Scripted(last_first), store, 0, 500, window, fidelity=ladder[0])
        whole()
        rows = list(store.evaluations())
    assert whole.exhausted == "every genotype of the search space was asked"
    low, high = ([row for row in rows if row.request.fidelity == name] for name in ladder)
    assert {row.key for row in low} == {space.key(cell) for cell in space.genotypes()}
    best = sorted((row for row in low if row.fitness is not None), key=lambda row: -(row.fitness or 0))
    assert {row.key for row in best[: len(low) // ETA]} <= {row.key for row in high}


class Repeats(HistoryStrategy[Cell]):
    """Asks for the same three cells in every round, one of them twice."""

    generational = True

    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        three = [cell for cell, _ in zip(SPACE.genotypes(), range(3), strict=False)]
        return [Proposal(cell, operator="insist") for cell in (*three, three[0])]


def test_what_was_asked_before_is_replaced(tmp_path: Path) -> None:
    rows = run(tmp_path / "store", Repeats, evaluations=20)
    assert len({request.key for request, _ in rows}) == 20
    # Those three are one cell without its dead parts: it is asked once, and random genotypes stand for the others.
    assert [request.operator for request, _ in rows] == ["insist"] + ["sample"] * 19


def test_a_deliberate_repetition_is_asked(tmp_path: Path) -> None:
    class AsksAgain(HistoryStrategy[Cell]):
        asks = 0

        def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
            self.asks += 1
            return [Proposal(SPACE.sample(np.random.default_rng(0)), operator="again", repeat=self.asks % 3)]

    rows = run(tmp_path / "store", AsksAgain, evaluations=5)
    assert [request.repeat for request, _ in rows] == [1, 2, 0, 0, 0]
    assert [request.operator for request, _ in rows] == ["again"] * 3 + ["sample"] * 2
    key = rows[0][0].key
    assert [request.key == key for request, _ in rows] == [True] * 3 + [False] * 2
    assert [request.seed for request, _ in rows[:3]] == [candidate_seed(0, key, repeat) for repeat in (1, 2, 0)]


class Silent(HistoryStrategy[Cell]):
    """Asks for nothing."""

    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return []


def test_empty_rounds_end_in_a_random_genotype(tmp_path: Path) -> None:
    rows = run(tmp_path / "store", Silent, evaluations=3)
    assert [request.round for request, _ in rows] == [EMPTY_ROUNDS, 2 * EMPTY_ROUNDS + 1, 3 * EMPTY_ROUNDS + 2]
    assert len({request.key for request, _ in rows}) == 3


def test_empty_rounds_are_counted_over_a_resume(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", Silent, evaluations=2)
    left = [True] * (EMPTY_ROUNDS // 2)
    run(tmp_path / "part", Silent, evaluations=2, asks_left=lambda _: left.pop() if left else 0)
    assert run(tmp_path / "part", Silent, evaluations=2) == whole


def test_seeds_are_of_run_key_and_repeat_alone(tmp_path: Path) -> None:
    rows = run(tmp_path / "store", evaluations=10, seed=5)
    assert [request.seed for request, _ in rows] == [candidate_seed(5, request.key) for request, _ in rows]
    assert [request.genotype for request, _ in run(tmp_path / "other", evaluations=10, seed=6)] != [
        request.genotype for request, _ in rows
    ]


def test_every_result_is_shown_once(tmp_path: Path) -> None:
    shown: list[int] = []
    rows = run(
        tmp_path / "store",
        dispatcher=Scripted(shuffled(3)),
        window=8,
        on_result=lambda request, outcome: shown.append(request.number),
    )
    assert sorted(shown) == [request.number for request, _ in rows]
