"""Random choices that the generator and the mutations share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.choosing import pick
from search_spaces.cnn.genotype import POOLS, Op

CHANNELS = (16, 32, 64, 128)  # of a freshly drawn conv
KERNELS = (3, 3, 5, 7)  # half of the convs stay cheap
CONV_SHARE, POOL_SHARE = 0.7, 0.2  # of freshly drawn vertices of one input; the rest is skip
CONCAT_SHARE = 0.4  # of merges in random genotypes
SKIP_SHARE = 0.1  # of their vertices with one input that are no pooling


def draw_conv(rng: np.random.Generator, channels: Sequence[int] = CHANNELS) -> Op:
    """A conv with a random kernel and one of the given channels."""
    return Op("conv", pick(rng, KERNELS), pick(rng, channels))


def draw_free(rng: np.random.Generator) -> Op:
    """A vertex of one input without parameters: max_pool, avg_pool or skip."""
    return Op(pick(rng, (*POOLS, "skip")))


def draw_unary(rng: np.random.Generator) -> Op:
    """A vertex of one input."""
    luck = rng.random()
    if luck < CONV_SHARE:
        return draw_conv(rng)
    return Op(pick(rng, POOLS)) if luck < CONV_SHARE + POOL_SHARE else Op("skip")


def draw_merge(rng: np.random.Generator, concat_fits: bool) -> Op:
    """A merge: a sum, or a concat if that many channels are allowed."""
    return Op("concat" if concat_fits and rng.random() < CONCAT_SHARE else "sum")


def draw_step(rng: np.random.Generator, pool_share: float, channels: Sequence[int]) -> Op:
    """A vertex of one input, a pooling with odds of ``pool_share``, and mostly a conv otherwise."""
    if rng.random() < pool_share:
        return Op(pick(rng, POOLS))
    return Op("skip") if rng.random() < SKIP_SHARE else draw_conv(rng, channels)
