"""The tables of recurrent pruning, theirs beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nasgen.reproduce.rnn_pruning.experiments import Prune, Retrain
from nasgen.reproduce.rnn_pruning.plots import plot_rates, plot_retraining
from nasgen.reproduce.rnn_pruning.stored import CELLS, PLACES, RATES
from nasgen.reproduce.rnn_pruning.trainings import (
    CHOSEN_RATES,
    CRITERIA,
    RETRAININGS,
    Results,
)
from nasgen.reproduce.tables import Row, Table, within
from nasgen.statistics import mean_interval

FAR, NEAR, NEAR_SHARE = 0.02, 0.005, 0.9
"""Every accuracy within the first, and a share of them within the second."""

DROP, SMALL_DROP = 0.05, 0.01
"""By so much accuracy may fall where pruning is called safe."""

SAFE: Mapping[str, tuple[int, int, int, int]] = {
    "both": (80, 70, 60, 80),
    "i2h": (70, 70, 70, 80),
    "h2h": (80, 70, 90, 90),
}
"""Darji 2021, by cell in the order of ``CELLS``; the paper prints 70 and 80 for h2h of LSTM and GRU."""

BACK = 0.99
CHANCE = 0.52
FLOORS: Mapping[tuple[str, str, int, bool], tuple[float, ...]] = {
    ("gru", "both", 90, False): (BACK,),
    ("rnn_relu", "both", 90, False): (BACK,),
    ("rnn_relu", "both", 90, True): (BACK,),
    ("gru", "h2h", 100, False): (0.0, 0.995),
    ("gru", "h2h", 100, True): (0.97, 0.995),
}
"""At least so much after each share of the strings, with our recipe or theirs; 0 where nothing is asked."""


def tables_of(results: Results) -> list[Table]:
    """All tables."""
    return [cells(results), safe(results), _chosen(results), _retrained(results)]


def cells(results: Results) -> Table:
    """Every cell of theirs beside ours, right after pruning."""
    rows, distances = [], []
    for unit in (Prune(cell, place) for cell in CELLS for place in PLACES):
        for rate, found in zip(unit.rates, results.pruned[unit], strict=True):
            paper = results.published.pruned[unit.cell, unit.place, rate][0]
            distances.append(abs(found["test"] - paper))
            item = f"{CELLS[unit.cell]}, {unit.place}, {rate} %"
            more: dict[str, float | str] = {"cell": unit.cell, "place": unit.place, "rate": rate}
            holds = within(paper, found["test"], FAR)
            rows.append(Row(item, paper, found["test"], holds, found["low"], found["high"], more))
    share = float(np.mean([distance <= NEAR for distance in distances]))
    item = f"share of {len(rows)} within {100 * NEAR} points, at least {NEAR_SHARE}"
    ahead = (
        Row(item, None, share, share >= NEAR_SHARE),
        Row(f"largest difference, at most {FAR}", 0.0, max(distances), max(distances) <= FAR),
    )
    note = (
        "Their dense networks of 3 x 50 neurons, pruned at once by magnitude, one threshold for all three layers. They "
        "read after the longest string of a batch of 32 and shuffled: ours are the mean over 200 orders, with the "
        "middle 95 % of them; theirs is one order. Each accuracy is held to lie within 2 points."
    )
    title = "Right after pruning: test accuracy (Fig. 5)"
    return Table(title, (*ahead, *rows), note, plot_rates(rows, results.published.base))


def safe_rate(accuracies: Sequence[float], rates: Sequence[int], dense: float, drop: float) -> int:
    """The highest rate up to which no accuracy falls by more than ``drop``; 0 if the first does already."""
    safe = 0
    for rate, accuracy in zip(rates, accuracies, strict=True):
        if dense - accuracy > drop + 1e-12:
            break
        safe = rate
    return safe


def safe(results: Results) -> Table:
    """Up to which rate pruning is safe, theirs beside ours."""
    rows = []
    for place, published in SAFE.items():
        for cell, paper in zip(CELLS, published, strict=True):
            accuracies = [found["test"] for found in results.pruned[Prune(cell, place)]]
            dense = results.published.base[cell]
            ours, strict = (safe_rate(accuracies, RATES, dense, drop) for drop in (DROP, SMALL_DROP))
            rows.append(Row(f"{CELLS[cell]}, {place}", paper, ours, ours == paper, more={"one_point": strict}))
    note = "The highest rate in percent up to which accuracy falls by no more than 5 points; as Darji 2021 has it."
    return Table("Safe percentages", tuple(rows), note)


def _chosen(results: Results) -> Table:
    """By cell: the criterion that is best on training strings at each rate, and how far it is safe."""
    rows = []
    for cell, called in CELLS.items():
        dense = results.published.base[cell]
        found = {
            name: results.pruned[Prune(cell, "both", criterion, CHOSEN_RATES)] for name, criterion in CRITERIA.items()
        }
        best = [max(found, key=lambda name: found[name][place]["training"]) for place in range(len(CHOSEN_RATES))]
        accuracies = [found[name][place]["test"] for place, name in enumerate(best)]
        theirs = [results.published.pruned[cell, "both", rate][0] for rate in CHOSEN_RATES]
        ours, paper = (safe_rate(curve, CHOSEN_RATES, dense, SMALL_DROP) for curve in (accuracies, theirs))
        rows.append(Row(f"{called}: safe at 1 point, no less than theirs", paper, ours, ours >= paper))
        rows += [
            Row(f"{called}, {rate} %: {name}", published, accuracy)
            for rate, name, accuracy, published in zip(CHOSEN_RATES, best, accuracies, theirs, strict=True)
        ]
    note = (
        f"Of {len(CRITERIA)} criteria ({'; '.join(CRITERIA)}) the one with the highest accuracy on 2,000 training "
        "strings, for each network and rate; both kinds of weights. Right after pruning."
    )
    return Table("The criterion chosen on training strings: test accuracy", tuple(rows), note)


def _retrained(results: Results) -> Table:
    rows = []
    kinds: dict[tuple[str, str, int, bool, tuple[float, ...]], list[Retrain]] = {}
    for unit in RETRAININGS:
        kinds.setdefault((unit.cell, unit.place, unit.rate, unit.ours, unit.shares), []).append(unit)
    for (cell, place, rate, ours, shares), units in kinds.items():
        for number, share in enumerate(shares, start=1):
            mean, low, high = mean_interval([results.retrained[unit][number] for unit in units])
            whole = share == 1
            paper = results.published.pruned[cell, place, rate][number] if whole else None
            holds, asked = None, ""
            floor = FLOORS.get((cell, place, rate, ours), (0.0,) * len(shares))[number - 1]
            if floor and (whole or ours):
                holds, asked = mean >= floor, f", at least {floor}"
            if (place, rate) == ("i2h", 100):
                holds, asked = mean <= CHANCE, f", at most {CHANCE}"
            when = f"{number} epoch{'s' if number > 1 else ''}" if whole else f"{share:g} of an epoch"
            item = f"{CELLS[cell]}, {place} {rate} %, {'our' if ours else 'their'} recipe, after {when}{asked}"
            rows.append(Row(item, paper, mean, holds, low, high, {"seeds": len(units)}))
    note = (
        "Theirs: Adam at .001 in shuffled batches of 32, gradients cut at 5. Ours: GRU at .002; ReLU in batches of 4, "
        "gradients cut at 1 (chosen on training strings held out, with other seeds). Masks are fixed, and strings read "
        "as they read. At 100 % one weight is left."
    )
    return Table(
        "After retraining: test accuracy", tuple(rows), note, plot_retraining(results.published, results.retrained)
    )
