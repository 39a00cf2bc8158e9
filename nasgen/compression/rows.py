"""Rows: what a rate came to, over its seeds, and how much faster the network is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nasgen.compression.latency import latencies, speedups
from nasgen.compression.points import AsExported, Point
from nasgen.statistics import mean_interval
from nasgen.winner.export import exported_network

if TYPE_CHECKING:
    from nasgen.tasks import Task

Row = dict[str, Any]

BATCHES = (1, 64)
"""Images in the passes that are timed."""


def row_of(points: Sequence[Point], results: Mapping[Any, Mapping[str, Any]], dense: Mapping[str, Any]) -> Row:
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
        exported, that of the first seed, and its ``folder``; or ``rate`` and ``failure``. Of several seeds also
        ``over_seeds``: of ``n`` trainings how many ``failed``, the ``mean`` accuracy on test of the others, and the
        ends of its 95 % interval (Student's t), ``low`` and ``high``; None where there are too few.
    """
    exported = points[0]
    row = {"rate": exported.rate, **results[exported]}
    if "failure" not in row:
        row |= {"density": row["kept"] / dense["weights"], "folder": exported.folder}
    return row if len(points) == 1 else {**row, "over_seeds": _over_seeds([results[point] for point in points])}


def _over_seeds(results: Sequence[Mapping[str, Any]]) -> Row:
    found = [row["test_accuracy"] for row in results if "failure" not in row]
    ends = mean_interval(found) if found else (np.nan,) * 3
    mean, low, high = (None if np.isnan(value) else value for value in ends)  # JSON has no NaN
    return {"n": len(results), "failed": len(results) - len(found), "mean": mean, "low": low, "high": high}


def add_latencies(task: Task, folder: Path, rows: Sequence[Row]) -> None:
    """Time the network as it was and those of all rows, from their folders, in turns.

    Each row gets its ``latency``: by the images of a batch, the median milliseconds of a pass (``ms``), and how many
    times faster it is than the dense network (``speedup``), with the 5th and 95th percentile of the rounds (``low``,
    ``high``).
    """
    found = [row for row in rows if "failure" not in row]
    networks = [exported_network(folder / name) for name in (AsExported.folder, *(row["folder"] for row in found))]
    for row in found:
        row["latency"] = {}
    for batch in sorted({min(batch, len(task.x_test)) for batch in BATCHES}):
        seconds = latencies(networks, torch.tensor(task.x_test[:batch]))
        milliseconds = 1000 * np.median(seconds, axis=0)
        for row, one, (faster, low, high) in zip(found, milliseconds[1:], speedups(seconds)[1:], strict=True):
            row["latency"][str(batch)] = {"ms": float(one), "speedup": faster, "low": low, "high": high}
