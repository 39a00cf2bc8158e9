"""Every strategy keeps the contract, broken ones are caught by it, and each does what its paper says."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contracts import strategy_contract as contract
from contracts.landscape import SPACE
from contracts.strategies import MAKERS, screen
from contracts.strategy_contract import CHECKS, Make, Play

from nasgen.evaluation import Evaluation, Request
from nasgen.strategies.baselines import HistoryStrategy, LocalSearch, RandomSearch, RegularizedEvolution
from nasgen.strategies.evolution import INITIAL, Evolution
from nasgen.strategies.protocol import Proposal
from search_spaces.nasbench201 import Cell

Asked = Callable[[str], bool]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: Callable[[Make], None], make: Make) -> None:
    check(make)


# The contract catches strategies that are broken in one way each.


class UsesGlobalRandom(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return super().ask(np.random.default_rng(random.getrandbits(32)))


class SeedsGlobalRandom(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        random.seed(0)
        return super().ask(rng)


class IgnoresItsRandomness(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return super().ask(np.random.default_rng(0))


class LosesState(RandomSearch[Cell]):
    """Every third ask takes another draw, counted in what it does not keep."""

    def __init__(self, space: Any, asked: Asked) -> None:
        super().__init__(space, asked)
        self.asks = 0

    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        self.asks += 1
        if self.asks % 3 == 0:
            rng.random()
        return super().ask(rng)


class ForgetsWhatItWasTold(Evolution[Cell]):
    def restore(self, state: Any, told: Any) -> None:
        return


class HasAStateThatIsNotJson(RandomSearch[Cell]):
    def state(self) -> Any:
        return {float("nan"): {1, 2}}


class Repeats(HistoryStrategy[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return [Proposal(next(SPACE.genotypes()))]


class AsksForWhatIsInvalid(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return [Proposal(Cell(("none",) * 5 + (f"op{rng.integers(10**9)}",)), key=str(rng.integers(10**9)))]


class NeedsAFitness(RegularizedEvolution[Cell]):
    def tell(self, evaluations: Any) -> None:
        super().tell(sorted(evaluations, key=lambda row: -row.fitness))


class AsksForTwo(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return [*super().ask(rng), Proposal(SPACE.sample(rng))]


class StopsAsking(RandomSearch[Cell]):
    def ask(self, rng: np.random.Generator) -> list[Proposal[Cell]]:
        return []


class HasNoState:
    generational = False

    def __init__(self, space: Any, asked: Asked) -> None:
        self.space = space


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (UsesGlobalRandom, contract.check_rounds_are_a_function_of_rng_and_results),
        (UsesGlobalRandom, contract.check_global_random_is_left_as_it_was),
        (UsesGlobalRandom, contract.check_restored_it_asks_the_same),
        (SeedsGlobalRandom, contract.check_global_random_is_left_as_it_was),
        (IgnoresItsRandomness, contract.check_rounds_are_a_function_of_rng_and_results),
        (LosesState, contract.check_restored_it_asks_the_same),
        (ForgetsWhatItWasTold, contract.check_restored_it_asks_the_same),
        (HasAStateThatIsNotJson, contract.check_restored_it_asks_the_same),
        (Repeats, contract.check_asks_are_valid_and_distinct),
        (Repeats, contract.check_a_space_is_exhausted_without_repetition),
        (AsksForWhatIsInvalid, contract.check_asks_are_valid_and_distinct),
        (NeedsAFitness, contract.check_failures_are_tolerated),
        (AsksForTwo, contract.check_a_pipelined_round_has_one_genotype_at_most),
        (StopsAsking, contract.check_failures_are_tolerated),
        (HasNoState, contract.check_has_what_the_engine_calls),
    ],
)
def test_the_contract_catches(broken: Any, check: Callable[[Make], None]) -> None:
    with pytest.raises((AssertionError, TypeError, ValueError)):
        check(broken)


# What each strategy is.


def test_random_search_learns_nothing() -> None:
    one = Play(RandomSearch).to(40)
    other = Play(RandomSearch, contract.failure).to(40)
    assert contract.requests_of(one) == contract.requests_of(other)
    assert {row.request.operator for row in one.rows} == {"sample"}


def test_regularized_evolution_takes_parents_among_the_youngest_alone() -> None:
    play = Play(lambda space, asked: RegularizedEvolution(space, asked, population=10, sample_size=5), window=1).to(60)
    for row in play.rows[10:]:
        youngest = {other.key for other in play.rows[row.number - 10 : row.number]}
        assert row.request.operator == "sample" or set(row.request.parents) <= youngest
    assert sum(row.request.operator == "edge-op" for row in play.rows) > 40


def test_local_search_stays_at_its_summit_and_starts_anew() -> None:
    play = Play(lambda space, asked: LocalSearch(space, asked, patience=5), window=1).to(60)
    summit: Evaluation | None = None
    failures = climbs = 0
    for row in play.rows:
        assert row.request.parents == ((summit.key,) if summit is not None and not summit.failed else ())
        value = -np.inf if row.fitness is None else row.fitness
        if summit is None or value > (-np.inf if summit.fitness is None else summit.fitness):
            summit, failures = row, 0
        else:
            failures += 1
        if failures == 5:
            summit, failures, climbs = None, 0, climbs + 1
    assert climbs >= 2


def test_evolution_takes_parents_among_the_best_alone() -> None:
    play = Play(lambda space, asked: Evolution(space, asked, population=5, initial=10), window=1).to(60)
    for row in play.rows[10:]:
        earlier = [other for other in play.rows[: row.number] if other.fitness is not None]
        best = sorted(earlier, key=lambda other: -(other.fitness or 0))[:5]
        assert set(row.request.parents) <= {other.key for other in best}
    assert {"edge-op", "uniform+edge-op"} <= {row.request.operator for row in play.rows[10:]}


def test_evolution_predicts_what_it_asks_for_but_for_a_share() -> None:
    play = Play(
        lambda space, asked: Evolution(space, asked, prescreen=screen(space), brood=6, exploration=0.25), window=1
    ).to(80)
    predicted = [row.request.predicted is not None for row in play.rows]
    assert not any(predicted[:INITIAL])
    assert 0.5 < np.mean(predicted[INITIAL:]) < 1
    assert all((row.request.predicted is None) == (row.request.predicted_std is None) for row in play.rows)


def test_evolution_is_better_than_random_search_here() -> None:
    """Twelve seeds of 60 rows on the made-up landscape, whose signal is additive: a search that works must gain."""

    def best(make: Make, seed: int) -> float:
        return max(row.fitness or 0 for row in Play(make, seed=seed, window=1).to(60).rows)

    gains = [best(Evolution, seed) - best(RandomSearch, seed) for seed in range(12)]
    assert np.mean(gains) > 0
    assert sum(gain > 0 for gain in gains) >= 8


def test_requests_hold_what_a_row_needs() -> None:
    play = Play(MAKERS["evolution"]).to(30)
    assert all(isinstance(row.request, Request) for row in play.rows)
    assert all(bool(row.request.parents) == (row.request.operator != "sample") for row in play.rows)
