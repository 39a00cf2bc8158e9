"""The curve as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nasgen.drawing import new_figure


def plot_curve(dense: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Accuracy on test by the share of the weights that is kept, and by latency where it was measured, as PNG.

    Of several seeds the mean, with its interval.

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
    timed = bool(drawn) and all("latency" in row for row in drawn)
    figure = new_figure(9 if timed else 5.5, 3.8)
    axes = figure.subplots(1, 2 if timed else 1, squeeze=False, sharey=True)[0]
    accuracies = [100 * row.get("over_seeds", {"mean": row["test_accuracy"]})["mean"] for row in drawn]
    half = [100 * _half(row) for row in drawn]
    label = "pruned" + (", 95 % over seeds" if any(half) else "")
    bars = half if any(half) else None
    densities = [100 * row["density"] for row in drawn]
    axes[0].errorbar(densities, accuracies, bars, fmt="o-", capsize=2, label=label)
    axes[0].set(xscale="log", xlabel="weights kept, %", ylabel="test accuracy, %")
    axes[0].set_xticks(densities, [f"{density:.3g}" for density in densities])
    axes[0].minorticks_off()
    for batch in drawn[0]["latency"] if timed else ():
        axes[1].plot([row["latency"][batch]["speedup"] for row in drawn], accuracies, "o-", label=f"batch of {batch}")
    if timed:
        axes[1].set(xlabel="times as fast as before")
    for one in axes:
        one.axhline(100 * dense["test_accuracy"], color="grey", linestyle="--", label="as exported")
        one.grid(alpha=0.3)
        one.legend(fontsize="small")
    figure.savefig(path, dpi=130)


def _half(row: Mapping[str, Any]) -> float:
    """Half of the interval over seeds; 0 without one."""
    seeds = row.get("over_seeds", {"high": None})
    return 0.0 if seeds["high"] is None else float(seeds["high"] - seeds["mean"])
