"""Plots of masks by Bayesian optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasgen.reproduce.bogp.properties import Floats, correlations
from nasgen.reproduce.drawing import as_picture, new_figure
from nasgen.reproduce.tables import Picture
from predictors.features.relational import NAMES


def plot_searches(found: Mapping[str, Mapping[str, Any]]) -> Picture:
    """The best validation accuracy so far over the masks trained."""
    figure = new_figure(7, 3.8)
    axes = figure.subplots()
    for name, search in found.items():
        accuracies = [row["accuracy"] for row in search["rows"]]
        numbers = np.arange(1, len(accuracies) + 1)
        (line,) = axes.step(numbers, np.maximum.accumulate(accuracies), where="post", label=name)
        axes.plot(numbers, accuracies, ".", ms=4, alpha=0.5, color=line.get_color())
    axes.set_xlabel("masks trained")
    axes.set_ylabel("validation accuracy")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="lower right")
    return as_picture(figure, "Masks of sparsity .9: each one trained (dots) and the best so far (lines).")


def plot_tradeoff(
    points: Sequence[tuple[float, float, float]], theirs: Mapping[float, tuple[float, float, float]]
) -> Picture:
    """Accuracy over sparsity, by the weight of sparsity."""
    figure = new_figure(5.5, 3.6)
    axes = figure.subplots()
    axes.plot([s for _, _, s in points], [a for _, a, _ in points], "o-", label="ours")
    axes.plot([s for _, s, _ in theirs.values()], [a for a, _, _ in theirs.values()], "x--", label="theirs")
    for weight, accuracy, sparsity in points:
        axes.annotate(f"{weight:g}", (sparsity, accuracy), textcoords="offset points", xytext=(4, -12))
    for weight, (accuracy, sparsity, _) in theirs.items():
        axes.annotate(f"{weight:g}", (sparsity, accuracy), textcoords="offset points", xytext=(4, 5))
    axes.set_xlabel("sparsity")
    axes.set_ylabel("accuracy")
    axes.grid(alpha=0.3)
    axes.legend()
    return as_picture(figure, "What accuracy plus alpha times sparsity chooses, by alpha.")


def plot_correlations(rows: Mapping[str, Floats]) -> Picture:
    """The correlations of the five properties, of each set of masks (Fig. 8)."""
    figure = new_figure(11, 3.9)
    panels = figure.subplots(1, len(rows))
    for panel, (name, values) in zip(panels, rows.items(), strict=True):
        matrix = correlations(values)
        panel.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
        for i, j in np.ndindex(matrix.shape):
            colour = "white" if abs(matrix[i, j]) > 0.6 else "black"
            panel.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", fontsize=8, color=colour)
        panel.set_xticks(range(len(NAMES)), NAMES, rotation=45, ha="right", fontsize=8)
        panel.set_yticks(range(len(NAMES)), NAMES, fontsize=8)
        panel.set_title(name)
    return as_picture(figure, "Pearson correlations of the five properties over the masks of the database.")
