"""Placements: who owns which inputs, and how near one another they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from search_spaces.masks import MaskSpace
from search_spaces.masks.placement import PLACEMENTS, centres, closed_curve, coordinates, equal_shares

SIDES = [*itertools.product((2, 3, 4, 5, 8, 13, 28), repeat=2), (2, 97), (97, 2), (32, 32)]
FROM_THE_MIDDLE = np.hypot(*np.indices((12, 12)) - 5.5).ravel()
SPREAD = FROM_THE_MIDDLE.max() - FROM_THE_MIDDLE


@pytest.mark.parametrize(("height", "width"), SIDES)
def test_the_curve_goes_through_every_pixel_once_and_back_to_where_it_started(height: int, width: int) -> None:
    curve = closed_curve(height, width)
    assert sorted(curve) == sorted(itertools.product(range(height), range(width)))
    steps = np.abs(np.array(curve) - np.roll(curve, 1, axis=0))
    assert steps.max() == 1
    assert (steps.sum(axis=1) == 2).sum() <= 2 * (height % 2 or width % 2 or (width // 2) % 2)  # diagonal ones


def test_the_curve_by_hand() -> None:
    assert closed_curve(2, 2) == [(0, 0), (1, 0), (1, 1), (0, 1)]
    assert closed_curve(2, 4) == [(0, 1), (0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (0, 3), (0, 2)]
    with pytest.raises(ValueError, match="two rows and columns at least, found 1 x 5"):
        closed_curve(1, 5)


def test_equal_shares_by_hand() -> None:
    assert equal_shares(np.ones(6), 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert equal_shares(np.array([1.0, 1.0, 2.0, 4.0]), 2).tolist() == [0, 0, 0, 1]
    assert equal_shares(np.array([8.0, 0.0, 0.0]), 3).tolist() == [0, 1, 2]  # each has one at least
    assert equal_shares(np.array([0.0, 0.0, 8.0]), 3).tolist() == [0, 1, 2]
    assert equal_shares(np.array([0.0, 8.0, 0.0, 0.0]), 3).tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 12, 12), (1, 7, 9), (40,), (5, 1, 8), (2, 3, 4, 5)])
@pytest.mark.parametrize("name", PLACEMENTS)
def test_every_node_owns_an_input_and_every_input_a_node(name: str, shape: tuple[int, ...]) -> None:
    features = int(np.prod(shape))
    spread = np.random.default_rng(5).random(features) ** 4
    for nodes in (2, 16, 37):
        for seed in range(3):
            owners = PLACEMENTS[name](np.random.default_rng(seed), shape, nodes, spread)
            assert owners.shape == (features,)
            assert (np.bincount(owners, minlength=nodes) >= 1).all()
            assert owners.max() == nodes - 1
            assert (owners == PLACEMENTS[name](np.random.default_rng(seed), shape, nodes, spread)).all()
            sizes = np.bincount(owners)
            assert name == "spread" or sizes.max() - sizes.min() <= 1


def test_contiguous_owners_go_by_feature_and_random_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    assert (np.diff(PLACEMENTS["contiguous"](rng, (1, 28, 28), 128, None)) >= 0).all()
    assert (np.diff(PLACEMENTS["random"](rng, (1, 28, 28), 128, None)) < 0).sum() > 300


def test_tiles_are_patches_of_neighbouring_pixels_numbered_along_the_curve() -> None:
    for seed in range(5):
        owners = PLACEMENTS["tiles"](np.random.default_rng(seed), (1, 12, 12), 36, None)
        places = coordinates((1, 12, 12))
        middle = centres(owners, 36, (1, 12, 12))
        within = [((places[owners == node] - middle[node]) ** 2).sum(axis=1).max() for node in range(36)]
        assert max(within) <= 2 * 1.5**2  # four pixels of a curve
        following = np.sqrt(((middle - np.roll(middle, 1, axis=0)) ** 2).sum(axis=1))
        assert following.max() <= 4
        far = np.sqrt(((middle - np.roll(middle, 18, axis=0)) ** 2).sum(axis=1))
        assert far.mean() > 2 * following.mean()


def test_the_channels_of_a_pixel_stay_together() -> None:
    owners = PLACEMENTS["tiles"](np.random.default_rng(1), (3, 8, 8), 16, None).reshape(3, 8, 8)
    assert (owners[0] == owners[1]).all()
    assert (owners[0] == owners[2]).all()


def test_tiles_of_equal_spread_are_smaller_where_there_is_more_of_it() -> None:
    owners = PLACEMENTS["spread"](np.random.default_rng(0), (1, 12, 12), 16, SPREAD)
    sums = np.bincount(owners, weights=SPREAD)
    assert sums.max() < 1.5 * sums.mean()
    assert sums.min() > 0.5 * sums.mean()
    inner = FROM_THE_MIDDLE < 3
    sizes = np.bincount(owners)
    assert sizes[owners[inner]].mean() < 0.75 * sizes[owners[~inner]].mean()


def test_features_of_no_image_are_taken_as_they_are_numbered() -> None:
    for name in ("tiles", "contiguous"):
        owners = PLACEMENTS[name](np.random.default_rng(0), (40,), 7, None)
        assert (np.diff(owners) >= 0).all()
    assert coordinates((4,)).tolist() == [[0], [1], [2], [3]]
    assert coordinates((2, 2, 2)).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] * 2


def test_spread_is_refused_where_nothing_is_known_of_it() -> None:
    with pytest.raises(ValueError, match="'spread' must have input_spread"):
        PLACEMENTS["spread"](np.random.default_rng(0), (1, 12, 12), 16, None)


def test_rings_on_tiles_are_local_in_the_image_and_not_on_random_owners() -> None:
    space = MaskSpace(input_spread=[1.0] * 784, mutual=(1, 1))
    locality = {
        (generator, placement): np.mean(
            [
                space.to_graph(space.draw(np.random.default_rng(seed), generator, placement, 8883)).info["locality"]
                for seed in range(3)
            ]
        )
        for generator in ("ring", "geometric", "er")
        for placement in space.placements
    }
    uniform = 2 * 2 * (28**2 - 1) / 12  # two random pixels of 28 x 28 are so far apart, squared
    assert locality["er", "random"] == pytest.approx(uniform, rel=0.1)
    assert locality["ring", "random"] == pytest.approx(uniform, rel=0.1)
    for placement in ("tiles", "spread"):
        assert locality["ring", placement] < uniform / 8
        assert locality["geometric", placement] < uniform / 8
        assert locality["er", placement] > uniform * 0.8
    assert uniform / 8 < locality["ring", "contiguous"] < uniform  # slices are parts of rows
