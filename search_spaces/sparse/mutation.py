"""The mutations of arbitrary masks: kept weights move, and other numbers of them are kept.

These are ours. A no-op returns the very parent and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from search_spaces.choosing import few_of, pick
from search_spaces.space import Offspring
from search_spaces.sparse.genotype import SparseGenotype
from search_spaces.sparse.layers import Bools
from search_spaces.sparse.validity import Limits

OCTAVES = 8
"""Where any number of weights may be kept, samples keep all of them down to one of 2 ** 8, evenly on a log scale."""

Mutation = Callable[[np.random.Generator, SparseGenotype, Limits], Offspring[SparseGenotype]]


def rewire(rng: np.random.Generator, genotype: SparseGenotype, limits: Limits) -> Offspring[SparseGenotype]:
    """Move one kept weight, or up to a twentieth of them, to random places of any layer."""
    flat = genotype.flat
    if not _move(rng, flat):
        return Offspring((genotype,), "rewire", "no weight can move: all are kept, or none is")
    return Offspring((SparseGenotype.of_flat(genotype.widths, flat),), "rewire")


def rewire_in_layer(rng: np.random.Generator, genotype: SparseGenotype, limits: Limits) -> Offspring[SparseGenotype]:
    """Move one kept weight of a random layer, or up to a twentieth of them, to random places of that layer."""
    masks = genotype.arrays()
    movable = [mask for mask in masks if mask.any() and not mask.all()]
    if not movable:
        return Offspring((genotype,), "rewire-in-layer", "no weight can move: each layer keeps all or none")
    _move(rng, pick(rng, movable).reshape(-1))  # a view
    return Offspring((SparseGenotype.of(masks),), "rewire-in-layer")


def change_sparsity(rng: np.random.Generator, genotype: SparseGenotype, limits: Limits) -> Offspring[SparseGenotype]:
    """Keep another of the numbers of weights that the space has, with random weights more or fewer.

    Where any number may be kept: up to twice as many, or half as many.
    """
    flat = genotype.flat
    found = int(flat.sum())
    if limits.kept:
        others = [kept for kept in limits.kept if kept != found]
    else:
        others = sorted({max(1, found // 2), min(limits.total, 2 * found)} - {found})
        others = [_between(rng, found, other) for other in others]
    if not others:
        return Offspring((genotype,), "sparsity", f"the space keeps no other number of weights than {found}")
    wanted = pick(rng, others)
    changed = np.flatnonzero(~flat if wanted > found else flat)
    flat[rng.choice(changed, abs(wanted - found), replace=False)] = wanted > found
    return Offspring((SparseGenotype.of_flat(genotype.widths, flat),), "sparsity")


MUTATIONS: Mapping[str, Mutation] = {
    "rewire": rewire,
    "rewire-in-layer": rewire_in_layer,
    "sparsity": change_sparsity,
}


def kept_of_sample(rng: np.random.Generator, limits: Limits) -> int:
    """How many weights a random genotype keeps."""
    if limits.kept:
        return pick(rng, limits.kept)
    return max(1, round(limits.total / 2 ** float(rng.uniform(0, OCTAVES))))


def _between(rng: np.random.Generator, found: int, other: int) -> int:
    """A random number from next to ``found`` to ``other``."""
    low, high = sorted((other, found + (1 if other > found else -1)))
    return int(rng.integers(low, high + 1))


def _move(rng: np.random.Generator, flat: Bools) -> int:
    """Move some of the kept weights of a row to random free places, in place; how many."""
    kept, free = np.flatnonzero(flat), np.flatnonzero(~flat)
    number = few_of(rng, len(kept), min(len(kept), len(free)))
    gone, new = rng.choice(kept, number, replace=False), rng.choice(free, number, replace=False)
    flat[gone], flat[new] = False, True
    return number
