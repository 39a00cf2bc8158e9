"""Which masks are looked for and which networks are trained: for the main cells of both tables, or for every one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from nasgen.reproduce.bogp.baselines import Magnitude
from nasgen.reproduce.bogp.properties import Masks
from nasgen.reproduce.bogp.published import SPARSITIES, TRADED
from nasgen.reproduce.bogp.searches import EVALUATIONS, RANDOM, Search

UNION = (*SPARSITIES, 0.95, 0.97)
"""Of the masks that trade accuracy for sparsity. Of all weights .98, their highest, would leave 753 beside the dense
classifier; 128 nodes that read themselves have 784."""

UNION_SIZE = 3_000
"""Masks of all these sparsities together."""

SEEDS = range(2)
DENSE_SEEDS = range(3)

Piece = Search | Magnitude | Masks
Seeded = TypeVar("Seeded", Search, Magnitude)


@dataclass(frozen=True)
class Plan:
    """What the tables are made from.

    Attributes
    ----------
    searches, baselines
        Masks by search, networks by magnitude.
    chosen_from
        Of the baselines those among which the best is chosen, trained without the rows held out for that.
    drawn
        Sets of masks that are looked at untrained.
    """

    searches: tuple[Search, ...]
    baselines: tuple[Magnitude, ...]
    chosen_from: tuple[Magnitude, ...]
    drawn: tuple[Masks, ...]

    @property
    def pieces(self) -> list[Piece]:
        """All of them."""
        return [*self.searches, *self.chosen_from, *self.baselines, *self.drawn]

    @property
    def traded(self) -> list[Search]:
        """The searches that trade accuracy for sparsity, from the least weight to the largest."""
        return sorted((one for one in self.searches if one.sparsity_weight), key=lambda one: one.sparsity_weight)


def _traded(weight: float) -> Search:
    return Search("placed", "Bayesian", UNION, weight, UNION_SIZE)


STANDARD = Plan(
    searches=(
        *(Search("placed", "BoGP", (0.9,), seed=seed) for seed in SEEDS),
        *(Search("placed", "Bayesian", (0.9,), seed=seed) for seed in SEEDS),
        Search("as published", "BoGP", (0.9,)),
        *(Search("placed", RANDOM, (0.9,), size=EVALUATIONS, seed=seed) for seed in SEEDS),
        Search("placed", "BoGP, standardised cosine", (0.9,)),
        Search("placed", "BoGP", (0.75,)),
        *map(_traded, (0.1, 0.5, 0.9)),
    ),
    baselines=(
        *(Magnitude("Glob", 0.9, 5, seed=seed) for seed in SEEDS),
        Magnitude("Unif", 0.9, 5),
        Magnitude("Glob", 0.75, 5),
        Magnitude("Unif", 0.75, 5),
        Magnitude("Glob", 0.9, 5, cubic=True),
        *(Magnitude(kind, 0.9, 1, seed=seed) for kind in ("Glob", "Unif") for seed in SEEDS),
        *(Magnitude(seed=seed) for seed in DENSE_SEEDS),
        Magnitude(full_batch=True),
    ),
    chosen_from=(
        Magnitude("Glob", 0.9, 5, chosen=True),
        Magnitude("Unif", 0.9, 5, chosen=True),
        Magnitude("Glob", 0.9, 5, cubic=True, chosen=True),
        Magnitude("Glob", 0.9, 1, chosen=True),
        Magnitude("Unif", 0.9, 1, chosen=True),
    ),
    drawn=(*(Masks("placed", s) for s in SPARSITIES), *(Masks("as published", s, 100) for s in SPARSITIES)),
)
"""The two highest sparsities of Table 1 and three weights of Table 2."""


def _with_others(standard: tuple[Seeded, ...], every: Iterable[Seeded]) -> tuple[Seeded, ...]:
    return standard + tuple(one for one in every if one not in standard)


FULL = replace(
    STANDARD,
    searches=_with_others(
        STANDARD.searches,
        (
            *(Search(space, "BoGP", (s,)) for space in ("placed", "as published") for s in SPARSITIES),
            *map(_traded, TRADED),
        ),
    ),
    baselines=_with_others(
        STANDARD.baselines,
        (Magnitude(kind, s, rounds) for kind in ("Glob", "Unif") for rounds in (1, 5) for s in SPARSITIES),
    ),
)
"""Every cell of both tables: one seed of each that is not among the standard ones."""


def by_seeds(units: Iterable[Seeded]) -> dict[Seeded, list[Seeded]]:
    """Those that differ in nothing but the seed, by the one of seed 0."""
    kinds: dict[Seeded, list[Seeded]] = {}
    for unit in units:
        kinds.setdefault(replace(unit, seed=0), []).append(unit)
    return kinds
