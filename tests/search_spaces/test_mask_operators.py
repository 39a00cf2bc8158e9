"""Mutations and crossovers of masks: closed, of exactly the kept weights, each changing what it promises alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_spaces.choosing import LARGEST_SHARE
from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.masks.crossover import CROSSOVERS
from search_spaces.masks.mutation import MUTATIONS
from search_spaces.masks.placement import centres
from search_spaces.masks.validity import Limits, validate

SPREAD = np.random.default_rng(9).random(144).tolist()
SPACE = MaskSpace((1, 12, 12), hidden=(40, 33), nodes=33, sparsities=(0.4, 0.7), input_spread=SPREAD)
#: Nodes of three inputs and one unit each: every edge keeps three weights.
EVEN = MaskSpace((1, 9, 8), hidden=(24,), sparsities=(0.5,))
COUNTS = pytest.mark.parametrize("count", [60, pytest.param(2_000, marks=pytest.mark.slow)])


def kept_in(space: MaskSpace, genotype: MaskGenotype) -> int:
    return sum(int(mask.sum()) for mask in space.masks(genotype))


@COUNTS
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_closed_deterministic_and_always_applied(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    parent = SPACE.sample(rng)
    for seed in range(count):
        if seed % 10 == 0:
            parent = SPACE.sample(rng)
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        assert offspring == MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        (child,) = offspring.children
        assert offspring.operator == name
        assert offspring.applied
        assert child != parent
        assert validate(child, SPACE.limits) == []
        assert kept_in(SPACE, child) == child.kept
        assert (child.owners != parent.owners) == (name == "swap-inputs")
        assert (child.rows != parent.rows) == (name != "swap-inputs")
        assert (child.kept != parent.kept) == (name == "sparsity")
        parent = child


@pytest.mark.parametrize("name", ["rewire", "rewire-locally"])
def test_as_many_edges_come_as_go_where_all_keep_equally_many(name: str) -> None:
    moved = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        parent = EVEN.sample(rng)
        (child,) = MUTATIONS[name](rng, parent, EVEN.limits).children
        gone, new = (parent.matrix & ~child.matrix), (child.matrix & ~parent.matrix)
        assert gone.sum() == new.sum() > 0
        moved.append(int(gone.sum()))
    edges = -(-EVEN.limits.kept[0] // 3)
    assert min(moved) == 1
    assert 2 < max(moved) <= LARGEST_SHARE * edges


def test_local_rewiring_keeps_an_end_and_moves_the_other_to_a_near_node() -> None:
    rng = np.random.default_rng(0)
    distances = []
    for seed in range(40):
        parent = EVEN.draw(rng, "geometric", "tiles", EVEN.limits.kept[0])
        (child,) = MUTATIONS["rewire-locally"](np.random.default_rng(seed), parent, EVEN.limits).children
        gone, new = np.argwhere(parent.matrix & ~child.matrix), np.argwhere(child.matrix & ~parent.matrix)
        if len(gone) > 1:
            continue
        ((reader, read),), ((other_reader, other_read),) = gone, new
        assert (reader == other_reader) != (read == other_read)
        ends = (reader, other_reader) if read == other_read else (read, other_read)
        one, other = centres(parent.owned, 24, (1, 9, 8))[list(ends)]
        distances.append(float(np.hypot(*(one - other))))
    assert len(distances) > 10
    assert max(distances) < 5  # any two of 9 x 8 pixels are 4.5 apart on average, and up to 10
    assert np.mean(distances) < 3


def test_swapped_inputs_leave_as_many_to_each_node() -> None:
    near = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        parent = EVEN.draw(rng, "ring", "tiles", EVEN.limits.kept[0])
        (child,) = MUTATIONS["swap-inputs"](rng, parent, EVEN.limits).children
        assert np.bincount(child.owned).tolist() == np.bincount(parent.owned).tolist()
        changed = np.flatnonzero(child.owned != parent.owned)
        assert len(changed) >= 2
        if len(changed) == 2:
            rows, columns = np.divmod(changed, 8)
            near += abs(rows[0] - rows[1]) <= 1 and abs(columns[0] - columns[1]) <= 1
    assert near >= 5


def test_another_sparsity_keeps_the_edges_that_may_stay() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        parent = SPACE.sample(rng)
        (child,) = MUTATIONS["sparsity"](rng, parent, SPACE.limits).children
        assert {parent.kept, child.kept} == set(SPACE.limits.kept)
        dense, sparse = sorted((parent, child), key=lambda genotype: -genotype.kept)
        assert (dense.matrix >= sparse.matrix).all()


FULL = MaskSpace((1, 4, 4), 2, hidden=(4,), sparsities=(0.0,))
FEW = Limits((1, 4, 4), 2, (4,), 4, (16,), True)
LONELY = MaskGenotype.of(np.eye(4, dtype=np.bool_), np.arange(16) // 4, 16)


@pytest.mark.parametrize(
    ("name", "parent", "limits", "reason"),
    [
        ("rewire", FULL.sample(np.random.default_rng(0)), FULL.limits, "every node reads all others"),
        ("rewire-locally", FULL.sample(np.random.default_rng(0)), FULL.limits, "every node reads all others"),
        ("rewire", LONELY, FEW, "no node reads another one"),
        ("rewire-locally", LONELY, FEW, "no node reads another one"),
        ("sparsity", LONELY, FEW, "the space keeps no other number of weights than 16"),
    ],
)
def test_no_ops_return_the_parent_and_say_why(name: str, parent: MaskGenotype, limits: Limits, reason: str) -> None:
    offspring = MUTATIONS[name](np.random.default_rng(0), parent, limits)
    assert offspring.children[0] is parent
    assert offspring.reason == reason


@COUNTS
@pytest.mark.parametrize("name", CROSSOVERS)
def test_crossovers_are_closed_deterministic_and_always_applied(name: str, count: int) -> None:
    for seed in range(count):
        rng = np.random.default_rng(seed)
        parents = SPACE.sample(rng), SPACE.sample(rng)
        offspring = CROSSOVERS[name](np.random.default_rng(seed), *parents, SPACE.limits)
        assert offspring == CROSSOVERS[name](np.random.default_rng(seed), *parents, SPACE.limits)
        assert offspring.operator == name
        assert offspring.applied or parents[0].owners == parents[1].owners
        assert not offspring.applied or set(offspring.children) != set(parents)
        for child, parent, other in zip(offspring.children, parents, parents[::-1], strict=True):
            assert validate(child, SPACE.limits) == []
            assert kept_in(SPACE, child) == child.kept == parent.kept
            assert child.owners == (other if name == "owners" else parent).owners


@pytest.mark.parametrize("name", ["uniform", "cut"])
def test_rows_are_from_either_parent_where_the_numbers_of_weights_allow(name: str) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        parents = [EVEN.draw(rng, "regular", "contiguous", EVEN.limits.kept[0]) for _ in range(2)]
        for child in CROSSOVERS[name](rng, *parents, EVEN.limits).children:
            rows = [(child.matrix == parent.matrix).mean(axis=1) for parent in parents]
            assert np.maximum(*rows).mean() > 0.95
            assert min(row.mean() for row in rows) < 0.95
            if name == "cut":
                from_first = rows[0] > rows[1]
                assert (np.diff(from_first.astype(int)) != 0).sum() <= 2


def test_the_owners_of_the_other_parent_leave_the_edges_where_all_keep_equally_many() -> None:
    rng = np.random.default_rng(0)
    one, other = (EVEN.draw(rng, "sbm", placement, EVEN.limits.kept[0]) for placement in ("tiles", "random"))
    children = CROSSOVERS["owners"](rng, one, other, EVEN.limits).children
    assert [(child.rows, child.owners) for child in children] == [(one.rows, other.owners), (other.rows, one.owners)]


def test_parents_that_are_alike_are_returned_with_the_reason() -> None:
    rng = np.random.default_rng(0)
    one = EVEN.sample(rng)
    twin = replace(one)
    for name, reason in {
        "uniform": "the parents have the same edges",
        "cut": "the parents have the same edges",
        "owners": "the parents have the same owners",
    }.items():
        offspring = CROSSOVERS[name](rng, one, twin, EVEN.limits)
        assert offspring.reason == reason
        assert offspring.children[0] is one
        assert offspring.children[1] is twin
    assert EVEN.crossover(rng, one, twin).reason.count("the parents have the same") == 3


def test_operators_can_be_chosen() -> None:
    space = MaskSpace((1, 9, 8), hidden=(24,), sparsities=(0.5,), mutations=("swap-inputs",), crossovers=("cut",))
    rng = np.random.default_rng(0)
    one, other = space.sample(rng), space.sample(rng)
    assert space.mutate(rng, one).operator == "swap-inputs"
    assert space.crossover(rng, one, other).operator == "cut"
