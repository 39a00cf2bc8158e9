"""Plots of the tables of recurrent networks, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasgen.drawing import new_figure
from nasgen.reproduce.rnn_priors.stored_tables import GENERATORS, Floats, Networks
from nasgen.reproduce.tables import Picture, Row

COLOURS = {"BA": "tab:orange", "WS": "tab:blue", "all": "black"}
BARS = ("tab:gray", "tab:olive", "tab:brown", "tab:blue")
SEED = 0
"""Of the jitter of points."""


def plot_accuracies(networks: Mapping[str, Networks]) -> Picture:
    """The test accuracy of every network, by cell and generator, over boxes of their quartiles (Fig. 7)."""
    figure = new_figure(8, 3.8)
    axes = figure.subplots()
    rng = np.random.default_rng(SEED)
    for place, one in enumerate(networks.values()):
        for shift, (generator, short) in zip((-0.2, 0.2), GENERATORS.items(), strict=True):
            values = one.accuracies[one.generators == generator]
            jitter = rng.uniform(-0.1, 0.1, len(values))
            label = short if place == 0 else None
            axes.scatter(place + shift + jitter, values, s=7, alpha=0.5, lw=0, color=COLOURS[short], label=label)
            axes.boxplot(
                values,
                positions=[place + shift],
                widths=0.28,
                showfliers=False,
                manage_ticks=False,
                medianprops={"color": "black", "lw": 2},
            )
    axes.set_xticks(range(len(networks)), [one.called for one in networks.values()])
    axes.set_ylabel("test accuracy")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(title="generator", loc="lower right", markerscale=2)
    return Picture.of(figure, "Test accuracy of every network by cell and generator, with quartiles.")


def plot_correlations(overall: Sequence[Row], alone: Sequence[Row]) -> Picture:
    """Correlations with their intervals: of all networks, within each generator, and as published."""
    names, cells = _different(overall, "property"), _different(overall, "cell")
    figure = new_figure(11, 4.6)
    panels = figure.subplots(1, len(cells), sharey=True, sharex=True)
    for panel, cell in zip(panels, cells, strict=True):
        for shift, kind in ((0.22, "all"), (0.0, "WS"), (-0.22, "BA")):
            rows = [row for row in (*overall, *alone) if row.more["cell"] == cell]
            rows = [row for row in rows if row.more.get("generator", "all") == kind]
            y = [shift - names.index(row.more["property"]) for row in rows]
            values, errors = _values(rows)
            panel.errorbar(values, y, xerr=errors, ls="", lw=1, color=COLOURS[kind], marker="o", ms=3.5, label=kind)
            if kind == "all":
                published = [np.nan if row.paper is None else row.paper for row in rows]
                panel.plot(published, y, ls="", marker="x", color="tab:red", label="published, all", ms=6, zorder=3)
        panel.axvline(0, color="gray", lw=0.8)
        panel.set(title=cell, xlabel="Pearson correlation")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks([-number for number in range(len(names))], [str(name).replace("_", " ") for name in names])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return Picture.of(
        figure, "Correlation of graph properties with test accuracy: all networks, each generator alone, published."
    )


def plot_folds(rows: Sequence[Row], bounds: Sequence[float]) -> Picture:
    """R2 on ten folds with intervals, by cell and regressor, and the bound of each cell."""
    names, cells = _different(rows, "regressor"), _different(rows, "cell")
    figure = new_figure(8, 3.6)
    axes = figure.subplots()
    for number, (name, colour) in enumerate(zip(names, BARS, strict=True)):
        some = [row for row in rows if row.more["regressor"] == name]
        x = [cells.index(row.more["cell"]) + 0.2 * (number - 1.5) for row in some]
        values, errors = _values(some)
        axes.bar(x, values, width=0.18, color=colour, label=name, yerr=errors, error_kw={"lw": 1, "capsize": 2})
    for place, bound in enumerate(bounds):
        label = "bound" if place == 0 else None
        axes.plot([place - 0.42, place + 0.42], [bound, bound], color="tab:red", lw=1.2, ls="--", label=label)
    axes.set_xticks(range(len(cells)), [str(cell) for cell in cells])
    axes.set_ylabel("R² of held-out networks")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", fontsize="small")
    return Picture.of(figure, "R² on ten folds: the mean over shuffles with its interval, and what is asked for.")


def _different(rows: Sequence[Row], name: str) -> list[Any]:
    """What rows are about, each value once, in their order."""
    return list(dict.fromkeys(row.more[name] for row in rows))


def _values(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """The figures of rows, shape (n,), and how far their intervals reach down and up, shape (2, n)."""
    values, low, high = np.array([(row.ours, row.low, row.high) for row in rows], dtype=np.float64).T
    return values, np.array([values - low, high - values])
