"""Random genotypes: valid, varied, of the depth asked for, within limits."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from search_spaces.cnn import CnnGenotype, CnnSpace
from search_spaces.cnn.genotype import POOLS, canonical, renumbered
from search_spaces.cnn.validity import depth

WINDOWS = [(6, 12), (10, 36)]


def draws(space: CnnSpace, count: int) -> list[CnnGenotype]:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(count)]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_draws_are_valid_canonical_and_distinct(window: tuple[int, int], count: int) -> None:
    space = CnnSpace(depth=window)
    rng = np.random.default_rng(1)
    keys = set()
    depths: Counter[int] = Counter()
    for genotype in draws(space, count):
        assert space.validate(genotype) == []
        assert space.decode(space.encode(genotype)) == genotype == canonical(genotype)
        key = space.key(genotype)
        assert space.key(renumbered(genotype, rng.permutation(len(genotype)).tolist())) == key
        keys.add(key)
        depths[depth(genotype)] += 1
    assert len(keys) >= 0.999 * count
    assert set(depths) == set(range(window[0], window[1] + 1))
    assert max(depths.values()) < 3 * min(depths.values()) or count < 10_000


@pytest.mark.slow
def test_draws_take_a_millisecond_or_two() -> None:
    space = CnnSpace()
    start = time.perf_counter()
    draws(space, 200)
    assert (time.perf_counter() - start) / 200 < 0.002


def test_draws_use_every_op_forks_merges_and_few_vertices_twice() -> None:
    genotypes = draws(CnnSpace(), 300)
    kinds = Counter(op.kind for genotype in genotypes for op in genotype.ops)
    assert all(kinds[kind] > 100 for kind in ("conv", "max_pool", "avg_pool", "sum", "concat", "skip"))
    assert kinds["conv"] > kinds["max_pool"] + kinds["avg_pool"]
    kernels = Counter(op.kernel for genotype in genotypes for op in genotype.ops if op.kind == "conv")
    assert set(kernels) == {3, 5, 7}
    chains = sum(all(len(heads) < 2 for heads in genotype.successors()) for genotype in genotypes)
    assert 0 < chains < 150
    spans = {head - tail for genotype in genotypes for tail, head in genotype.edges}
    assert {1, 2, 3, 4, 5, 6} <= spans


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_every_pooling_has_something_to_halve(shape: tuple[int, int, int]) -> None:
    space = CnnSpace(input_shape=shape)
    smallest = set()
    for genotype in draws(space, 200):
        heights = space.to_graph(genotype).attributes["height"]
        inputs = genotype.predecessors()
        for vertex, op in enumerate(genotype.ops):
            if op.kind in POOLS:
                assert heights[inputs[vertex][0]] > 1
        smallest.add(min(heights))
    assert min(smallest) == 1
    assert max(smallest) == shape[1]


def test_tight_limits_are_kept_and_impossible_ones_named() -> None:
    space = CnnSpace(input_shape=(1, 8, 8), max_macs=400_000, max_parameters=20_000, max_channels=32)
    assert all(space.validate(genotype) == [] for genotype in draws(space, 100))
    small = CnnSpace(input_shape=(1, 8, 8), depth=(3, 3), max_depth=3, max_vertices=5)
    assert {len(genotype) for genotype in draws(small, 50)} == {5}
    with pytest.raises(ValueError, match=r"no genotype of depth 6\.\.12 .* max_macs=5"):
        CnnSpace(max_macs=5).sample(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("shape", "max_macs"),
    [((3, 32, 32), None), ((1, 8, 8), 500_000), ((1, 28, 28), 2_500_000), ((3, 32, 32), 5_000_000)],
)
def test_convs_have_the_channels_of_fresh_ones_at_any_cap(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int], max_macs: int | None
) -> None:
    monkeypatch.setattr("search_spaces.cnn.generator.ATTEMPTS", 25)  # half of the draws at these caps are kept
    genotypes = draws(CnnSpace(input_shape=shape, max_macs=max_macs), 200)
    channels = Counter(op.channels for genotype in genotypes for op in genotype.ops if op.kind == "conv")
    assert set(channels) == {16, 32, 64, 128}
    assert {depth(genotype) for genotype in genotypes} == set(range(6, 13))
    assert len({op.kernel for genotype in genotypes for op in genotype.ops if op.kind == "conv"}) == 3


def test_deep_draws_at_small_caps_find_something() -> None:
    deep = draws(CnnSpace(input_shape=(1, 28, 28), depth=(10, 36), max_macs=2_500_000), 30)
    assert max(map(depth, deep)) > 24


def test_one_pixel_is_enough() -> None:
    space = CnnSpace(input_shape=(5, 1, 1), depth=(1, 4))
    genotypes = draws(space, 50)
    assert all(space.validate(genotype) == [] for genotype in genotypes)
    assert not any(op.kind in POOLS for genotype in genotypes for op in genotype.ops)
