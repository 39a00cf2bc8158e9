"""The crossovers of arbitrary masks: weights of either parent, each child with exactly as many as one of them.

These are ours. A no-op returns the very parents and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from search_spaces.space import Offspring
from search_spaces.sparse.genotype import SparseGenotype, layer_sizes
from search_spaces.sparse.layers import Bools, Ints

ATTEMPTS = 20

Pair = tuple[Bools, Bools]
Crossover = Callable[[np.random.Generator, SparseGenotype, SparseGenotype], Offspring[SparseGenotype]]


def uniform(rng: np.random.Generator, first: SparseGenotype, second: SparseGenotype) -> Offspring[SparseGenotype]:
    """What both parents keep stays; of what one keeps alone, each weight goes to one of the children."""

    def crossed(one: Bools, two: Bools) -> Pair:
        both, apart = one & two, rng.permutation(np.flatnonzero(one != two))
        own = int(one.sum()) - int(both.sum())
        return _with(both, apart[:own]), _with(both, apart[own:])

    return _first_new(first, second, "uniform", crossed)


def exchange_layers(
    rng: np.random.Generator, first: SparseGenotype, second: SparseGenotype
) -> Offspring[SparseGenotype]:
    """Exchange the masks of random layers.

    Of a child that so has too many weights, random ones go that not both parents keep, and then others; to one that
    has too few come random ones that a parent keeps, and then others.
    """
    layer = np.repeat(np.arange(len(first.sizes)), layer_sizes(first.widths))

    def crossed(one: Bools, two: Bools) -> Pair:
        exchanged = (rng.random(len(first.sizes)) < 0.5)[layer]
        children = np.where(exchanged, two, one), np.where(exchanged, one, two)
        counts = int(one.sum()), int(two.sum())
        left, right = (
            _first(rng, np.where(child & one & two, 0, np.where(child, 1, np.where(one | two, 2, 3))), count)
            for child, count in zip(children, counts, strict=True)
        )
        return left, right

    return _first_new(first, second, "layers", crossed)


CROSSOVERS: Mapping[str, Crossover] = {"uniform": uniform, "layers": exchange_layers}


def _first_new(
    first: SparseGenotype, second: SparseGenotype, operator: str, crossed: Callable[[Bools, Bools], Pair]
) -> Offspring[SparseGenotype]:
    """The first pair of children that are not the parents again."""
    if first == second:
        return Offspring((first, second), operator, "the parents are equal")
    for _ in range(ATTEMPTS):
        one, two = (SparseGenotype.of_flat(first.widths, flat) for flat in crossed(first.flat, second.flat))
        if {one, two} != {first, second}:
            return Offspring((one, two), operator)
    return Offspring((first, second), operator, f"no new children were found in {ATTEMPTS} attempts")


def _first(rng: np.random.Generator, classes: Ints, count: int) -> Bools:
    """The first so many by class, random ones within a class; shape (weights,)."""
    return _with(np.zeros(len(classes), dtype=np.bool_), np.argsort(classes + rng.random(len(classes)))[:count])


def _with(kept: Bools, places: Ints) -> Bools:
    """The row with some places more."""
    row = kept.copy()
    row[places] = True
    return row
