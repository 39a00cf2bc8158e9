"""Plots of feed-forward pruning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nasgen.drawing import new_figure
from nasgen.reproduce.tables import Picture, Row
from nasgen.statistics import mean_interval

Floats = NDArray[np.float64]

COLOURS = ("tab:gray", "tab:blue", "tab:red", "tab:orange", "tab:green")
TOTAL = 79_400


def plot_methods(dense: Sequence[float], kept: Sequence[int], curves: Mapping[str, Floats]) -> Picture:
    """Test accuracy over the share of weights left, by method, with intervals; on the right, what lies near the top."""
    figure = new_figure(10, 4)
    whole, near = figure.subplots(1, 2)
    for axes in (whole, near):
        axes.axhline(np.mean(dense), color="black", lw=1, ls=":", label="dense")
        for (method, curve), colour in zip(curves.items(), COLOURS, strict=True):
            mean, low, high = np.array([mean_interval(values) for values in curve.T]).T
            left = [count / TOTAL for count in kept[: len(mean)]]
            axes.plot(left, mean, marker="o", ms=4, color=colour, label=method)
            axes.fill_between(left, low, high, color=colour, alpha=0.2, lw=0)
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.set_xlabel("share of weights left")
        axes.grid(alpha=0.3)
    near.set_ylim(0.90, 0.975)
    whole.set_ylabel("test accuracy after retraining")
    whole.legend(fontsize="small")
    return Picture.of(figure, "The five methods: mean over seeds with 95 % intervals. Right: the same, from .90 on.")


def plot_headline(rows: Sequence[Row]) -> Picture:
    """Our test accuracy over the share of weights that is gone, beside the published one."""
    ours = [row for row in rows if "sparsity" in row.more]
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    mean, low, high = np.array([(row.ours, row.low, row.high) for row in ours], dtype=np.float64).T
    gone = [row.more["sparsity"] for row in ours]
    axes.errorbar(gone, mean, yerr=[mean - low, high - mean], marker="o", capsize=3, label="ours")
    axes.plot([0.8], [0.975], marker="*", ms=12, ls="", color="tab:orange", label="published, 80 %")
    axes.axhline(0.970, color="tab:orange", lw=1, ls=":", label="published, dense")
    axes.axhline(float(rows[1].ours or 0), color="tab:blue", lw=1, ls=":", label="ours, dense")
    axes.set_xlabel("share of weights gone")
    axes.set_ylabel("test accuracy")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower left")
    return Picture.of(figure, "Class-blinded pruning with our training: mean over seeds with 95 % intervals.")
