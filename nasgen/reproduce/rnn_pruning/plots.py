"""Plots of recurrent pruning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from nasgen.drawing import new_figure
from nasgen.reproduce.rnn_pruning.experiments import Retrain
from nasgen.reproduce.rnn_pruning.stored import CELLS, EPOCHS, PLACES, Published
from nasgen.reproduce.tables import Picture, Row

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

COLOURS = {"both": "black", "i2h": "tab:blue", "h2h": "tab:orange"}
STYLES = {80: ":", 90: "--", 100: "-"}
MARKERS = {False: "o", True: "D"}
"""Ours, trained with the authors' recipe or with our own."""

TICKS = (0, 0.25, 0.5, 1, 2, 5, 10)


def plot_rates(rows: Sequence[Row], base: Mapping[str, float]) -> Picture:
    """Accuracy by rate of each cell and place: theirs as crosses, ours as lines (Fig. 5)."""
    figure = new_figure(11, 3.4)
    panels = figure.subplots(1, len(CELLS), sharey=True)
    for panel, (cell, called) in zip(panels, CELLS.items(), strict=True):
        panel.axhline(base[cell], color="grey", lw=1, ls=":")
        for place in PLACES:
            of_place = [row for row in rows if (row.more["cell"], row.more["place"]) == (cell, place)]
            rates = [row.more["rate"] for row in of_place]
            panel.plot(rates, [row.ours for row in of_place], color=COLOURS[place], label=f"{place}, ours")
            panel.plot(rates, [row.paper for row in of_place], "x", color=COLOURS[place], label=f"{place}, theirs")
        panel.set_title(called)
        panel.set_xlabel("weights pruned, %")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    panels[0].legend(fontsize="x-small")
    return Picture.of(figure, "Test accuracy right after pruning; dotted: the dense network.")


def plot_retraining(published: Published, retrained: Mapping[Retrain, Sequence[float]]) -> Picture:
    """Accuracy over epochs of retraining, at the rates that hurt: theirs as thin lines, ours as points (means)."""
    figure = new_figure(11, 4.4)
    panels = figure.subplots(1, len(CELLS), sharey=True)
    for panel, (cell, called) in zip(panels, CELLS.items(), strict=True):
        for place in PLACES:
            for rate, style in STYLES.items():
                curve = published.pruned[cell, place, rate]
                panel.plot(range(EPOCHS + 1), curve, style, lw=1, color=COLOURS[place], alpha=0.6)
        for unit, accuracies in mean_curves(retrained).items():
            if unit.cell == cell:
                epochs = [0.0, *accumulate(unit.shares)]
                line = panel.plot(epochs, accuracies, STYLES[unit.rate], color=COLOURS[unit.place], lw=1.5)[0]
                line.set(marker=MARKERS[unit.ours], markersize=6, markeredgecolor="white")
        panel.set_title(called)
        panel.set_xscale("symlog", linthresh=1)  # ours end after two epochs, and most of theirs have risen by then
        panel.set_xticks(TICKS, [f"{epoch:g}" for epoch in TICKS])
        panel.set_xlabel("epochs after pruning")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=9, fontsize="small")
    caption = (
        "Accuracies over epochs of retraining: theirs at 80, 90 and 100 %, and ours, means over seeds, where trained."
    )
    return Picture.of(figure, caption)


def mean_curves(retrained: Mapping[Retrain, Sequence[float]]) -> dict[Retrain, list[float]]:
    """The means over seeds, by the unit of seed 0."""
    curves: dict[Retrain, list[Sequence[float]]] = {}
    for unit, accuracies in retrained.items():
        curves.setdefault(replace(unit, seed=0), []).append(accuracies)
    return {unit: np.mean(found, axis=0).tolist() for unit, found in curves.items()}


def _legend() -> list[Line2D]:
    """A line for each thing that lines and points tell: place, rate, and whose they are."""
    from matplotlib.lines import Line2D

    places = [Line2D([], [], color=colour, label=place) for place, colour in COLOURS.items()]
    rates = [Line2D([], [], color="grey", ls=style, label=f"{rate} %") for rate, style in STYLES.items()]
    theirs = Line2D([], [], color="grey", lw=1, alpha=0.6, label="theirs")
    ours = [
        Line2D([], [], color="grey", lw=1.5, marker=marker, label=f"ours, {'our' if own else 'their'} recipe")
        for own, marker in MARKERS.items()
    ]
    return [*places, *rates, theirs, *ours]
