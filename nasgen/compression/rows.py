"""Rows: what a rate came to, over its seeds, and how much faster the network is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasgen.compression.latency import latencies, speedups
from nasgen.compression.points import AsExported, Point
from nasgen.statistics import mean_interval
from nasgen.winner.export import exported_network

if TYPE_CHECKING:
    from nasgen.tasks import Task

BATCHES = (1, 64)
"""Images in the passes that are timed."""


def row_of(points: Sequence[Point], results: Mapping[Any, Mapping[str, Any]], dense: Mapping[str, Any]) -> Any:
    """What a rate came to.

    Parameters
    ----------
    points
        One a seed.
    results
        Of :func:`nasgen.compression.points.measure`, by point.
    dense
        That of the network as it was.

    Returns
    -------
    dict
        ``rate``, ``density`` (the share of all weights that is kept), what ``measure`` says of the network that was
        exported, and its ``folder``; or ``rate`` and ``failure``. Of several seeds also ``over_seeds``: of ``n``
        trainings how many ``failed``, the ``mean`` accuracy on test of the others, and the ends of its 95 % interval
        (Student's t), ``low`` and ``high``.
    """
    exported = points[0]
    row = results[exported]
    if "failure" in row:
        return {"rate": exported.rate, **row}
    row = {"rate": exported.rate, "density": row["kept"] / dense["weights"], **row, "folder": exported.folder}
    if len(points) == 1:
        return row
    found = [results[point]["test_accuracy"] for point in points if "failure" not in results[point]]
    mean, low, high = (None if np.isnan(value) else value for value in mean_interval(found))
    seeds = {"n": len(points), "failed": len(points) - len(found), "mean": mean, "low": low, "high": high}
    return {**row, "over_seeds": seeds}


def add_latencies(task: Task, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Time the network as it was and those of all rows, from their folders, in turns.

    Each row gets its ``latency``: by the images of a batch, the median milliseconds of a pass (``ms``), and how many
    times faster it is than the dense network (``speedup``), with the 5th and 95th percentile of the rounds (``low``,
    ``high``).
    """
    import torch

    found = [row for row in rows if "failure" not in row]
    networks = [exported_network(folder / name) for name in (AsExported.folder, *(row["folder"] for row in found))]
    for row in found:
        row["latency"] = {}
    for batch in sorted({min(batch, len(task.x_test)) for batch in BATCHES}):
        seconds = latencies(networks, torch.tensor(task.x_test[:batch]))
        milliseconds = 1000 * np.median(seconds, axis=0)
        for row, one, (faster, low, high) in zip(found, milliseconds[1:], speedups(seconds)[1:], strict=True):
            row["latency"][str(batch)] = {"ms": float(one), "speedup": faster, "low": low, "high": high}
