"""The curve as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasgen.drawing import new_figure


def plot_curve(dense: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Accuracy on test by the share of the weights that is kept, and by latency where it was measured, as PNG.

    Parameters
    ----------
    dense
        The network as it was.
    rows
        Those of each rate, as in :class:`nasgen.compression.curve.Pruned`; failures are left out.
    path
        Of the file.
    """
    drawn = [row for row in rows if "failure" not in row]
    timed = [row for row in drawn if "latency" in row]
    figure = new_figure(9 if timed else 5.5, 3.8)
    axes = figure.subplots(1, 2 if timed else 1, squeeze=False, sharey=True)[0]
    points = [(100 * row["density"], 100 * row["test_accuracy"]) for row in drawn]
    if points:
        axes[0].plot(*zip(*points, strict=True), "o-", label="pruned and trained on")
    axes[0].set(xscale="log", xlabel="weights kept, %", ylabel="test accuracy, %")
    axes[0].xaxis.set_major_formatter("{x:g}")
    for batch in timed[0]["latency"] if timed else ():
        points = [(row["latency"][batch]["speedup"], 100 * row["test_accuracy"]) for row in timed]
        axes[1].plot(*zip(*points, strict=True), "o-", label=f"batch of {batch}")
    if timed:
        axes[1].set(xlabel="times as fast as before")
    for one in axes:
        one.axhline(100 * dense["test_accuracy"], color="grey", linestyle="--", label="as exported")
        one.grid(alpha=0.3)
        one.legend(fontsize="small")
    figure.savefig(path, dpi=130)
