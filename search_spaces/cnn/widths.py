"""Channels of a genotype's convolutions: pyramids that fit a budget, and convolutions widened or narrowed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from search_spaces.choosing import pick
from search_spaces.cnn.genotype import CnnGenotype, Op
from search_spaces.cnn.shapes import infer_costs, infer_shapes
from search_spaces.cnn.validity import CHANNEL_STEP, MAX_CONV_CHANNELS, Limits

PYRAMID_KERNELS = (3, 3, 3, 5)
NARROWEST = 16
JITTER = (0.5, 1.0, 1.0, 1.0, 2.0)  # times the channels that its height and width call for
FEWEST_CONVS = 5
LEAST_SHARE = 0.6  # of the cap on MACs, that a pyramid may use
SHRINKING = 0.9


def pyramid(rng: np.random.Generator, genotype: CnnGenotype, limits: Limits) -> CnnGenotype | None:
    """The genotype with channels that double where height and width halve, for a share of the cap on MACs.

    He, Zhang, Ren, Sun 2016 (sec. 3.3) keep the cost of a layer constant in this way, and most networks have since.
    Kernels are drawn anew, mostly 3x3. The share is drawn evenly from .6 to 1.

    Returns
    -------
    None where the genotype has hardly a conv, or halves the image less than twice or down to a pixel, or has no conv
    at one of its heights (but for the first), or where the narrowest pyramid exceeds the limits.
    """
    if sum(op.kind == "conv" for op in genotype.ops) < FEWEST_CONVS:
        return None
    heights = [height for _, height, _ in infer_shapes(genotype, limits.input_shape)]
    halved = [round(math.log2(limits.input_shape[1] / height)) for height in heights]
    fewest, most = poolings(limits)
    if not fewest <= halved[-1] <= most:
        return None
    heights_with_conv = {halved[vertex] for vertex, op in enumerate(genotype.ops) if op.channels}
    if not heights_with_conv >= set(range(1, halved[-1] + 1)):
        return None
    wanted = [pick(rng, JITTER) * 2.0 ** halved[vertex] for vertex in range(len(genotype))]
    ops = [Op("conv", pick(rng, PYRAMID_KERNELS), op.channels) if op.channels else op for op in genotype.ops]
    share = LEAST_SHARE + (1 - LEAST_SHARE) * rng.random()
    return fit_widths(CnnGenotype(tuple(ops), genotype.edges), wanted, share * limits.max_macs, limits)


def poolings(limits: Limits) -> tuple[int, int]:
    """Fewest and most poolings on a path of a pyramid: it cuts small images down, but none to a pixel."""
    halvings = min(limits.input_shape[1:]).bit_length() - 1
    return max(0, min(2, halvings - 1)), max(min(1, halvings), halvings - 1)


def narrowed(genotype: CnnGenotype, width: float) -> CnnGenotype:
    """The genotype with ``width`` times the channels in every conv, as near as channels come.

    Narrow networks rank structures nearly as wide ones do, at a fraction of the cost: Zoph, Vasudevan, Shlens, Le
    2018 (sec. 4) search with few channels and multiply them for the final network.
    """
    ops = [Op("conv", op.kernel, to_channels(width * op.channels)) if op.channels else op for op in genotype.ops]
    return CnnGenotype(tuple(ops), genotype.edges)


def fit_widths(genotype: CnnGenotype, wanted: Sequence[float], macs: float, limits: Limits) -> CnnGenotype | None:
    """The genotype with channels in the proportions wanted, as many as keep to ``macs`` and the limits.

    Returns
    -------
    None where even the narrowest exceeds them.
    """
    base = float(MAX_CONV_CHANNELS)
    previous = None
    while True:
        ops = [
            Op("conv", op.kernel, to_channels(base * wish, NARROWEST)) if op.channels else op
            for op, wish in zip(genotype.ops, wanted, strict=True)
        ]
        fitted = CnnGenotype(tuple(ops), genotype.edges)
        if fitted == previous and base * max(wanted) < NARROWEST:
            return None
        if fitted != previous:
            costs = infer_costs(fitted, limits.input_shape, limits.n_classes)
            few = sum(costs.parameters) <= limits.max_parameters and sum(costs.macs) <= macs
            if few and all(shape[0] <= limits.max_channels for shape in costs.shapes[1:-1]):
                return fitted
        previous, base = fitted, base * SHRINKING


def to_channels(wanted: float, least: int = CHANNEL_STEP) -> int:
    """The legal number of channels next to the one wanted."""
    return min(MAX_CONV_CHANNELS, max(least, CHANNEL_STEP * round(wanted / CHANNEL_STEP)))
