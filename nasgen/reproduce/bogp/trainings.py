"""Which masks are looked for and which networks trained, and their results from the journal or from the cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasgen.reproduce.bogp.baselines import Magnitude, train_magnitude
from nasgen.reproduce.bogp.properties import Masks, draw_masks
from nasgen.reproduce.bogp.searches import Place, Search, run_search
from nasgen.reproduce.journal import FILE, Journal
from nasgen.reproduce.mnist import check_mnist
from nasgen.reproduce.request import Request

SPARSITIES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
SEEDS = range(3)
WEIGHTS = (0.1, 0.5, 0.9)
"""Of the sparsity in the second objective."""

UNION_SIZE = 3_000
"""Masks of all sparsities together."""

SEARCHES = (
    Search("placed", "BoGP", (0.9,)),
    Search("placed", "Bayesian", (0.9,)),
    Search("placed", "evolution", (0.9,)),
    Search("as published", "BoGP", (0.9,)),
    Search("placed", "BoGP", (0.75,)),
    *(Search("placed", "Bayesian", SPARSITIES, weight, UNION_SIZE) for weight in WEIGHTS),
)

BASELINES = (
    *(Magnitude("Glob", 0.9, 5, seed=seed) for seed in SEEDS),
    *(Magnitude("Unif", 0.9, 5, seed=seed) for seed in range(2)),
    Magnitude("Glob", 0.75, 5),
    Magnitude("Unif", 0.75, 5),
    Magnitude("Glob", 0.9, 5, cubic=True),
    *(Magnitude(kind, 0.9, 1, seed=seed) for kind in ("Glob", "Unif") for seed in SEEDS),
    *(Magnitude(seed=seed) for seed in SEEDS),
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


def all_results(request: Request) -> Results:
    """The results of all units; InputError if the data hold no MNIST."""
    data = check_mnist(request.data)
    journal = Journal(request.out / FILE, [data])
    place = Place(data, request.out / "runs" / journal.origin[:12])
    say = request.say
    results: dict[Any, Any] = dict(journal.each(draw_masks, place, DRAWN, "databases drawn", say))
    results |= journal.each(run_search, place, SEARCHES, "searches for masks", say)
    units = sorted((*CHOSEN_FROM, *BASELINES), key=lambda unit: -unit.rounds)
    pruned = journal.each(train_magnitude, place, units, "networks pruned by magnitude", say, _trainings)
    return results | dict(pruned)


def _trainings(unit: Magnitude) -> float:
    return max(1, unit.rounds)
