"""Which masks are looked for and which networks trained, and their results from the journal or from the cores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from nasgen.jobs.journal import FILE, Journal
from nasgen.reproduce.bogp.baselines import Magnitude, train_magnitude
from nasgen.reproduce.bogp.properties import Masks, draw_masks
from nasgen.reproduce.bogp.searches import EVALUATIONS, RANDOM, Place, Search, run_search
from nasgen.reproduce.mnist import check_mnist
from nasgen.reproduce.request import Request

SPARSITIES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
UNION = (*SPARSITIES, 0.95, 0.97)
"""Of the masks that trade accuracy for sparsity. Of all weights .98, their highest, would leave 753 beside the dense
classifier; 128 nodes that read themselves have 784."""

UNION_SIZE = 3_000
"""Masks of all these sparsities together."""

WEIGHTS = (0.1, 0.5, 0.9)
"""Of the sparsity in the second objective."""

SEEDS = range(2)
DENSE_SEEDS = range(3)

SEARCHES = (
    *(Search("placed", "BoGP", (0.9,), seed=seed) for seed in SEEDS),
    *(Search("placed", "Bayesian", (0.9,), seed=seed) for seed in SEEDS),
    Search("as published", "BoGP", (0.9,)),
    *(Search("placed", RANDOM, (0.9,), size=EVALUATIONS, seed=seed) for seed in SEEDS),
    Search("placed", "BoGP, standardised cosine", (0.9,)),
    Search("placed", "BoGP", (0.75,)),
    *(Search("placed", "Bayesian", UNION, weight, UNION_SIZE) for weight in WEIGHTS),
)

BASELINES = (
    *(Magnitude("Glob", 0.9, 5, seed=seed) for seed in SEEDS),
    Magnitude("Unif", 0.9, 5),
    Magnitude("Glob", 0.75, 5),
    Magnitude("Unif", 0.75, 5),
    Magnitude("Glob", 0.9, 5, cubic=True),
    *(Magnitude(kind, 0.9, 1, seed=seed) for kind in ("Glob", "Unif") for seed in SEEDS),
    *(Magnitude(seed=seed) for seed in DENSE_SEEDS),
    Magnitude(full_batch=True),
)

CHOSEN_FROM = (
    Magnitude("Glob", 0.9, 5, chosen=True),
    Magnitude("Unif", 0.9, 5, chosen=True),
    Magnitude("Glob", 0.9, 5, cubic=True, chosen=True),
    Magnitude("Glob", 0.9, 1, chosen=True),
    Magnitude("Unif", 0.9, 1, chosen=True),
)
"""The same on rows held out: by these the best is chosen."""

DRAWN = (*(Masks("placed", sparsity) for sparsity in SPARSITIES), *(Masks("as published", s, 100) for s in SPARSITIES))

Results = Mapping[Any, Any]
Piece = Search | Magnitude | Masks
Seeded = TypeVar("Seeded", Search, Magnitude)

TRAINING, MORE_ROWS, MASK = 7.2, 1.1, 0.012
"""Seconds of a core for a training on 54,000 rows, times as many for all 60,000, and seconds for a mask drawn."""


def by_seeds(units: Iterable[Seeded]) -> dict[Seeded, list[Seeded]]:
    """Those that differ in nothing but the seed, by the one of seed 0."""
    kinds: dict[Seeded, list[Seeded]] = {}
    for unit in units:
        kinds.setdefault(replace(unit, seed=0), []).append(unit)
    return kinds


def all_results(request: Request) -> Results:
    """The results of all units; InputError if the data hold no MNIST."""
    data = check_mnist(request.data)
    journal = Journal(request.out / FILE, [data])
    place = Place(data, request.out / "runs" / journal.origin[:12])
    pieces: list[Piece] = [*SEARCHES, *CHOSEN_FROM, *BASELINES, *DRAWN]
    pieces.sort(key=seconds, reverse=True)
    return dict(journal.each(work, place, pieces, "searches, prunings and sets of masks", request.say, seconds))


def work(place: Place, unit: Piece) -> Any:
    """What comes of a piece of any kind: they share the cores, lest one wait for the last search on the other."""
    if isinstance(unit, Search):
        return run_search(place, unit)
    return train_magnitude(place, unit) if isinstance(unit, Magnitude) else draw_masks(place, unit)


def seconds(unit: Piece) -> float:
    """About how long a piece takes one core."""
    if isinstance(unit, Search):
        return (EVALUATIONS + MORE_ROWS) * TRAINING + unit.size * MASK
    if isinstance(unit, Magnitude):
        return max(1, unit.rounds) * TRAINING * (1.0 if unit.chosen else MORE_ROWS) * (2.0 if unit.full_batch else 1.0)
    return unit.count * MASK
