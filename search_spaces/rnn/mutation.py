"""The mutations of recurrent graphs: one edge, one vertex, or the cell.

The paper draws its graphs and varies none; these are ours. Children are connected, lead from lower to higher
vertices, and are in canonical order. A no-op returns the very parent and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from search_spaces.choosing import pick
from search_spaces.rnn.genotype import Edge, RnnGenotype, canonical, renumbered
from search_spaces.rnn.priors import oriented
from search_spaces.rnn.validity import Limits, is_valid
from search_spaces.space import Offspring

ATTEMPTS = 20

Mutation = Callable[[np.random.Generator, RnnGenotype, Limits], Offspring[RnnGenotype]]


def rewire(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Give a random edge another tail or another head."""
    parent = canonical(genotype)

    def moved() -> RnnGenotype:
        edge = pick(rng, parent.edges)
        tail, head = edge
        if rng.random() < 0.5:
            tail = int(rng.random() * head)
        else:
            head = tail + 1 + int(rng.random() * (parent.size - tail - 1))
        return replace(parent, edges=(*_without(parent, edge), (tail, head)))

    return _first_valid(genotype, parent, limits, "rewire", (moved() for _ in range(ATTEMPTS)))


def add_edge(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Join two vertices that are not joined yet."""
    parent = canonical(genotype)
    present = set(parent.edges)
    pairs = [(t, h) for h in range(parent.size) for t in range(h) if (t, h) not in present]
    if not pairs:
        return Offspring((genotype,), "add-edge", "all vertices are joined to one another")
    offers = (replace(parent, edges=(*parent.edges, pick(rng, pairs))) for _ in range(ATTEMPTS))
    return _first_valid(genotype, parent, limits, "add-edge", offers)


def remove_edge(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Leave out a random edge, of those without which the graph stays connected."""
    parent = canonical(genotype)
    if len(parent.edges) < parent.size:
        return Offspring((genotype,), "remove-edge", "the graph falls apart without any of its edges")
    places = rng.permutation(len(parent.edges))
    offers = (replace(parent, edges=_without(parent, parent.edges[place])) for place in places)
    return _first_valid(genotype, parent, limits, "remove-edge", offers)


def add_vertex(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Put a vertex into a random place of the order, joined to as many others as vertices are on average.

    The number is 1 + Poisson(mean degree - 1): what this adds and ``remove_vertex`` takes away comes to the same.
    """
    parent = canonical(genotype)
    if parent.size >= limits.max_nodes:
        return Offspring((genotype,), "add-vertex", f"the child would exceed {limits.max_nodes} vertices")
    offers = (_with_vertex(rng, parent) for _ in range(ATTEMPTS))
    return _first_valid(genotype, parent, limits, "add-vertex", offers)


def remove_vertex(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Leave out a random vertex with its edges, of those without which the graph stays connected."""
    parent = canonical(genotype)
    if parent.size <= 2:
        return Offspring((genotype,), "remove-vertex", "the child would have fewer than 2 vertices")
    vertices = range(parent.size)
    offers = (renumbered(parent, [v for v in vertices if v != left_out]) for left_out in rng.permutation(parent.size))
    return _first_valid(genotype, parent, limits, "remove-vertex", offers)


def change_cell(rng: np.random.Generator, genotype: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Give all neurons another of the cells that the space has."""
    parent = canonical(genotype)
    others = [cell for cell in limits.cells if cell != parent.cell]
    if not others:
        return Offspring((genotype,), "cell", f"the space has no cell but {parent.cell}")
    offers = (replace(parent, cell=others[place]) for place in rng.permutation(len(others)))
    return _first_valid(genotype, parent, limits, "cell", offers)


MUTATIONS: Mapping[str, Mutation] = {
    "rewire": rewire,
    "add-edge": add_edge,
    "remove-edge": remove_edge,
    "add-vertex": add_vertex,
    "remove-vertex": remove_vertex,
    "cell": change_cell,
}


def _first_valid(
    genotype: RnnGenotype, parent: RnnGenotype, limits: Limits, operator: str, offers: Iterable[RnnGenotype]
) -> Offspring[RnnGenotype]:
    """The first valid child, in canonical order, that is not the parent again."""
    for offer in offers:
        if is_valid(offer, limits) and (child := canonical(offer)) != parent:
            return Offspring((child,), operator)
    return Offspring((genotype,), operator, "no new child within the limits was found")


def _without(genotype: RnnGenotype, edge: Edge) -> tuple[Edge, ...]:
    return tuple(other for other in genotype.edges if other != edge)


def _with_vertex(rng: np.random.Generator, genotype: RnnGenotype) -> RnnGenotype:
    place = int(rng.random() * (genotype.size + 1))
    moved = [(tail + (tail >= place), head + (head >= place)) for tail, head in genotype.edges]
    mean_degree = 2 * len(genotype.edges) / genotype.size
    degree = min(genotype.size, 1 + int(rng.poisson(max(0.0, mean_degree - 1))))
    others = [vertex for vertex in range(genotype.size + 1) if vertex != place]
    new = oriented((place, int(other)) for other in rng.choice(others, size=degree, replace=False))
    return RnnGenotype(genotype.cell, genotype.embedding, genotype.size + 1, (*moved, *new))
