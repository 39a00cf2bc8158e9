"""Random networks in stages, as people write them down: convolutions at one resolution, a pooling, wider ones behind.

Plain stages are those of Simonyan and Zisserman 2015 ("Very Deep Convolutional Networks", sec. 2), residual blocks
those of He, Zhang, Ren, Sun 2016.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.choosing import pick
from search_spaces.cnn.genotype import POOLS, CnnGenotype, Op
from search_spaces.cnn.validity import Limits
from search_spaces.cnn.widths import JITTER, fit_widths, poolings

POOLINGS = (*POOLS, "max_pool", "max_pool")  # one kind a genotype; max_pool learns faster, so three in four have it
EARLY_SHARE = 2 / 3  # of genotypes whose channels double before a pooling, not behind it
JITTERED_SHARE = 0.5  # of genotypes whose convs differ from the width of their stage
LEAST_SHARE = 0.8  # of the cap on MACs, that a genotype may use
RESIDUAL = 3  # vertices of a residual block: two convs and a sum
RESIDUAL_SHARE = 0.5  # of the blocks, where there is room for one
CONV = Op("conv", 3, 16)  # its channels are fitted in the end


def staged(rng: np.random.Generator, window: tuple[int, int], limits: Limits) -> CnnGenotype | None:
    """A random network in stages, with as many channels as fit a share of the cap on MACs, drawn evenly from .8 to 1.

    Every stage has a conv, and a pooling but for the first; where channels double before the poolings, the last stage
    has a second conv. Convs and residual blocks of two are put into random stages until the depth, drawn evenly from
    the window, is reached.

    Returns
    -------
    None where the window is too shallow for stages, or even the narrowest exceeds the limits.
    """
    early = rng.random() < EARLY_SHARE
    fewest, most = poolings(limits)
    most = min(most, (window[1] - 1 - early) // 2)
    if most < fewest:
        return None
    stages = 1 + fewest + int(rng.random() * (most - fewest + 1))
    least = 2 * stages - 1 + early
    shallowest = max(window[0], least)
    room = shallowest + int(rng.random() * (window[1] - shallowest + 1)) - least
    blocks: list[list[int]] = [[] for _ in range(stages)]
    if early:
        blocks[-1].append(1)  # or nothing would be made of the last pooling
    while room:
        block = RESIDUAL if room >= RESIDUAL and rng.random() < RESIDUAL_SHARE else 1
        pick(rng, blocks).append(block)
        room -= block
    genotype, widths = _written(blocks, Op(pick(rng, POOLINGS)), early)
    jitter = JITTER if rng.random() < JITTERED_SHARE else (1.0,)
    share = LEAST_SHARE + (1 - LEAST_SHARE) * rng.random()
    return fit_widths(genotype, [pick(rng, jitter) * width for width in widths], share * limits.max_macs, limits)


def _written(blocks: Sequence[Sequence[int]], pooling: Op, early: bool) -> tuple[CnnGenotype, list[float]]:
    """The network of so many blocks a stage, and the channels of its vertices as multiples of the first conv's."""
    ops, widths = [Op("input")], [1.0]
    edges: list[tuple[int, int]] = []

    def add(op: Op, width: float, beside: int | None = None) -> int:
        """A vertex behind the last one, that may read another as well."""
        vertex = len(ops)
        edges.extend((tail, vertex) for tail in (beside, vertex - 1) if tail is not None)
        ops.append(op)
        widths.append(width)
        return vertex

    for stage, inside in enumerate(blocks):
        width = 2.0**stage
        if stage and not early:
            add(pooling, width)
        last = add(CONV, width)
        if stage and early:
            last = add(pooling, width)
        for block in inside:
            start = last
            last = add(CONV, width)
            if block == RESIDUAL:
                add(CONV, width)
                last = add(Op("sum"), width, beside=start)
    add(Op("output"), 1.0)
    return CnnGenotype(tuple(ops), tuple(edges)), widths
