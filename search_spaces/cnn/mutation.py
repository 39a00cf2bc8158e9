"""The mutations: new labels and a sub-graph of depth two (Stier, Darji, Granitzer 2021, sec. 4.4), and other widths.

Children are in canonical order. A no-op returns the very parent and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from search_spaces.canonical import layering
from search_spaces.choosing import pick
from search_spaces.cnn.drawing import draw_free, draw_unary
from search_spaces.cnn.genotype import MERGES, UNARY, CnnGenotype, Op, canonical
from search_spaces.cnn.shapes import infer_shapes
from search_spaces.cnn.validity import Limits, is_valid
from search_spaces.cnn.widths import to_channels
from search_spaces.space import Offspring

ATTEMPTS = 20
FACTORS = (0.5, 0.7, 1.4, 2.0)

Edge = tuple[int, int]
Mutation = Callable[[np.random.Generator, CnnGenotype, Limits], Offspring[CnnGenotype]]
DrawOp = Callable[[np.random.Generator], Op]


def relabel(rng: np.random.Generator, genotype: CnnGenotype, limits: Limits) -> Offspring[CnnGenotype]:
    """Give one or more vertices (1 + Poisson(1)) another op of the same number of inputs.

    A conv may become a conv of another kernel and any channels, but not one of other channels alone: channels
    are what ``rescale`` and the crossover ``average`` move. The topology stays.
    """
    parent = canonical(genotype)
    vertices = [vertex for vertex, op in enumerate(parent.ops) if op.kind in UNARY + MERGES]
    for _ in range(ATTEMPTS if vertices else 0):
        number = min(1 + int(rng.poisson(1.0)), len(vertices))
        ops = list(parent.ops)
        for vertex in rng.choice(vertices, size=number, replace=False):
            ops[vertex] = _another(rng, ops[vertex])
        child = canonical(CnnGenotype(tuple(ops), parent.edges))
        if child != parent and is_valid(child, limits):
            return Offspring((child,), "relabel")
    return Offspring((genotype,), "relabel", f"no new labels within the limits found in {ATTEMPTS} attempts")


def insert(rng: np.random.Generator, genotype: CnnGenotype, limits: Limits) -> Offspring[CnnGenotype]:
    """Put a sub-graph of depth two into a random edge.

    The sub-graph is a chain of two, a fork whose branches merge, or a vertex merged with what it reads. Edges
    on which the child would become too deep are left out; where no random sub-graph keeps to the limits, a
    chain without parameters does.
    """
    parent = canonical(genotype)
    room = limits.max_vertices - len(parent)
    edges = _edges_with_headroom(parent, limits.max_depth - 2)
    if not edges:
        return Offspring((genotype,), "insert", f"every edge would exceed the depth of {limits.max_depth}")
    if room < 2:
        return Offspring((genotype,), "insert", f"the child would exceed {limits.max_vertices} vertices")
    for _ in range(ATTEMPTS):
        draw = pick(rng, (_draw_chain, _draw_fork, _draw_bypass) if room > 2 else (_draw_chain, _draw_bypass))
        child = draw(rng, parent, pick(rng, edges), draw_unary)
        if is_valid(child, limits):
            return Offspring((canonical(child),), "insert")
    child = _draw_chain(rng, parent, pick(rng, edges), draw_free)
    if is_valid(child, limits):
        return Offspring((canonical(child),), "insert")
    return Offspring((genotype,), "insert", "the parent itself exceeds the limits")


def rescale(rng: np.random.Generator, genotype: CnnGenotype, limits: Limits) -> Offspring[CnnGenotype]:
    """Widen or narrow convs: all of them, those of one height, or a single one, by one factor for all."""
    parent = canonical(genotype)
    convs = [vertex for vertex, op in enumerate(parent.ops) if op.channels]
    heights = [height for _, height, _ in infer_shapes(parent, limits.input_shape)]
    for _ in range(ATTEMPTS if convs else 0):
        one = pick(rng, convs)
        chosen = pick(rng, (convs, [conv for conv in convs if heights[conv] == heights[one]], [one]))
        factor = pick(rng, FACTORS)
        ops = list(parent.ops)
        for vertex in chosen:
            ops[vertex] = Op("conv", ops[vertex].kernel, to_channels(factor * ops[vertex].channels))
        child = canonical(CnnGenotype(tuple(ops), parent.edges))
        if child != parent and is_valid(child, limits):
            return Offspring((child,), "rescale")
    return Offspring((genotype,), "rescale", f"no other widths within the limits found in {ATTEMPTS} attempts")


MUTATIONS: Mapping[str, Mutation] = {"relabel": relabel, "insert": insert, "rescale": rescale}


def _another(rng: np.random.Generator, op: Op) -> Op:
    """Another op of the same number of inputs; convs differ in their kernels."""
    if op.kind in MERGES:
        return Op(MERGES[1 - MERGES.index(op.kind)])
    while (drawn := draw_unary(rng)).name == op.name:
        pass
    return drawn


def _edges_with_headroom(genotype: CnnGenotype, deepest: int) -> list[Edge]:
    """The edges no path through which has more than ``deepest`` operations."""
    above = layering(len(genotype), genotype.edges)
    below = layering(len(genotype), [(head, tail) for tail, head in genotype.edges])
    return [(tail, head) for tail, head in genotype.edges if above[tail] + below[head] <= deepest]


def _spliced(genotype: CnnGenotype, edge: Edge, ops: tuple[Op, ...], edges: tuple[Edge, ...]) -> CnnGenotype:
    """The genotype with new vertices, numbered behind its own, in the place of an edge."""
    kept = tuple(other for other in genotype.edges if other != edge)
    return CnnGenotype(genotype.ops + ops, kept + edges)


def _draw_chain(rng: np.random.Generator, genotype: CnnGenotype, edge: Edge, draw: DrawOp) -> CnnGenotype:
    """Op behind op."""
    (tail, head), first = edge, len(genotype)
    edges = ((tail, first), (first, first + 1), (first + 1, head))
    return _spliced(genotype, edge, (draw(rng), draw(rng)), edges)


def _draw_fork(rng: np.random.Generator, genotype: CnnGenotype, edge: Edge, draw: DrawOp) -> CnnGenotype:
    """Two ops side by side, merged."""
    (tail, head), left = edge, len(genotype)
    right, merge = left + 1, left + 2
    edges = ((tail, left), (tail, right), (left, merge), (right, merge), (merge, head))
    return _spliced(genotype, edge, (draw(rng), draw(rng), Op(pick(rng, MERGES))), edges)


def _draw_bypass(rng: np.random.Generator, genotype: CnnGenotype, edge: Edge, draw: DrawOp) -> CnnGenotype:
    """An op merged with what it reads: a residual (sum) or a dense (concat) connection."""
    (tail, head), op = edge, len(genotype)
    edges = ((tail, op), (op, op + 1), (tail, op + 1), (op + 1, head))
    return _spliced(genotype, edge, (draw(rng), Op(pick(rng, MERGES))), edges)
