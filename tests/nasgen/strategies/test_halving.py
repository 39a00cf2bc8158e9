"""Successive halving: who is promoted, when, and what the inner strategy gets to see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.baselines import RandomSearch
from nasgen.strategies.evolution import Evolution
from nasgen.strategies.halving import PROMOTE, Halving
from search_spaces import get_space

SPACE = get_space("cnn", input_shape=(1, 8, 8), n_classes=10)
LADDER = ("proxy", "search")


class Asked(set[tuple[str, str]]):
    """Which (key, fidelity) was asked."""

    def __call__(self, key: str, fidelity: str) -> bool:
        return (key, fidelity) in self


class Listener(RandomSearch[Any]):
    """A random search that remembers what it was told."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told: list[int] = []
        self.heard: list[int] = []

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        self.told += [row.number for row in evaluations]

    def promoted(self, evaluations: Sequence[Evaluation]) -> None:
        self.heard += [row.number for row in evaluations]


def row(number: int, key: str, fitness: float | None, fidelity: str = "proxy") -> Evaluation:
    genotype = SPACE.encode(SPACE.sample(np.random.default_rng(number)))
    failure = None if fitness is not None else Failure("exception", "as planned")
    return Evaluation(Request(number, genotype, key, number, fidelity), Outcome(fitness, failure))


def ladder(fidelities: Sequence[str] = LADDER, eta: int = 3) -> tuple[Halving[Any], Listener, Asked]:
    asked = Asked()
    inner = Listener(SPACE, lambda key: asked(key, fidelities[0]))
    return Halving(SPACE, asked, inner, fidelities, eta=eta), inner, asked


def ask(strategy: Halving[Any], asked: Asked, seed: int = 0) -> tuple[str, str, str]:
    """Operator, key and fidelity of the next proposal, which counts as asked."""
    (proposal,) = strategy.ask(np.random.default_rng(seed))
    key = proposal.key or SPACE.key(proposal.genotype)
    asked.add((key, proposal.fidelity))
    return proposal.operator, key, proposal.fidelity


def test_new_genotypes_begin_at_the_lowest_fidelity() -> None:
    strategy, _, asked = ladder()
    operator, _, fidelity = ask(strategy, asked)
    assert (operator, fidelity) == ("sample", "proxy")


def test_the_best_third_is_promoted_once_each_best_first() -> None:
    strategy, _, asked = ladder()
    strategy.tell([row(n, f"k{n}", fitness) for n, fitness in enumerate([0.1, 0.5, 0.3, 0.2, 0.4, 0.0, 0.6])])
    promotions = [ask(strategy, asked, seed) for seed in range(3)]
    assert promotions[:2] == [(PROMOTE, "k6", "search"), (PROMOTE, "k1", "search")]
    assert promotions[2][0] == "sample"  # 7 // 3 = 2


def test_a_promotion_asks_for_the_same_genotype_and_names_it_as_its_parent() -> None:
    strategy, _, _ = ladder()
    rows = [row(n, f"k{n}", n / 10) for n in range(3)]
    strategy.tell(rows)
    (proposal,) = strategy.ask(np.random.default_rng(0))
    assert SPACE.encode(proposal.genotype) == rows[2].genotype
    assert proposal.parents == ("k2",)


def test_later_rows_may_push_another_into_the_best_third() -> None:
    strategy, _, asked = ladder()
    strategy.tell([row(n, f"k{n}", fitness) for n, fitness in enumerate([0.1, 0.2, 0.3])])
    assert ask(strategy, asked)[1] == "k2"
    strategy.tell([row(n, f"k{n}", fitness) for n, fitness in enumerate([0.9, 0.8, 0.1], start=3)])
    assert [ask(strategy, asked, seed)[1] for seed in range(2)] == ["k3", "k4"]


def test_failures_are_never_promoted_and_count_as_rows() -> None:
    strategy, _, asked = ladder()
    strategy.tell([row(0, "k0", None), row(1, "k1", None), row(2, "k2", 0.1)])
    assert ask(strategy, asked)[:2] == (PROMOTE, "k2")
    strategy.tell([row(n, f"k{n}", None) for n in range(3, 12)])
    assert ask(strategy, asked)[0] == "sample"


def test_the_higher_of_two_promotions_comes_first() -> None:
    strategy, _, asked = ladder(("proxy", "search", "long"), eta=2)
    strategy.tell([row(0, "a", 0.5), row(1, "b", 0.4), row(2, "c", 0.3), row(3, "d", 0.2)])
    strategy.tell([row(4, "a", 0.6, "search"), row(5, "b", 0.7, "search")])
    asked |= {("a", "search"), ("b", "search")}
    assert ask(strategy, asked) == (PROMOTE, "b", "long")


def test_the_inner_strategy_is_told_the_lowest_fidelity_and_hears_of_the_others() -> None:
    strategy, inner, _ = ladder()
    strategy.tell([row(0, "a", 0.5), row(1, "b", 0.4)])
    strategy.tell([row(2, "a", 0.6, "search")])
    assert (inner.told, inner.heard) == ([0, 1], [2])


def test_a_restored_ladder_asks_what_the_original_would_have_asked() -> None:
    rows = [row(n, f"k{n}", n / 10) for n in range(6)]
    strategy, _, asked = ladder()
    strategy.tell(rows)
    again, _, _ = ladder()
    again.restore(strategy.state(), rows)
    again.asked = asked
    assert [ask(strategy, Asked(), seed) for seed in range(3)] == [ask(again, Asked(), seed) for seed in range(3)]


def test_evolution_prefers_parents_of_a_higher_fidelity() -> None:
    evolution = Evolution(SPACE, lambda key: False, population=2, fidelities=LADDER)
    evolution.tell([row(0, "a", 0.9), row(1, "b", 0.8), row(2, "c", 0.7)])
    evolution.promoted([row(3, "c", 0.5, "search")])
    assert [individual.key for individual in evolution.population] == ["c", "a"]
    evolution.promoted([row(4, "a", 0.6, "search")])
    assert [(individual.key, individual.value) for individual in evolution.population] == [("a", 0.6), ("c", 0.5)]


@pytest.mark.parametrize("generational", [True, False])
def test_a_ladder_is_generational_as_its_inner_strategy_is(generational: bool) -> None:
    inner = RandomSearch(SPACE, lambda key: False)
    inner.generational = generational
    assert Halving(SPACE, Asked(), inner, LADDER).generational is generational
