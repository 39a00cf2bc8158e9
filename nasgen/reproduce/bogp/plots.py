"""Plots of masks by Bayesian optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasgen.drawing import new_figure
from nasgen.reproduce.bogp.properties import Floats, correlations
from nasgen.reproduce.tables import Picture
from predictors.features.relational import NAMES

LOWEST = 0.9
"""Accuracy that is drawn; what lies below is written at the edge."""

NEAR = 0.015, 0.04
"""Of sparsity and of accuracy: labels of points nearer than that would overlap."""


def plot_accuracies(
    ours: Mapping[str, Mapping[float, float]], theirs: Mapping[str, Mapping[float, float]], dense: float
) -> Picture:
    """Test accuracy over sparsity by method, theirs in the left panel and ours in the right."""
    figure = new_figure(10, 4.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    colours = {method: f"C{number}" for number, method in enumerate(ours)}
    for panel, title, lines in zip(panels, ("theirs", "ours"), (theirs, ours), strict=True):
        for method, colour in colours.items():
            line = sorted(lines.get(method, {}).items())
            panel.plot([s for s, _ in line], [a for _, a in line], "o-", ms=4, color=colour)
            for sparsity, accuracy in line:
                if accuracy < LOWEST:
                    text = f"{accuracy:.3f}".lstrip("0")
                    panel.annotate(f"{text} \u2193", (sparsity, LOWEST), color=colour, ha="right", va="bottom")
        panel.set_title(title)
        panel.set_xlabel("sparsity")
        panel.grid(alpha=0.3)
    panels[1].axhline(dense, color="grey", ls=":")
    panels[0].set_ylabel("test accuracy")
    panels[0].set_ylim(bottom=LOWEST)
    handles = [panels[1].plot([], [], "o-", ms=4, color=one, label=method)[0] for method, one in colours.items()]
    figure.legend(handles=handles, fontsize="small", loc="outside lower center", ncols=3)
    return Picture.of(figure, "Test accuracy at equal sparsity of all weights, theirs and ours (dotted: ours, dense).")


def plot_searches(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Picture:
    """The best validation accuracy so far over the masks trained, a line for each seed of a search."""
    figure = new_figure(8, 4.4)
    axes = figure.subplots()
    for number, (name, seeds) in enumerate(found.items()):
        for search in seeds:
            accuracies = [row["accuracy"] for row in search["rows"]]
            numbers = np.arange(1, len(accuracies) + 1)
            axes.step(numbers, np.maximum.accumulate(accuracies), where="post", color=f"C{number}")
            axes.plot(numbers, accuracies, ".", ms=4, alpha=0.4, color=f"C{number}")
        axes.plot([], [], color=f"C{number}", label=f"{name}, {len(seeds)} seed{'s' if len(seeds) > 1 else ''}")
    axes.set_xlabel("masks trained")
    axes.set_ylabel("validation accuracy")
    axes.grid(alpha=0.3)
    figure.legend(fontsize="small", loc="outside lower center", ncols=2)
    return Picture.of(figure, "Masks of sparsity .9: each one trained (dots) and the best so far (lines, one a seed).")


def plot_tradeoff(
    points: Sequence[tuple[float, float, float]], theirs: Mapping[float, tuple[float, float, float]]
) -> Picture:
    """Accuracy over sparsity, by the weight of sparsity."""
    figure = new_figure(5.5, 3.6)
    axes = figure.subplots()
    axes.plot([s for _, _, s in points], [a for _, a, _ in points], "o-", label="ours")
    axes.plot([s for _, s, _ in theirs.values()], [a for a, _, _ in theirs.values()], "x--", label="theirs")
    for number, (label, place) in enumerate(labels(points)):
        axes.annotate(label, place, textcoords="offset points", xytext=(0, 7 if number % 2 else -15), ha="center")
    for label, place in labels([(weight, a, s) for weight, (a, s, _) in theirs.items()]):
        axes.annotate(label, place, textcoords="offset points", xytext=(4, 5))
    axes.set_xlabel("sparsity")
    axes.set_ylabel("accuracy")
    axes.margins(0.08)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left")
    return Picture.of(figure, "What accuracy plus alpha times sparsity chooses, by alpha.")


def labels(points: Sequence[tuple[float, float, float]]) -> list[tuple[str, tuple[float, float]]]:
    """The weights of points (weight, accuracy, sparsity) in words, and where to: of those too near, at the first."""
    together: dict[tuple[float, float], list[str]] = {}
    for weight, accuracy, sparsity in points:
        near = (
            place for place in together if abs(place[0] - sparsity) < NEAR[0] and abs(place[1] - accuracy) < NEAR[1]
        )
        together.setdefault(next(near, (sparsity, accuracy)), []).append(f"{weight:g}")
    return [(", ".join(weights), place) for place, weights in together.items()]


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
    return Picture.of(figure, "Pearson correlations of the five properties over the masks of the database.")
