"""Pyramids, and convolutions widened or narrowed."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces import get_space
from search_spaces.cnn import CnnGenotype, CnnSpace, Op, infer_shapes
from search_spaces.cnn.mutation import rescale
from search_spaces.cnn.widths import narrowed, pyramid, to_channels

SHAPES = [(3, 32, 32), (1, 28, 28), (1, 8, 8), (3, 64, 64), (3, 8, 40), (1, 1, 1)]


def space(shape: tuple[int, int, int] = (3, 32, 32), **options: object) -> CnnSpace:
    made: CnnSpace = get_space("cnn", input_shape=shape, widths="pyramid", **options)
    return made


def chain(*ops: str) -> CnnGenotype:
    names = ("input", *ops, "output")
    edges = tuple((n, n + 1) for n in range(len(names) - 1))
    return CnnGenotype(tuple(Op.parse(name) for name in names), edges)


@pytest.mark.parametrize("shape", SHAPES)
def test_pyramids_are_valid_and_use_much_of_the_cap(shape: tuple[int, int, int]) -> None:
    cap = {64: 10_000_000, 1: 200_000}.get(max(shape), 2_000_000)  # a map of one pixel uses one tap of a kernel
    one = space(shape, max_macs=cap)
    rng = np.random.default_rng(0)
    drawn = [one.sample(rng) for _ in range(40)]
    assert all(one.validate(genotype) == [] for genotype in drawn)
    shares = [one.to_graph(genotype).info["macs"] / cap for genotype in drawn]
    assert np.median(shares) > 0.4
    assert len({one.key(genotype) for genotype in drawn}) > 30


def test_pyramids_are_cut_down_to_a_small_image_but_not_to_a_pixel() -> None:
    rng = np.random.default_rng(0)
    sides = {infer_shapes(space().sample(rng), (3, 32, 32))[-1][1] for _ in range(60)}
    assert sides == {2, 4, 8}


def test_pyramids_have_a_conv_at_every_height_but_perhaps_the_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        genotype = space().sample(rng)
        heights = [height for _, height, _ in infer_shapes(genotype, (3, 32, 32))]
        with_conv = {height for height, op in zip(heights, genotype.ops, strict=True) if op.channels}
        assert with_conv | {32} == set(heights)


def test_channels_double_where_height_halves() -> None:
    bare = chain(
        "conv3x3:16", "conv3x3:16", "max_pool", "conv3x3:16", "conv3x3:16", "avg_pool", "conv3x3:16", "conv3x3:16"
    )
    growth = []
    for seed in range(200):
        drawn = pyramid(np.random.default_rng(seed), bare, space(max_macs=40_000_000).limits)
        assert drawn is not None
        assert drawn.edges == bare.edges
        assert [op.kind for op in drawn.ops] == [op.kind for op in bare.ops]
        channels = [op.channels for op in drawn.ops if op.channels]
        growth.append([channels[2] / channels[0], channels[4] / channels[2]])
    assert np.median(growth, axis=0) == pytest.approx([2, 2], abs=0.25)


@pytest.mark.parametrize(
    "genotype",
    [
        chain("max_pool", "conv3x3:16", "max_pool", "conv3x3:16", "skip", "skip"),  # few convs
        chain(*["conv3x3:16"] * 5, "max_pool", "skip"),  # halved once
        chain(*["max_pool"] * 5, *["conv3x3:16"] * 5),  # down to a pixel
    ],
)
def test_what_makes_no_pyramid_is_left_out(genotype: CnnGenotype) -> None:
    assert pyramid(np.random.default_rng(0), genotype, space().limits) is None


def test_a_pyramid_that_fits_no_limits_is_left_out() -> None:
    tight = space(max_macs=2_000_000).limits
    deep = chain(*["conv3x3:16"] * 9, "max_pool", "max_pool")
    assert pyramid(np.random.default_rng(0), deep, tight) is None  # nine convs of 16 channels at full resolution


def test_channels_are_legal_whatever_is_wanted() -> None:
    assert [to_channels(wanted) for wanted in (0.1, 8, 11, 13, 250, 9999)] == [8, 8, 8, 16, 248, 256]
    assert to_channels(3, least=16) == 16


@pytest.mark.parametrize("seed", range(30))
def test_rescale_changes_channels_alone_and_stays_valid(seed: int) -> None:
    one = space(max_macs=20_000_000, mutations=["rescale"])
    rng = np.random.default_rng(seed)
    parent = one.sample(rng)
    offspring = one.mutate(rng, parent)
    (child,) = offspring.children
    assert offspring.applied
    assert offspring.operator == "rescale"
    assert one.validate(child) == []
    assert sorted(op.name for op in child.ops) == sorted(op.name for op in parent.ops)
    assert one.key(child) != one.key(parent)


def test_rescale_says_why_it_did_nothing() -> None:
    bare = chain("skip", "max_pool", "skip", "max_pool", "skip", "skip")
    offspring = rescale(np.random.default_rng(0), bare, space().limits)
    assert not offspring.applied
    assert offspring.children == (bare,)
    assert "no other widths" in offspring.reason


def test_the_papers_mutations_are_the_default() -> None:
    assert get_space("cnn").mutations == ("relabel", "insert")


def test_unknown_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="widths must be one of any, pyramid, found 'wide'"):
        get_space("cnn", widths="wide")


def test_a_narrowed_genotype_has_its_structure_and_about_the_square_of_the_cost() -> None:
    wide = chain("conv3x3:64", "max_pool", "conv5x5:24", "skip", "conv3x3:256")
    narrow = narrowed(wide, 0.5)
    assert [str(op) for op in narrow.ops[1:-1]] == ["conv3x3:32", "max_pool", "conv5x5:16", "skip", "conv3x3:128"]
    assert narrow.edges == wide.edges
    assert narrowed(wide, 1.0) == wide
    assert narrowed(wide, 0.01) == chain("conv3x3:8", "max_pool", "conv5x5:8", "skip", "conv3x3:8")
    rng, one = np.random.default_rng(0), space(max_macs=60_000_000)
    ratios = []
    for _ in range(30):
        genotype = one.sample(rng)
        ratios.append(one.to_graph(one.narrowed(genotype, 0.5)).info["macs"] / one.to_graph(genotype).info["macs"])
        assert one.validate(one.narrowed(genotype, 0.5)) == []
    assert np.median(ratios) == pytest.approx(0.25, abs=0.05)
