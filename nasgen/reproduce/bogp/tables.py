"""The tables of masks by Bayesian optimisation, theirs beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from nasgen.jobs.journal import Unit
from nasgen.reproduce.bogp.baselines import Magnitude
from nasgen.reproduce.bogp.plots import plot_correlations, plot_searches, plot_tradeoff
from nasgen.reproduce.bogp.properties import Masks, correlations, screened
from nasgen.reproduce.bogp.searches import Search
from nasgen.reproduce.bogp.trainings import (
    BASELINES,
    CHOSEN_FROM,
    DRAWN,
    SEARCHES,
    SPARSITIES,
    UNION,
    WEIGHTS,
    Results,
    by_seeds,
)
from nasgen.reproduce.tables import Row, Table, within
from nasgen.statistics import mean_interval
from predictors.features.relational import NAMES
from search_spaces.sparse.measures import kept_at

TOTAL = 784 * 128 + 128 * 10
LAYERS = (784 * 128, 128 * 10)

BASE, BASE_TOLERANCE = 0.970, 0.003
PUBLISHED: Mapping[tuple[str, float, int], float] = {
    ("Glob", 0.9, 1): 0.945,
    ("Glob", 0.9, 5): 0.962,
    ("Unif", 0.9, 1): 0.810,
    ("Unif", 0.9, 5): 0.950,
    ("Glob", 0.75, 5): 0.966,
    ("Unif", 0.75, 5): 0.965,
}
"""By kind, sparsity and rounds (Table 1)."""

MASKS = {0.9: 0.951, 0.75: 0.966}
"""BoGP by sparsity (Table 1)."""

TOLERANCE = 0.005
BEST = 0.962
TRADED: Mapping[float, tuple[float, float, float]] = {
    0.1: (0.90, 0.73, 0.973),
    0.5: (0.37, 0.93, 0.835),
    0.9: (0.25, 0.98, 1.132),
}
"""Accuracy, sparsity, and their weighted sum, by the weight (Table 2)."""

FLOORS = {"f2": 1.04, "accuracy on validation": 0.95, "sparsity": 0.9}
"""At the least weight."""

SPREAD = 5.0


def tables_of(results: Results) -> list[Table]:
    """All tables."""
    return [_accuracies(results), _searches(results), _traded(results), _database(results), _properties(results)]


def best_of(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row of a search that won, by its objective on validation."""
    row: Mapping[str, Any] = found["rows"][found["winner"]]
    return row


class _Mean(NamedTuple):
    """A mean over seeds, and the ends of its interval."""

    mean: float
    low: float
    high: float
    seeds: int


def _mean(results: Results, units: Sequence[Unit], figure: str) -> _Mean:
    return _Mean(*mean_interval([results[unit][figure] for unit in units]), len(units))


def _best(results: Results, units: Sequence[Unit]) -> _Mean:
    """Of the best accuracies on validation of each search."""
    return _Mean(*mean_interval([best_of(results[unit])["accuracy"] for unit in units]), len(units))


def _row(item: str, paper: float | None, ours: _Mean, holds: bool | None = None) -> Row:
    return Row(item, paper, ours.mean, holds, ours.low, ours.high, {"seeds": ours.seeds})


def _accuracies(results: Results) -> Table:
    magnitudes, searches = by_seeds(BASELINES), by_seeds(SEARCHES)
    dense, whole = magnitudes.pop(Magnitude()), magnitudes.pop(Magnitude(full_batch=True))
    base = _mean(results, dense, "accuracy")
    held = [_row(f"dense, within {BASE_TOLERANCE}", BASE, base, within(BASE, base.mean, BASE_TOLERANCE))]
    for sparsity, paper in MASKS.items():
        ours = _mean(results, searches[Search("placed", "BoGP", (sparsity,))], "test")
        least = paper if sparsity == 0.9 else paper - TOLERANCE
        item = f"sparsity {sparsity}: BoGP, masks placed in the image, at least {least:.3f}"
        held.append(_row(item, paper, ours, ours.mean >= least))
    candidates = {
        f"{search.strategy} over masks, {search.space}": (_best(results, units).mean, _mean(results, units, "test"))
        for search, units in searches.items()
        if search.sparsities == (0.9,)
    }
    rows = [_row("dense, all rows in one batch, 50 steps at .01", BASE, _mean(results, whole, "accuracy"))]
    for kind, units in magnitudes.items():
        test = _mean(results, units, "accuracy")
        called = f"{kind.kind}{kind.rounds}{', cubic' if kind.cubic else ''}"
        published = None if kind.cubic else PUBLISHED.get((kind.kind, kind.sparsity, kind.rounds))
        rows.append(_row(f"sparsity {kind.sparsity}: {called}", published, test))
        judged = replace(kind, chosen=True)
        if judged in CHOSEN_FROM:
            candidates[called] = results[judged]["accuracy"], test
    name, (_, found) = max(candidates.items(), key=lambda one: one[1][0])
    item = f"sparsity 0.9: the best on validation, {name}, at least {BEST} (their best, Glob5)"
    held.insert(1, _row(item, BEST, found, found.mean >= BEST))
    note = (
        "784-128-10, Adam at .0003 in batches of 1,024 for 25 epochs; sparsity counts all weights of both layers, for "
        "every method: at .9 there are 10,163. Masks leave the classifier dense. Everything is chosen on a tenth of "
        "the training rows, held out (the paper: on test): a search by the best of 25 trainings, magnitudes by one. "
        "Shown is test accuracy after a training on all 60,000 rows, the mean over seeds with its 95 % interval, which "
        "two seeds leave wide; where there is none, of one seed. Glob and Unif prune by magnitude in rounds of one "
        "such training each, the first before any. To the letter (all rows together, 50 epochs; not at the printed "
        "rate, 3 * 10^4) that is 50 steps, from which .970 cannot come."
    )
    return Table("Accuracy at equal sparsity (Table 1)", (*held, *rows), note)


def _searches(results: Results) -> Table:
    rows, drawn = [], {}
    for search, units in by_seeds(SEARCHES).items():
        if search.sparsities == (0.9,):
            called = f"{search.strategy}, {search.space}"
            rows.append(_row(f"{called}: validation", None, _best(results, units)))
            rows.append(_row(f"{called}: test", None, _mean(results, units, "test")))
            drawn[called] = [results[unit] for unit in units]
    note = (
        "As published: uniformly random masks, whose properties hardly differ. Placed: masks of seven kinds of graphs "
        "on patches of pixels. BoGP maximises the bound over the box of five properties and fetches the most similar "
        "mask, by the raw cosine as published, or by that of properties of mean 0 and deviation 1; Bayesian maximises "
        "it over the masks, with all features of their graphs; random trains as many random ones. Means over seeds; "
        "without an interval, one seed."
    )
    return Table("25 masks trained, sparsity .9: accuracy of the best", tuple(rows), note, plot_searches(drawn))


def _traded(results: Results) -> Table:
    rows, sparsities, points = [], [], []
    for weight in WEIGHTS:
        unit = next(one for one in SEARCHES if one.sparsity_weight == weight)
        best = best_of(results[unit])
        value = best["accuracy"] + weight * best["sparsity"]
        accuracy, sparsity, paper = TRADED[weight]
        sparsities.append(best["sparsity"])
        points.append((weight, best["accuracy"], best["sparsity"]))
        theirs = {"f2": paper, "accuracy on validation": accuracy, "accuracy on test": None, "sparsity": sparsity}
        ours = {
            "f2": value,
            "accuracy on validation": best["accuracy"],
            "accuracy on test": results[unit]["test"],
            "sparsity": best["sparsity"],
        }
        least = {"f2": paper, **(FLOORS if weight == min(WEIGHTS) else {})}
        for what, found in ours.items():
            asked = f", at least {least[what]:g}" if what in least else ""
            holds = found >= least[what] if what in least else None
            rows.append(Row(f"alpha {weight}: {what}{asked}", theirs[what], found, holds))
    grows = all(later >= earlier - 1e-9 for earlier, later in pairwise(sparsities))
    rows.append(Row("sparsity does not fall with alpha: 1 where so", None, float(grows), grows))
    note = (
        f"Accuracy plus alpha times sparsity, over masks of {len(UNION)} sparsities together, from {min(UNION)} to "
        f"{max(UNION)}; 25 trained for each alpha, one seed. Of all weights .98 would leave 2,033: too few for the "
        "1,280 of the dense classifier and the 784 of 128 nodes that read themselves."
    )
    return Table("Accuracy traded for sparsity (Table 2)", tuple(rows), note, plot_tradeoff(points, TRADED))


def _database(results: Results) -> Table:
    rows = []
    by_place = {(unit.space, unit.sparsity): results[unit] for unit in DRAWN}
    for sparsity in SPARSITIES:
        kept, wanted = by_place["placed", sparsity]["kept"], kept_at(sparsity, TOTAL)
        off = max(abs(one - wanted) for one in kept)
        rows.append(Row(f"sparsity {sparsity}: weights off {wanted:,}, at most 1", 0, off, off <= 1))
        diverse, uniform = (
            np.array(by_place[space, sparsity]["properties"]).std(axis=0) for space in ("placed", "as published")
        )
        for name, one, other in zip(NAMES, diverse, uniform, strict=True):
            wider = float(one / max(other, 1e-12))
            held = name != "connectivity"
            asked = f", at least {SPREAD:g}" if held else ""
            rows.append(Row(f"sparsity {sparsity}: {name}{asked}", None, wider, wider >= SPREAD if held else None))
    note = (
        "1,000 masks of each sparsity from seven kinds of graphs, beside 100 uniform ones: how many times as wide the "
        "properties spread (standard deviations). Connectivity, bounded by the least degree, spreads less. The weights "
        "of every mask are counted."
    )
    return Table("The database of masks", tuple(rows), note)


def _properties(results: Results) -> Table:
    together = np.vstack([results[Masks("placed", sparsity)]["properties"] for sparsity in SPARSITIES])
    alone = {sparsity: np.array(results[Masks("placed", sparsity)]["properties"]) for sparsity in (0.75, 0.9)}
    left = {"all six together": screened(together), **{f"sparsity {s}": screened(rows) for s, rows in alone.items()}}
    rows = tuple(
        Row(f"{what}: left of five are {', '.join(names)}", None, float(len(names))) for what, names in left.items()
    )
    matrix = correlations(together)
    pairs = tuple(
        Row(f"all six together: correlation of {NAMES[one]} and {NAMES[other]}", None, float(matrix[one, other]))
        for one, other in combinations(range(len(NAMES)), 2)
    )
    note = "Of two properties that go together by more than .9, the later is left out. Correlations are Pearson's."
    picture = plot_correlations({"all six": together, **{f"sparsity {s}": one for s, one in alone.items()}})
    return Table("How the properties go together (Fig. 8)", (*rows, *pairs), note, picture)
