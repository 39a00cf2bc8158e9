"""Mutations and crossovers of arbitrary masks: closed, of exactly the kept weights, each changing what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces.choosing import LARGEST_SHARE
from search_spaces.sparse import SparseGenotype, SparseSpace
from search_spaces.sparse.crossover import CROSSOVERS
from search_spaces.sparse.mutation import MUTATIONS
from search_spaces.sparse.validity import validate

SPACE = SparseSpace((1, 8, 8), 3, hidden=(24, 16), sparsities=(0.5, 0.9))
ANY = SparseSpace((1, 8, 8), 3, hidden=(24,), sparsities=None)
DENSE = SparseSpace((4,), 2, hidden=(3,), sparsities=(0.0,))
SEEDS = range(60)


@pytest.mark.parametrize("space", [SPACE, ANY], ids=["numbers", "any"])
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_closed_deterministic_and_always_applied(name: str, space: SparseSpace) -> None:
    parent = space.sample(np.random.default_rng(0))
    for seed in SEEDS:
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, space.limits)
        assert offspring == MUTATIONS[name](np.random.default_rng(seed), parent, space.limits)
        (child,) = offspring.children
        assert (offspring.operator, offspring.applied) == (name, True)
        assert child != parent
        assert validate(child, space.limits) == []
        assert (sum(child.kept) != sum(parent.kept)) == (name == "sparsity")
        if name == "rewire-in-layer":
            assert child.kept == parent.kept
            assert sum(one != other for one, other in zip(child.masks, parent.masks, strict=True)) == 1
        parent = child


@pytest.mark.parametrize("name", ["rewire", "rewire-in-layer"])
def test_one_weight_moves_or_up_to_a_twentieth(name: str) -> None:
    moved = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        parent = SPACE.sample(rng)
        (child,) = MUTATIONS[name](rng, parent, SPACE.limits).children
        gone, new = (parent.flat & ~child.flat).sum(), (child.flat & ~parent.flat).sum()
        assert gone == new > 0
        moved.append(int(gone))
    assert min(moved) == 1
    assert 5 < max(moved) <= LARGEST_SHARE * max(sum(parent.kept), SPACE.limits.kept[0])


def test_another_sparsity_keeps_the_weights_that_may_stay() -> None:
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for space in (SPACE, ANY):
            parent = space.sample(rng)
            (child,) = MUTATIONS["sparsity"](rng, parent, space.limits).children
            fewer, more = sorted((parent, child), key=lambda genotype: sum(genotype.kept))
            assert (fewer.flat <= more.flat).all()
        assert sum(more.kept) <= 2 * sum(fewer.kept) + 1


def test_samples_are_uniform_over_the_weights_of_all_layers() -> None:
    counts = np.mean([SPACE.sample(np.random.default_rng(seed)).flat for seed in range(400)], axis=0)
    ends = np.cumsum([64 * 24, 24 * 16])
    assert [part.mean() for part in np.split(counts, ends)] == pytest.approx([0.3, 0.3, 0.3], abs=0.03)
    assert counts.std() < 0.03


def test_samples_of_any_number_are_spread_over_eight_octaves() -> None:
    rng = np.random.default_rng(0)
    kept = [sum(ANY.sample(rng).kept) for _ in range(300)]
    assert ANY.limits.total / 256 - 1 <= min(kept) < max(kept) <= ANY.limits.total
    assert np.mean(np.log2(ANY.limits.total / np.array(kept))) == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize("space", [SPACE, ANY], ids=["numbers", "any"])
@pytest.mark.parametrize("name", CROSSOVERS)
def test_crossovers_are_closed_deterministic_and_of_the_parents_numbers(name: str, space: SparseSpace) -> None:
    applied = 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        first, second = space.sample(rng), space.sample(rng)
        offspring = CROSSOVERS[name](np.random.default_rng(seed), first, second)
        assert offspring == CROSSOVERS[name](np.random.default_rng(seed), first, second)
        assert all(validate(child, space.limits) == [] for child in offspring.children)
        assert [sum(child.kept) for child in offspring.children] == [sum(first.kept), sum(second.kept)]
        applied += offspring.applied
    assert applied > 50


def test_the_uniform_crossover_deals_out_what_one_parent_keeps_alone() -> None:
    first, second = (SPACE.sample(np.random.default_rng(seed)) for seed in range(2))
    one, two = CROSSOVERS["uniform"](np.random.default_rng(0), first, second).children
    assert (one.flat & two.flat == first.flat & second.flat).all()
    assert (one.flat | two.flat == first.flat | second.flat).all()


def test_exchanged_layers_are_those_of_the_other_parent_but_for_what_the_number_asks() -> None:
    rng = np.random.default_rng(0)
    space = SparseSpace((30,), 4, hidden=(20,), sparsities=(0.5,))
    first, second = space.sample(rng), space.sample(rng)
    one, two = CROSSOVERS["layers"](rng, first, second).children
    apart = abs(first.kept[0] - second.kept[0])
    assert sum(int((child.flat & ~(first.flat | second.flat)).sum()) for child in (one, two)) == 0
    for child in (one, two):
        differences = [
            min(int((mask != parent.arrays()[layer]).sum()) for parent in (first, second))
            for layer, mask in enumerate(child.arrays())
        ]
        assert sum(differences) <= apart


@pytest.mark.parametrize("name", [*MUTATIONS, "mutate"])
def test_a_dense_network_is_not_mutated(name: str) -> None:
    parent = DENSE.sample(np.random.default_rng(0))
    offspring = (
        DENSE.mutate(np.random.default_rng(0), parent)
        if name == "mutate"
        else MUTATIONS[name](np.random.default_rng(0), parent, DENSE.limits)
    )
    assert offspring.children[0] is parent
    assert offspring.operator == name
    assert offspring.reason


def test_layers_that_are_full_or_empty_let_no_weight_move_within() -> None:
    genotype = SparseGenotype.of([np.ones((2, 3)), np.zeros((2, 2))])
    offspring = MUTATIONS["rewire-in-layer"](np.random.default_rng(0), genotype, ANY.limits)
    assert offspring.reason == "no weight can move: each layer keeps all or none"
    assert MUTATIONS["rewire"](np.random.default_rng(0), genotype, ANY.limits).applied


@pytest.mark.parametrize("name", CROSSOVERS)
def test_equal_parents_have_no_children(name: str) -> None:
    parent = SPACE.sample(np.random.default_rng(0))
    offspring = CROSSOVERS[name](np.random.default_rng(0), parent, parent)
    assert offspring.children == (parent, parent)
    assert offspring.reason == "the parents are equal"


def test_parents_of_which_one_holds_the_other_have_no_new_children_by_the_uniform_crossover() -> None:
    few = SparseGenotype.of([np.array([[1, 0, 0], [0, 0, 0]])])
    more = SparseGenotype.of([np.array([[1, 0, 0], [0, 0, 1]])])
    offspring = CROSSOVERS["uniform"](np.random.default_rng(0), few, more)
    assert offspring.children[0] is few
    assert offspring.reason == "no new children were found in 20 attempts"
