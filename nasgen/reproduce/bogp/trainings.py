"""Results of searches, trainings and sets of masks, from the journal or from the cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasgen.jobs.journal import FILE, Journal
from nasgen.reproduce.bogp.baselines import Magnitude, train_magnitude
from nasgen.reproduce.bogp.plan import Piece, Plan
from nasgen.reproduce.bogp.properties import draw_masks
from nasgen.reproduce.bogp.searches import EVALUATIONS, Place, Search, run_search
from nasgen.reproduce.mnist import check_mnist
from nasgen.reproduce.request import Request

Results = Mapping[Any, Any]

TRAINING, MORE_ROWS, MASK = 7.2, 1.1, 0.012
"""Seconds of a core for a training on 54,000 rows, times as many for all 60,000, and seconds for a mask drawn."""


def all_results(request: Request, plan: Plan) -> Results:
    """The results of all pieces of a plan; InputError if the data hold no MNIST."""
    data = check_mnist(request.data)
    journal = Journal(request.out / FILE, [data])
    place = Place(data, request.out / "runs" / journal.origin[:12])
    pieces = sorted(plan.pieces, key=seconds, reverse=True)
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
