"""Mutations and crossovers: closed, within caps, conserving what they promise, and saying why they do nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.cnn.crossover import CROSSOVERS, average, bridge, subpath
from search_spaces.cnn.genotype import canonical
from search_spaces.cnn.mutation import MUTATIONS, insert, relabel
from search_spaces.cnn.validity import depth, validate

SPACE = CnnSpace()
LOOSE = replace(CnnSpace(depth=(1, 12)).limits, max_parameters=10**9, max_macs=10**12)
INPUT, OUTPUT, S, K = Op("input"), Op("output"), Op("sum"), Op("skip")
COUNTS = pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])


def conv(channels: int, kernel: int = 3) -> Op:
    return Op("conv", kernel, channels)


def chain(*ops: Op) -> CnnGenotype:
    return CnnGenotype((INPUT, *ops, OUTPUT), tuple((i, i + 1) for i in range(len(ops) + 1)))


def mesh(*channels: int) -> CnnGenotype:
    """Convs each of which is read twice: no simple chain longer than one, no bridge between operations."""
    ops, edges = [INPUT, conv(channels[0]), conv(channels[1])], [(0, 1), (0, 2)]
    ops += [S, S, S, OUTPUT]
    edges += [(1, 3), (2, 3), (1, 4), (2, 4), (3, 5), (4, 5), (5, 6)]
    return CnnGenotype(tuple(ops), tuple(edges))


def labels(*genotypes: CnnGenotype) -> Counter[Op]:
    return Counter(op for genotype in genotypes for op in genotype.ops)


def wiring(genotype: CnnGenotype) -> str:
    """The key of the topology, kernels included, channels left out."""
    ops = tuple(Op("conv", op.kernel, 8) if op.channels else op for op in genotype.ops)
    return SPACE.key(CnnGenotype(ops, genotype.edges))


def bare(genotype: CnnGenotype) -> str:
    """The key of the topology without any label."""
    return SPACE.key(CnnGenotype((K,) * len(genotype), genotype.edges))


@COUNTS
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_closed_deterministic_and_nearly_always_applied(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    parent, applied = SPACE.sample(rng), 0
    for seed in range(count):
        if seed % 10 == 0 or depth(parent) > 30 or len(parent) > 55:
            parent = SPACE.sample(rng)
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        assert offspring == MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        (child,) = offspring.children
        assert validate(child, SPACE.limits) == []
        assert offspring.operator == name
        if offspring.applied:
            assert child == canonical(child) != parent
            if name == "relabel":
                assert bare(child) == bare(parent)
            else:
                assert 0 <= depth(child) - depth(parent) <= 2
                assert 2 <= len(child) - len(parent) <= 3
        else:
            assert child is parent
        applied += offspring.applied
        parent = child
    assert applied >= 0.95 * count


@COUNTS
@pytest.mark.parametrize("name", CROSSOVERS)
def test_crossovers_are_closed_deterministic_and_conserve(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    applied = 0
    for seed in range(count):
        parents = SPACE.sample(rng), SPACE.sample(rng)
        offspring = CROSSOVERS[name](np.random.default_rng(seed), *parents, SPACE.limits)
        if seed % 5 == 0:
            assert offspring == CROSSOVERS[name](np.random.default_rng(seed), *parents, SPACE.limits)
        assert all(validate(child, SPACE.limits) == [] for child in offspring.children)
        assert offspring.operator == name
        if not offspring.applied:
            assert all(child is parent for child, parent in zip(offspring.children, parents, strict=True))
            continue
        applied += 1
        assert all(child == canonical(child) for child in offspring.children)
        if name == "average":
            assert [*map(wiring, offspring.children)] == [*map(wiring, parents)]
        else:
            assert labels(*offspring.children) == labels(*parents)
    assert applied > count / 4


def test_relabel_keeps_the_arity_class() -> None:
    parent = chain(*[conv(16)] * 6)
    seen = {op.kind for s in range(40) for op in relabel(np.random.default_rng(s), parent, LOOSE).children[0].ops}
    assert seen == {"input", "output", "conv", "max_pool", "avg_pool", "skip"}
    merges = {relabel(np.random.default_rng(s), mesh(8, 8), LOOSE).children[0] for s in range(40)}
    assert any(op.kind == "concat" for child in merges for op in child.ops)


def test_insert_stops_at_the_caps_and_says_so() -> None:
    parent = chain(*[conv(8)] * 6)
    rng = np.random.default_rng(0)
    assert insert(rng, parent, replace(LOOSE, max_depth=8)).applied
    deep = insert(rng, parent, replace(LOOSE, max_depth=7))
    assert deep.children[0] is parent
    assert deep.reason == "every edge would exceed the depth of 7"
    full = insert(rng, parent, replace(LOOSE, max_vertices=9))
    assert full.children[0] is parent
    assert full.reason == "the child would exceed 9 vertices"
    assert len(insert(rng, parent, replace(LOOSE, max_vertices=10)).children[0]) == 10


def test_insert_finds_the_edges_off_the_longest_path() -> None:
    edges = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (4, 5))
    parent = CnnGenotype((INPUT, conv(8), conv(8), conv(8), S, OUTPUT), edges)
    for seed in range(30):
        offspring = insert(np.random.default_rng(seed), parent, replace(LOOSE, max_depth=4))
        assert offspring.applied
        assert depth(offspring.children[0]) == 4


def test_insert_succeeds_where_nothing_more_may_be_spent() -> None:
    parent = chain(*[conv(8)] * 6)
    graph = SPACE.to_graph(parent)
    spent = replace(LOOSE, max_parameters=int(graph.info["parameters"]), max_macs=int(graph.info["macs"]))
    assert all(insert(np.random.default_rng(seed), parent, spent).applied for seed in range(50))


def test_subpath_swaps_the_longest_chains() -> None:
    edges = ((0, 1), (1, 2), (2, 3), (0, 4), (4, 3), (3, 5))
    first = CnnGenotype((INPUT, conv(8), conv(16), S, conv(24), OUTPUT), edges)
    second = CnnGenotype((INPUT, conv(32, 5), conv(40, 5), S, conv(48, 5), OUTPUT), edges)
    offspring = subpath(np.random.default_rng(0), first, second, LOOSE)
    expected = [
        CnnGenotype((INPUT, conv(32, 5), conv(40, 5), S, conv(24), OUTPUT), edges),
        CnnGenotype((INPUT, conv(8), conv(16), S, conv(48, 5), OUTPUT), edges),
    ]
    assert list(offspring.children) == [canonical(child) for child in expected]


def test_subpath_takes_the_next_longest_pair_where_the_longest_does_not_fit() -> None:
    edges = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 5), (5, 4), (4, 6))
    first = CnnGenotype((INPUT, conv(8), conv(8), conv(8), S, conv(8), OUTPUT), edges)
    second = chain(*[conv(16)] * 5)
    fits_any = subpath(np.random.default_rng(0), first, second, LOOSE)
    assert {depth(child) for child in fits_any.children} == {6, 3}
    capped = subpath(np.random.default_rng(0), first, second, replace(LOOSE, min_depth=3, max_depth=5))
    assert not capped.applied
    two = CnnGenotype(
        (INPUT, conv(16), conv(16), S, conv(24), OUTPUT), ((0, 1), (1, 2), (2, 3), (0, 4), (4, 3), (3, 5))
    )
    limits = replace(LOOSE, min_depth=4, max_depth=4)
    assert not subpath(np.random.default_rng(0), first, two, limits).applied  # two itself is too shallow
    limits = replace(LOOSE, min_depth=3, max_depth=4)
    assert labels(*subpath(np.random.default_rng(0), first, two, limits).children) == labels(first, two)


@pytest.mark.parametrize(
    ("operator", "first", "second", "limits", "reason"),
    [
        (subpath, mesh(8, 8), chain(conv(8)), LOOSE, "the first parent has no simple sub-path"),
        (subpath, chain(conv(8)), mesh(8, 8), LOOSE, "the second parent has no simple sub-path"),
        (subpath, chain(conv(8)), chain(conv(8)), LOOSE, "all simple sub-paths of the parents are alike"),
        (subpath, chain(conv(8)), chain(K, K), LOOSE, "no exchange of sub-paths gives new children"),
        (bridge, mesh(8, 8), chain(K, K), LOOSE, "the first parent has no bridge between operations"),
        (bridge, chain(K, K), chain(K), LOOSE, "the second parent has no bridge between operations"),
        (bridge, chain(K, K), chain(K, K), LOOSE, "no pair of bridges gives new children within the limits"),
        (
            bridge,
            chain(conv(8), conv(8)),
            chain(K, K, K, conv(16)),
            replace(LOOSE, min_depth=4, max_depth=4),
            "no pair of bridges gives new children within the limits",
        ),
        (average, chain(conv(8), K), chain(K, conv(8)), LOOSE, "no layer has convs in both parents"),
        (average, chain(conv(8)), chain(conv(8, 5)), LOOSE, "all matching convs have equal channels"),
        (
            average,
            chain(conv(8), conv(8)),
            chain(conv(16), K),
            replace(LOOSE, max_parameters=1),
            "the averaged children are not new or exceed the limits",
        ),
    ],
)
def test_no_ops_say_why(operator, first, second, limits, reason: str) -> None:  # type: ignore[no-untyped-def]
    offspring = operator(np.random.default_rng(0), first, second, limits)
    assert reason in offspring.reason
    assert offspring.children[0] is first
    assert offspring.children[1] is second


def test_bridge_joins_heads_and_tails_with_equal_odds() -> None:
    first, second = chain(conv(8), conv(16), conv(24)), chain(K, Op("max_pool"))
    found = Counter(bridge(np.random.default_rng(seed), first, second, LOOSE).children[0] for seed in range(200))
    assert set(found) == {chain(conv(8), Op("max_pool")), chain(conv(8), conv(16), Op("max_pool"))}
    assert min(found.values()) > 60


def test_average_rounds_halves_up_and_pairs_by_kernel() -> None:
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    first = CnnGenotype((INPUT, conv(8, 5), conv(64, 3), S, OUTPUT), edges)
    second = CnnGenotype((INPUT, conv(16, 3), conv(16, 7), S, OUTPUT), edges)
    offspring = average(np.random.default_rng(0), first, second, LOOSE)
    assert offspring.children == (
        canonical(CnnGenotype((INPUT, conv(16, 5), conv(40, 3), S, OUTPUT), edges)),
        canonical(CnnGenotype((INPUT, conv(40, 3), conv(16, 7), S, OUTPUT), edges)),
    )
    mean = average(np.random.default_rng(0), first, second, LOOSE, pairing="layer_mean")
    channels = [op.channels for child in mean.children for op in child.ops if op.channels]
    assert channels == [24] * 4  # the mean is 26


def test_the_space_tries_another_operator_and_reports_all_reasons() -> None:
    space = CnnSpace(depth=(1, 4), max_depth=4)
    deepest = chain(*[conv(16)] * 4)
    assert {space.mutate(np.random.default_rng(s), deepest).operator for s in range(20)} == {"relabel"}
    only = CnnSpace(depth=(1, 4), max_depth=4, mutations=["insert"])
    assert only.mutate(np.random.default_rng(0), deepest).reason == ("insert: every edge would exceed the depth of 4")
    drawn = {SPACE.mutate(np.random.default_rng(s), chain(*[conv(16)] * 8)).operator for s in range(20)}
    assert drawn == {"relabel", "insert"}
    same = space.crossover(np.random.default_rng(0), deepest, deepest)
    assert all(name in same.reason for name in CROSSOVERS)
