"""Random genotypes of a given depth: in stages, or a spine with branches that leave and rejoin it; and labels that fit.

Irwin-Harris, Sun, Xue, Zhang 2019 ("A Graph-Based Encoding for Evolutionary Convolutional Neural Network
Architecture Design") draw DAGs of any connectivity; every vertex here lies on a path from input to output by
construction, and the depth is exact.
"""

from __future__ import annotations

import numpy as np

from search_spaces.cnn.drawing import CHANNELS, draw_merge, draw_step
from search_spaces.cnn.genotype import POOLS, CnnGenotype, Op, canonical
from search_spaces.cnn.shapes import infer_costs
from search_spaces.cnn.skeleton import Skeleton, draw_skeleton
from search_spaces.cnn.stages import staged
from search_spaces.cnn.validity import KERNELS, Limits
from search_spaces.cnn.widths import pyramid

ATTEMPTS = 500
STAGED_SHARE = 0.9  # of pyramids, where stages fit the limits; the others have a random topology


def random_genotype(
    rng: np.random.Generator, window: tuple[int, int], limits: Limits, widths: str = "any"
) -> CnnGenotype:
    """A random valid genotype, in canonical order, whose depth is drawn evenly from a window.

    With ``widths="any"`` a genotype too costly for the limits is made thinner, channels first and kernels last, but
    never thinner than a fresh conv can be. Where that does not help it is drawn anew, depth included: tight limits
    make layers smaller first, and then genotypes shallower and richer in poolings.

    With ``widths="pyramid"`` channels double where poolings halve the image, and a large share of the MACs that the
    limits allow is used: nine in ten are networks in stages where these fit
    (:func:`search_spaces.cnn.stages.staged`), the others random graphs (:func:`search_spaces.cnn.widths.pyramid`).

    Raises
    ------
    ValueError
        If nothing within the limits is found.
    """
    shallowest, deepest = window
    if widths == "pyramid" and rng.random() < STAGED_SHARE:
        in_stages = staged(rng, window, limits)
        if in_stages is not None:
            return canonical(in_stages)
    for _ in range(ATTEMPTS):
        depth = shallowest + int(rng.random() * (deepest - shallowest + 1))
        skeleton = draw_skeleton(rng, depth, limits.max_vertices - 2)
        drawn = _labelled(rng, skeleton, limits, spread=widths == "pyramid")
        genotype = _thinned(drawn, limits) if widths == "any" else pyramid(rng, drawn, limits)
        if genotype is not None:
            return canonical(genotype)
    raise ValueError(
        f"no genotype of depth {shallowest}..{deepest} found within the limits, in {ATTEMPTS} attempts: raise "
        f"max_parameters={limits.max_parameters} or max_macs={limits.max_macs}, or lower depth"
    )


def _labelled(rng: np.random.Generator, skeleton: Skeleton, limits: Limits, spread: bool) -> CnnGenotype:
    """Ops for a skeleton: poolings only while there is something to halve, concats while channels allow.

    With ``spread`` poolings but the first come after a conv that reads what the one before them has left.
    """
    depth = max(skeleton.layers)
    halvings = min(limits.input_shape[1:]).bit_length() - 1
    stages = int(rng.random() * (halvings + 1))
    pool_share = min(0.5, 1.5 * stages / depth)
    widest = 1 + int(rng.random() * len(CHANNELS))  # by genotype: from narrow networks to mixed ones
    n = len(skeleton.layers)
    ops: list[Op] = [Op("input")] * n
    channels, pooled = [limits.input_shape[0]] * n, [0] * n
    may_pool = [True] * n
    for vertex in sorted(range(1, n), key=skeleton.layers.__getitem__):
        inputs = skeleton.inputs[vertex]
        pooled[vertex] = max(pooled[tail] for tail in inputs)
        may_pool[vertex] = not spread or any(may_pool[tail] for tail in inputs if pooled[tail] == pooled[vertex])
        if len(inputs) > 1:
            ops[vertex] = draw_merge(rng, sum(channels[tail] for tail in inputs) <= limits.max_channels)
            join = sum if ops[vertex].kind == "concat" else max
            channels[vertex] = join(channels[tail] for tail in inputs)
            continue
        share = pool_share * (may_pool[vertex] and pooled[vertex] < stages)
        ops[vertex] = draw_step(rng, share, CHANNELS[:widest])
        pooled[vertex] += ops[vertex].kind in POOLS
        may_pool[vertex] = not spread or ops[vertex].kind == "conv" or (may_pool[vertex] and ops[vertex].kind == "skip")
        channels[vertex] = ops[vertex].channels or channels[inputs[0]]
    edges = [(tail, head) for head, inputs in enumerate(skeleton.inputs) for tail in inputs]
    return CnnGenotype((*ops, Op("output")), (*edges, (skeleton.layers.index(depth), n)))


def _thinned(genotype: CnnGenotype, limits: Limits) -> CnnGenotype | None:
    """The widest halving of the genotype that fits the limits; None where even the narrowest does not.

    The narrowest has the fewest channels of a fresh conv everywhere, and the smallest kernels.
    """
    while True:
        costs = infer_costs(genotype, limits.input_shape, limits.n_classes)
        fits = sum(costs.parameters) <= limits.max_parameters and sum(costs.macs) <= limits.max_macs
        if fits and all(shape[0] <= limits.max_channels for shape in costs.shapes[1:-1]):
            return genotype
        thinner = CnnGenotype(tuple(map(_thinner, genotype.ops)), genotype.edges)
        if thinner == genotype:
            smallest = tuple(Op("conv", KERNELS[0], op.channels) if op.channels else op for op in genotype.ops)
            if smallest == genotype.ops:
                return None
            thinner = CnnGenotype(smallest, genotype.edges)
        genotype = thinner


def _thinner(op: Op) -> Op:
    return Op("conv", op.kernel, max(CHANNELS[0], op.channels // 2)) if op.channels else op
