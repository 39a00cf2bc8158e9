"""The crossovers of masks: what each node reads from either parent, or edges of one with the owners of the other.

The papers cross no masks; these are ours. Each child keeps exactly as many weights as one of its parents: where the
edges it is given have too many, random ones are left out, and where they have too few, edges of the other parent are
taken first. A no-op returns the very parents and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from search_spaces.masks.edges import repaired
from search_spaces.masks.genotype import Bools, Ints, MaskGenotype
from search_spaces.masks.relational import edge_weights
from search_spaces.masks.validity import Limits, is_valid
from search_spaces.space import Offspring

ATTEMPTS = 20

Pair = tuple[MaskGenotype, MaskGenotype]
Crossover = Callable[[np.random.Generator, MaskGenotype, MaskGenotype, Limits], Offspring[MaskGenotype]]


def uniform(
    rng: np.random.Generator, first: MaskGenotype, second: MaskGenotype, limits: Limits
) -> Offspring[MaskGenotype]:
    """Exchange what half of the nodes read, random ones."""
    return _exchanged(rng, first, second, limits, "uniform", lambda: rng.random(first.nodes) < 0.5)


def cut(rng: np.random.Generator, first: MaskGenotype, second: MaskGenotype, limits: Limits) -> Offspring[MaskGenotype]:
    """Exchange what the nodes read that come after a random one."""
    return _exchanged(rng, first, second, limits, "cut", lambda: np.arange(first.nodes) >= rng.integers(1, first.nodes))


def owners(
    rng: np.random.Generator, first: MaskGenotype, second: MaskGenotype, limits: Limits
) -> Offspring[MaskGenotype]:
    """Give the edges of each parent the owners of the other."""
    if first.owners == second.owners:
        return Offspring((first, second), "owners", "the parents have the same owners")

    def crossed() -> Pair:
        return (
            _child(rng, first.matrix, second, second.owned, first.kept, limits),
            _child(rng, second.matrix, first, first.owned, second.kept, limits),
        )

    return _first_new(first, second, limits, "owners", crossed)


CROSSOVERS: Mapping[str, Crossover] = {"uniform": uniform, "cut": cut, "owners": owners}


def _exchanged(
    rng: np.random.Generator,
    first: MaskGenotype,
    second: MaskGenotype,
    limits: Limits,
    operator: str,
    nodes: Callable[[], Bools],
) -> Offspring[MaskGenotype]:
    """Children that have the rows of the other parent at some nodes."""
    if first.rows == second.rows:
        return Offspring((first, second), operator, "the parents have the same edges")

    def crossed() -> Pair:
        other = nodes()[:, None]
        one, two = first.matrix, second.matrix
        return (
            _child(rng, np.where(other, two, one), second, first.owned, first.kept, limits),
            _child(rng, np.where(other, one, two), first, second.owned, second.kept, limits),
        )

    return _first_new(first, second, limits, operator, crossed)


def _first_new(
    first: MaskGenotype, second: MaskGenotype, limits: Limits, operator: str, crossed: Callable[[], Pair]
) -> Offspring[MaskGenotype]:
    """The first pair of valid children that are not the parents again."""
    for _ in range(ATTEMPTS):
        children = crossed()
        if set(children) != {first, second} and all(is_valid(child, limits) for child in children):
            return Offspring(children, operator)
    return Offspring((first, second), operator, f"no new children within the limits found in {ATTEMPTS} attempts")


def _child(
    rng: np.random.Generator, edges: Bools, spare: MaskGenotype, owned: Ints, kept: int, limits: Limits
) -> MaskGenotype:
    """Some edges with some owners: those first, then what ``spare`` has, then any."""
    classes = np.where(edges, 0, np.where(spare.matrix, 1, 2))
    weights = edge_weights(owned, limits.widths, len(edges))
    return MaskGenotype.of(repaired(rng, classes, weights, kept, self_edges=limits.self_edges), owned, kept)
