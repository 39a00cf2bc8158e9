"""Two crossovers of recurrent graphs: the first part of one and the last of the other, or vertex by vertex.

The paper draws its graphs and crosses none; these are ours. Children are connected, lead from lower to higher
vertices, and are in canonical order; they share out the cells and embeddings of the parents. A no-op returns the very
parents and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from search_spaces.rnn.connectivity import joined
from search_spaces.rnn.genotype import Edge, RnnGenotype, canonical
from search_spaces.rnn.validity import Limits, is_valid
from search_spaces.space import Offspring

ATTEMPTS = 20

Pair = tuple[RnnGenotype, RnnGenotype]
Crossover = Callable[[np.random.Generator, RnnGenotype, RnnGenotype, Limits], Offspring[RnnGenotype]]


def splice(rng: np.random.Generator, first: RnnGenotype, second: RnnGenotype, limits: Limits) -> Offspring[RnnGenotype]:
    """Join the first part of one parent's order with the last part of the other's, and the other way round.

    Both orders are cut at the same share of their lengths, and so children are no larger than the larger parent.
    An edge over the cut keeps its tail, and gets the head of an edge over the other parent's cut, or a random one
    where there are no more. Where a child would fall apart, random edges over the cut hold it together.
    """
    return _crossed(rng, first, second, limits, "splice", _splice)


def uniform(
    rng: np.random.Generator, first: RnnGenotype, second: RnnGenotype, limits: Limits
) -> Offspring[RnnGenotype]:
    """Exchange the incoming edges of half of the vertices, those of one place in both orders.

    Children have the sizes of the parents. Where one would fall apart, edges of the parent of its size hold it
    together.
    """
    return _crossed(rng, first, second, limits, "uniform", _exchange)


CROSSOVERS: Mapping[str, Crossover] = {"splice": splice, "uniform": uniform}


def _crossed(
    rng: np.random.Generator,
    first: RnnGenotype,
    second: RnnGenotype,
    limits: Limits,
    operator: str,
    cross: Callable[[np.random.Generator, Pair], Pair],
) -> Offspring[RnnGenotype]:
    """The first pair of valid children that are not the parents again."""
    parents = canonical(first), canonical(second)
    if parents[0] == parents[1]:
        return Offspring((first, second), operator, "the parents are alike")
    for _ in range(ATTEMPTS):
        one, other = _with_traits(rng, cross(rng, parents), parents)
        if is_valid(one, limits) and is_valid(other, limits):
            children = canonical(one), canonical(other)
            if set(children) != set(parents):
                return Offspring(children, operator)
    return Offspring((first, second), operator, f"no new children within the limits found in {ATTEMPTS} attempts")


def _with_traits(rng: np.random.Generator, children: Pair, parents: Pair) -> Pair:
    """The children with the parents' cells and embeddings, each kept or exchanged with equal odds."""
    cells, embeddings = parents, parents
    if rng.random() < 0.5:
        cells = cells[::-1]
    if rng.random() < 0.5:
        embeddings = embeddings[::-1]
    one, other = (
        replace(child, cell=cell.cell, embedding=embedding.embedding)
        for child, cell, embedding in zip(children, cells, embeddings, strict=True)
    )
    return one, other


def _splice(rng: np.random.Generator, parents: Pair) -> Pair:
    share = rng.random()
    cuts = [1 + int(share * (parent.size - 1)) for parent in parents]
    one, other = parents
    return _joined_halves(rng, one, cuts[0], other, cuts[1]), _joined_halves(rng, other, cuts[1], one, cuts[0])


def _joined_halves(
    rng: np.random.Generator, front: RnnGenotype, cut: int, back: RnnGenotype, back_cut: int
) -> RnnGenotype:
    """The vertices of ``front`` before its cut, and those of ``back`` behind its own."""
    shift = cut - back_cut
    size = back.size + shift
    edges = {edge for edge in front.edges if edge[1] < cut}
    edges |= {(tail + shift, head + shift) for tail, head in back.edges if tail >= back_cut}
    tails = [tail for tail, head in front.edges if tail < cut <= head]
    heads = [head + shift for tail, head in back.edges if tail < back_cut <= head]
    rng.shuffle(heads)
    for place, tail in enumerate(tails):
        edge = (tail, heads[place]) if place < len(heads) else None
        if edge is None or edge in edges:
            edge = (tail, cut + int(rng.random() * (size - cut)))
        edges.add(edge)
    over = [(tail, head) for tail in range(cut) for head in range(cut, size)]
    return replace(front, size=size, edges=joined(size, edges, _shuffled(rng, over)))


def _exchange(rng: np.random.Generator, parents: Pair) -> Pair:
    shared = min(parent.size for parent in parents)
    exchanged = [place < shared and luck < 0.5 for place, luck in enumerate(rng.random(max(map(len, parents))))]
    one, other = parents
    return _with_inputs(rng, one, other, exchanged), _with_inputs(rng, other, one, exchanged)


def _with_inputs(rng: np.random.Generator, own: RnnGenotype, theirs: RnnGenotype, exchanged: list[bool]) -> RnnGenotype:
    """One parent with the other's edges into the vertices that are exchanged."""
    edges = [edge for edge in own.edges if not exchanged[edge[1]]]
    edges += [edge for edge in theirs.edges if exchanged[edge[1]]]
    return replace(own, edges=joined(own.size, edges, _shuffled(rng, own.edges)))


def _shuffled(rng: np.random.Generator, edges: list[Edge] | tuple[Edge, ...]) -> list[Edge]:
    return [edges[place] for place in rng.permutation(len(edges))]
