"""Random genotypes of a given depth: a spine, branches that leave and rejoin it, and labels that fit.

Irwin-Harris, Sun, Xue, Zhang 2019 ("A Graph-Based Encoding for Evolutionary Convolutional Neural Network
Architecture Design") draw DAGs of any connectivity; every vertex here lies on a path from input to output by
construction, and the depth is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from search_spaces.cnn.drawing import CHANNELS, draw_conv, pick
from search_spaces.cnn.genotype import POOLS, CnnGenotype, Op, canonical
from search_spaces.cnn.shapes import infer_costs
from search_spaces.cnn.validity import KERNELS, Limits

ATTEMPTS = 200
CONCAT_SHARE = 0.4  # of merges
SKIP_SHARE = 0.1  # of vertices with one input that are no pooling
SECOND_BRANCH = 0.2  # odds that a merge asks for a third input


def random_genotype(rng: np.random.Generator, window: tuple[int, int], limits: Limits) -> CnnGenotype:
    """A random valid genotype, in canonical order, whose depth is drawn evenly from a window.

    A genotype too costly for the limits is made thinner, channels first and kernels last, but never thinner than
    a fresh conv can be. Where that does not help it is drawn anew, depth included: tight limits make layers smaller
    first, and then genotypes shallower and richer in poolings.

    Raises
    ------
    ValueError
        If nothing within the limits is found.
    """
    shallowest, deepest = window
    for _ in range(ATTEMPTS):
        depth = shallowest + int(rng.random() * (deepest - shallowest + 1))
        skeleton = _draw_skeleton(rng, depth, limits.max_vertices - 2)
        genotype = _thinned(_labelled(rng, skeleton, limits), limits)
        if genotype is not None:
            return canonical(genotype)
    raise ValueError(
        f"no genotype of depth {shallowest}..{deepest} found within the limits, in {ATTEMPTS} attempts: raise "
        f"max_parameters={limits.max_parameters} or max_macs={limits.max_macs}, or lower depth"
    )


@dataclass
class _Skeleton:
    """Vertices without labels; vertex 0 is the input, and ``layers`` holds longest-path layers."""

    layers: list[int] = field(default_factory=lambda: [0])
    inputs: list[list[int]] = field(default_factory=lambda: [[]])

    def grow(self, tail: int, length: int) -> list[int]:
        """Append a chain behind a vertex."""
        chain = []
        for _ in range(length):
            self.inputs.append([tail])
            self.layers.append(self.layers[tail] + 1)
            tail = len(self.layers) - 1
            chain.append(tail)
        return chain


def _draw_skeleton(rng: np.random.Generator, depth: int, max_operations: int) -> _Skeleton:
    """A spine of ``depth`` vertices, and branches that end in vertices of the spine or of one another."""
    skeleton = _Skeleton()
    merge_share = 0.6 * rng.random()  # by genotype: from bare chains to dense meshes
    room = int(rng.random() * (1 + min(depth, max_operations - depth)))
    merges = [v for v in skeleton.grow(0, depth) if skeleton.layers[v] > 1 and rng.random() < merge_share]
    for merge in merges:  # the list grows while it is walked
        for _ in range(1 + (rng.random() < SECOND_BRANCH)):
            source = _draw_source(rng, skeleton, merge)
            if source is None:
                continue
            longest = min(room, skeleton.layers[merge] - skeleton.layers[source] - 1)
            length = int(rng.random() ** 2 * (longest + 1))
            if source in skeleton.inputs[merge]:
                if not longest:
                    continue
                length = max(length, 1)
            branch = skeleton.grow(source, length)
            room -= length
            skeleton.inputs[merge].append(branch[-1] if branch else source)
            merges += [v for v in branch if skeleton.layers[v] > 1 and rng.random() < merge_share / 2]
    return skeleton


def _draw_source(rng: np.random.Generator, skeleton: _Skeleton, merge: int) -> int | None:
    """A vertex from which a branch may reach the merge: near for half of the draws, anywhere for the others."""
    layer, inputs = skeleton.layers[merge], skeleton.inputs[merge]
    lowest = layer - 3 if rng.random() < 0.5 else 0
    candidates = [v for v, at in enumerate(skeleton.layers) if lowest <= at < layer - (v in inputs)]
    return pick(rng, candidates) if candidates else None


def _labelled(rng: np.random.Generator, skeleton: _Skeleton, limits: Limits) -> CnnGenotype:
    """Ops for a skeleton: poolings only while there is something to halve, concats while channels allow."""
    depth = max(skeleton.layers)
    halvings = min(limits.input_shape[1:]).bit_length() - 1
    stages = int(rng.random() * (halvings + 1))
    pool_share = min(0.5, 1.5 * stages / depth)
    widest = 1 + int(rng.random() * len(CHANNELS))  # by genotype: from narrow networks to mixed ones
    n = len(skeleton.layers)
    ops: list[Op] = [Op("input")] * n
    channels, pooled = [limits.input_shape[0]] * n, [0] * n
    for vertex in sorted(range(1, n), key=skeleton.layers.__getitem__):
        inputs = skeleton.inputs[vertex]
        pooled[vertex] = max(pooled[tail] for tail in inputs)
        if len(inputs) > 1:
            ops[vertex] = _draw_merge(rng, sum(channels[tail] for tail in inputs) <= limits.max_channels)
            join = sum if ops[vertex].kind == "concat" else max
            channels[vertex] = join(channels[tail] for tail in inputs)
            continue
        ops[vertex] = _draw_step(rng, pool_share * (pooled[vertex] < stages), CHANNELS[:widest])
        pooled[vertex] += ops[vertex].kind in POOLS
        channels[vertex] = ops[vertex].channels or channels[inputs[0]]
    edges = [(tail, head) for head, inputs in enumerate(skeleton.inputs) for tail in inputs]
    return CnnGenotype((*ops, Op("output")), (*edges, (skeleton.layers.index(depth), n)))


def _draw_merge(rng: np.random.Generator, concat_fits: bool) -> Op:
    return Op("concat" if concat_fits and rng.random() < CONCAT_SHARE else "sum")


def _draw_step(rng: np.random.Generator, pool_share: float, channels: Sequence[int]) -> Op:
    if rng.random() < pool_share:
        return Op(pick(rng, POOLS))
    return Op("skip") if rng.random() < SKIP_SHARE else draw_conv(rng, channels)


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
