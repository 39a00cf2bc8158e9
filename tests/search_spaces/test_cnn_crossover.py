"""Crossovers: closed, within caps, conserving what they promise, and saying why they do nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from search_spaces.canonical import layering
from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.cnn.crossover import CROSSOVERS, PAIRINGS, average, bridge, subpath
from search_spaces.cnn.genotype import canonical
from search_spaces.cnn.validity import depth, validate

SPACE = CnnSpace()
LOOSE = replace(CnnSpace(depth=(1, 12)).limits, max_channels=10**5, max_parameters=10**9, max_macs=10**12)
INPUT, OUTPUT, S, K = Op("input"), Op("output"), Op("sum"), Op("skip")
COUNTS = pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])

Rows = dict[int, list[tuple[int, int]]]


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


def convs(genotype: CnnGenotype) -> Rows:
    """(kernel, channels) of the convs of every layer, sorted."""
    rows: Rows = {}
    for op, layer in zip(genotype.ops, layering(len(genotype), genotype.edges), strict=True):
        if op.kind == "conv":
            rows.setdefault(layer, []).append((op.kernel, op.channels))
    return {layer: sorted(row) for layer, row in rows.items()}


def rounded(*channels: int) -> int:
    """The mean to the nearest multiple of 8, halves up."""
    return 8 * floor(Fraction(sum(channels), 8 * len(channels)) + Fraction(1, 2))


def averaged(mine: Rows, its: Rows, pairing: str) -> Rows:
    """What the convs of a child must be, for the parent whose topology it has and the other one."""
    expected = {}
    for layer, row in mine.items():
        other = its.get(layer, [])
        if pairing == "layer_mean" and other:
            means = [rounded(*(channels for _, channels in row + other))] * len(row)
        else:
            means = [rounded(one[1], two[1]) for one, two in zip(row, other, strict=False)]
            means += [channels for _, channels in row[len(means) :]]
        expected[layer] = sorted((kernel, mean) for (kernel, _), mean in zip(row, means, strict=True))
    return expected


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


@COUNTS
@pytest.mark.parametrize("pairing", PAIRINGS)
def test_every_averaged_conv_has_the_rounded_mean(pairing: str, count: int) -> None:
    rng = np.random.default_rng(0)
    layers = 0
    for _ in range(count):
        parents = SPACE.sample(rng), SPACE.sample(rng)
        offspring = average(rng, *parents, LOOSE, pairing=pairing)
        rows = convs(parents[0]), convs(parents[1])
        expected = averaged(*rows, pairing), averaged(*rows[::-1], pairing)
        assert tuple(map(convs, offspring.children)) == expected
        assert offspring.applied == (expected != rows)
        layers += len(rows[0].keys() & rows[1].keys())
    assert layers > 2 * count


@pytest.mark.parametrize(
    ("one", "other", "mean"), [(8, 8, 8), (8, 16, 16), (8, 24, 16), (16, 136, 80), (8, 256, 136), (240, 256, 248)]
)
def test_pairs_of_any_size_have_the_rounded_mean(one: int, other: int, mean: int) -> None:
    offspring = average(np.random.default_rng(0), chain(conv(one), conv(8)), chain(conv(other), conv(64)), LOOSE)
    assert offspring.children == (chain(conv(mean), conv(40)),) * 2


def test_the_space_averages_with_its_own_pairing() -> None:
    rng = np.random.default_rng(0)
    spaces = {pairing: CnnSpace(crossovers=["average"], pairing=pairing) for pairing in PAIRINGS}
    unlike = 0
    for _ in range(30):
        parents = SPACE.sample(rng), SPACE.sample(rng)
        offspring = {pairing: space.crossover(rng, *parents) for pairing, space in spaces.items()}
        for pairing, found in offspring.items():
            if found.applied:
                assert found == average(rng, *parents, SPACE.limits, pairing=pairing)
        unlike += offspring["canonical"] != offspring["layer_mean"]
    assert unlike > 5


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


def test_the_space_tries_every_crossover_and_reports_all_reasons() -> None:
    same = chain(*[conv(16)] * 6)
    assert all(name in SPACE.crossover(np.random.default_rng(0), same, same).reason for name in CROSSOVERS)
    rng = np.random.default_rng(0)
    assert {SPACE.crossover(rng, SPACE.sample(rng), SPACE.sample(rng)).operator for _ in range(20)} == set(CROSSOVERS)
