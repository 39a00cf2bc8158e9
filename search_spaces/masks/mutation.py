"""The mutations of masks: edges move, inputs change hands, and other numbers of weights are kept.

The papers draw their masks and vary none; these are ours. A child keeps its exact number of weights: where edges keep
unequal numbers, one that moved may come with a random one more or less. A no-op returns the very parent and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from search_spaces.choosing import few_of, pick
from search_spaces.masks.edges import repaired
from search_spaces.masks.genotype import Bools, Ints, MaskGenotype
from search_spaces.masks.placement import centres, coordinates, squared_distances
from search_spaces.masks.validity import Limits, is_valid, weights_of_edges
from search_spaces.space import Offspring

ATTEMPTS = 20
NEAREST = 8  # as many as surround a pixel

Mutation = Callable[[np.random.Generator, MaskGenotype, Limits], Offspring[MaskGenotype]]


def rewire(rng: np.random.Generator, genotype: MaskGenotype, limits: Limits) -> Offspring[MaskGenotype]:
    """Move one edge, or up to a twentieth of them, to random places."""

    def moved() -> MaskGenotype:
        matrix = genotype.matrix
        gone, free = _movable(matrix, limits), np.flatnonzero(~matrix)
        number = few_of(rng, len(gone), min(len(gone), len(free)))
        return _with_moved(
            rng, genotype, limits, rng.choice(gone, number, replace=False), rng.choice(free, number, replace=False)
        )

    return _moved_edges(rng, genotype, limits, "rewire", moved)


def rewire_locally(rng: np.random.Generator, genotype: MaskGenotype, limits: Limits) -> Offspring[MaskGenotype]:
    """Move an end of one edge, or of up to a twentieth of them, to a node whose inputs are near to those it had."""
    apart = squared_distances(centres(genotype.owned, genotype.nodes, limits.input_shape))
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, :NEAREST]

    def moved() -> MaskGenotype:
        matrix = genotype.matrix
        edges = _movable(matrix, limits)
        gone, new = [], []
        for place in rng.choice(edges, few_of(rng, len(edges), len(edges)), replace=False).tolist():
            reader, read = divmod(place, genotype.nodes)
            if rng.random() < 0.5:
                reader = pick(rng, near[reader].tolist())
            else:
                read = pick(rng, near[read].tolist())
            if not matrix[reader, read]:
                matrix[reader, read] = True
                gone.append(place)
                new.append(reader * genotype.nodes + read)
        return _with_moved(rng, genotype, limits, gone, new)

    return _moved_edges(rng, genotype, limits, "rewire-locally", moved)


def swap_inputs(rng: np.random.Generator, genotype: MaskGenotype, limits: Limits) -> Offspring[MaskGenotype]:
    """Let nodes exchange inputs, one pair or up to a twentieth of all: neighbours in the image, or any two."""
    places = coordinates(limits.input_shape)

    def swapped() -> MaskGenotype:
        owners = genotype.owned
        near = rng.random() < 0.5
        for one in rng.choice(len(owners), few_of(rng, len(owners), len(owners)), replace=False):
            others = owners != owners[one]
            if near:
                others &= ((places - places[one]) ** 2).sum(axis=1) <= 2
            if (choices := np.flatnonzero(others)).size:
                other = pick(rng, choices.tolist())
                owners[[one, other]] = owners[[other, one]]
        return MaskGenotype.of(genotype.matrix, owners, genotype.kept)

    return _first_valid(genotype, limits, "swap-inputs", (swapped() for _ in range(ATTEMPTS)))


def change_sparsity(rng: np.random.Generator, genotype: MaskGenotype, limits: Limits) -> Offspring[MaskGenotype]:
    """Keep another of the numbers of weights that the space has, with random edges more or fewer."""
    others = [kept for kept in limits.kept if kept != genotype.kept]
    if not others:
        return Offspring((genotype,), "sparsity", f"the space keeps no other number of weights than {genotype.kept}")
    offers = (_with_moved(rng, replace(genotype, kept=others[place]), limits) for place in rng.permutation(len(others)))
    return _first_valid(genotype, limits, "sparsity", offers)


MUTATIONS: Mapping[str, Mutation] = {
    "rewire": rewire,
    "rewire-locally": rewire_locally,
    "swap-inputs": swap_inputs,
    "sparsity": change_sparsity,
}


def _moved_edges(
    rng: np.random.Generator,
    genotype: MaskGenotype,
    limits: Limits,
    operator: str,
    moved: Callable[[], MaskGenotype],
) -> Offspring[MaskGenotype]:
    matrix = genotype.matrix
    if matrix.all():
        return Offspring((genotype,), operator, "every node reads all others")
    if not len(_movable(matrix, limits)):
        return Offspring((genotype,), operator, "no node reads another one")
    return _first_valid(genotype, limits, operator, (moved() for _ in range(ATTEMPTS)))


def _first_valid(
    genotype: MaskGenotype, limits: Limits, operator: str, offers: Iterable[MaskGenotype]
) -> Offspring[MaskGenotype]:
    """The first valid child that is not the parent again."""
    for child in offers:
        if child != genotype and is_valid(child, limits):
            return Offspring((child,), operator)
    return Offspring((genotype,), operator, "no new child within the limits was found")


def _movable(matrix: Bools, limits: Limits) -> Ints:
    """The places of the edges in the flattened matrix, without those of nodes to themselves where they must stay."""
    return np.flatnonzero(matrix & ~np.eye(len(matrix), dtype=np.bool_) if limits.self_edges else matrix)


def _with_moved(
    rng: np.random.Generator,
    genotype: MaskGenotype,
    limits: Limits,
    gone: Iterable[int] = (),
    new: Iterable[int] = (),
) -> MaskGenotype:
    """The genotype with other edges: those that stay come first, then new ones, and those that are gone come last."""
    classes = np.where(genotype.matrix, 0, 2)
    classes.ravel()[list(new)] = 1
    classes.ravel()[list(gone)] = 3
    weights = weights_of_edges(genotype, limits)
    matrix = repaired(rng, classes, weights, genotype.kept, self_edges=limits.self_edges)
    return MaskGenotype.of(matrix, genotype.owned, genotype.kept)
