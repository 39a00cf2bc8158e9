"""The curve: accuracy by how much is left, of one exported network pruned to several rates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasgen.compression.latency import latencies, speedups
from nasgen.compression.plot import plot_curve
from nasgen.compression.points import (
    GRANULARITIES,
    SCHEDULES,
    AsExported,
    Place,
    Point,
    check_prunable,
    cost,
    is_there,
    measure,
)
from nasgen.compression.source import find_source
from nasgen.errors import InputError
from nasgen.jobs.journal import FILE, Journal
from nasgen.pruning.channels import CHANNEL_SCOPES
from nasgen.pruning.saliency import SALIENCIES
from nasgen.pruning.scope import SCOPES
from nasgen.storage.disks import check_folder
from nasgen.storage.fingerprint import differences
from nasgen.training.numerics import most_trainings_at_once
from nasgen.winner.export import exported_network

if TYPE_CHECKING:
    from nasgen.tasks import Task

RATES = (0.0, 0.5, 0.8, 0.9, 0.95)
METHOD = {"weight": "magnitude", "channel": "activation"}
SCOPE = {"weight": "global", "channel": "uniform"}
"""Unless told; where layers have batch norms, sums over filters say little of one layer beside another."""

RETRAINED = 5
"""Times as many epochs has the training of the network than its retraining, unless told."""

BATCHES = (1, 64)
"""Images in the passes that are timed."""

RESULT, PICTURE = "prune.json", "curve.png"


@dataclass(frozen=True)
class Pruned:
    """What an exported network came to at several rates.

    Attributes
    ----------
    out
        The folder with the curve, and one for each rate.
    values
        All of it, as ``nasgen prune --json`` prints it.
    """

    out: Path
    values: dict[str, Any]

    @property
    def dense(self) -> dict[str, Any]:
        """The network as it was: ``test_accuracy``, ``kept``, ``weights``, ``parameters``, ``macs``."""
        found: dict[str, Any] = self.values["dense"]
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each rate in ascending order.

        The same as of the dense network, and ``rate``, ``density`` (the share of all weights that is kept), ``folder``
        and the ``sha256`` of its weights; or ``rate`` and ``failure``. By channels also ``latency``: by the images of
        a batch, the median milliseconds of a pass and how many times faster it is than the dense one, with the 5th and
        95th percentile of the rounds.
        """
        found: list[dict[str, Any]] = self.values["rows"]
        return found


def prune(
    source: str | Path,
    rates: Sequence[float] | None = None,
    *,
    granularity: str = "weight",
    method: str | None = None,
    scope: str | None = None,
    schedule: str = "geometric",
    steps: int = 1,
    retrain: int | None = None,
    spare: Sequence[str] = (),
    task: str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> Pruned:
    """Prune the exported network of a search to several rates, train it on, and score it on test.

    Each rate begins with the network as it was exported. All rates are reported, and nothing is chosen by the test
    rows: whoever chooses one by them has to say so. What is done is kept in the folder, and the same call goes on.

    Parameters
    ----------
    source
        The folder of a finished run, or exported weights or their folder (then with ``task``).
    rates
        Shares of the weights, or of the groups of channels, that go; 0 only trains on, to compare with. Of channels
        fewer go where a layer would be left without any. ``RATES`` unless told.
    granularity
        ``weight``, for zeros in the same network, or ``channel``, for a smaller one.
    method, scope
        Names in ``nasgen.pruning.SALIENCIES`` and ``nasgen.pruning.SCOPES``; unless told ``magnitude`` and ``global``,
        of channels ``activation`` and ``uniform``.
    schedule, steps
        ``geometric`` or ``cubic``, and in how many steps a rate is reached.
    retrain
        Epochs after each step, on all training rows; a fifth of those planned for the network's training unless told.
    spare
        Patterns of weights that stay, as ``head.*``.
    task
        The data, where there is no run to name them.
    out
        ``pruned-GRANULARITY-METHOD`` beside the weights' folder unless told.
    seed
        Of the trainings.
    say
        Takes lines of progress.

    Raises
    ------
    InputError
        If the source or an option is unusable; nothing is written then.
    ExecutorError
        If a process is lost.
    """
    if granularity not in GRANULARITIES:
        raise InputError(f"--granularity must be one of {', '.join(GRANULARITIES)}, found {granularity!r}")
    rates = RATES if rates is None else tuple(map(float, rates))
    method, scope = method or METHOD[granularity], scope or SCOPE[granularity]
    _check(rates, granularity, method, scope, schedule, steps, retrain, spare, seed)
    found = find_source(str(source), task)
    check_prunable(found, granularity, method, spare)
    if retrain is None:
        retrain = max(1, round(json.loads(found.recipe)["epochs"] / RETRAINED))
    folder = Path(out) if out is not None else found.weights.parent.parent / f"pruned-{granularity}-{method}"
    check_folder(folder)
    inputs = found.inputs_hash
    points = [
        Point(rate, granularity, method, scope, schedule, steps, retrain, tuple(spare), seed, inputs)
        for rate in sorted(rates)
    ]
    options = {
        **{name: getattr(points[0], name) for name in ("granularity", "method", "scope", "schedule", "steps", "seed")},
        "retrain": retrain,
        "spare": list(spare),
    }
    units: list[AsExported | Point] = [AsExported(inputs), *points]
    _check_options(folder, options, units)
    place = Place(found, folder)
    results = _results(place, units, say)
    dense, *rows = (results[unit] for unit in units)
    rows = [_row(point, row, dense) for point, row in zip(points, rows, strict=True)]
    if granularity == "channel":
        say("measuring latencies")
        _add_latencies(found.task(), folder, rows)
    values = {
        "source": str(source),
        "task": found.task().name,
        **options,
        "out": str(folder),
        "dense": dense,
        "rows": rows,
    }
    (folder / RESULT).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    plot_curve(dense, rows, folder / PICTURE)
    return Pruned(folder, values)


def _check(
    rates: Sequence[float],
    granularity: str,
    method: str,
    scope: str,
    schedule: str,
    steps: int,
    retrain: int | None,
    spare: Sequence[str],
    seed: int,
) -> None:
    scopes = CHANNEL_SCOPES if granularity == "channel" else tuple(SCOPES)
    for option, value, known in (
        ("method", method, tuple(SALIENCIES)),
        ("scope", scope, scopes),
        ("schedule", schedule, tuple(SCHEDULES)),
    ):
        if value not in known:
            raise InputError(f"--{option} must be one of {', '.join(known)}, found {value!r}")
    if not rates or not all(0 <= rate < 1 for rate in rates) or len(set(rates)) < len(rates):
        raise InputError(f"--rate must be different numbers from 0 up to below 1, found {', '.join(map(str, rates))}")
    for option, number, least in (("steps", steps, 1), ("retrain", retrain, 0)):
        if number is not None and number < least:
            raise InputError(f"--{option} must be at least {least}, found {number}")
    if not 0 <= seed < 2**63:
        raise InputError(f"--seed must be from 0 up to below 2**63, found {seed}")
    if spare and granularity == "channel":
        raise InputError("--spare goes with --granularity weight, found channel: leave it out")


def _check_options(folder: Path, options: Mapping[str, Any], units: Sequence[AsExported | Point]) -> None:
    """Refuse a folder with the networks of other options, or with folders of the user's own in their places."""
    taken = [unit.folder for unit in units if (folder / unit.folder).exists()]
    if taken and not (folder / FILE).exists():
        raise InputError(f"{folder} holds {taken[0]}, which this would write, and no {FILE}: name another --out")
    try:
        then = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        found = differences({name: then[name] for name in options}, options)
    except (OSError, ValueError, TypeError, KeyError):
        return  # none, or one that was cut off
    if found:
        raise InputError(f"{folder} holds networks of other options ({'; '.join(found)}): name another --out")


def _results(place: Place, units: Sequence[AsExported | Point], say: Callable[[str], None]) -> dict[Any, Any]:
    """What came of each unit, from the journal where it is known and its folder still holds it."""
    journal = Journal(place.out / FILE, [place.source.weights])
    for unit in units:
        for cut_off in place.out.glob(f".{unit.folder}-*"):  # of an export that was interrupted
            shutil.rmtree(cut_off, ignore_errors=True)
        row = journal.get(unit.name)
        if row is not None and not is_there(place, unit, row):
            journal.forget(unit.name)
    return dict(journal.each(measure, place, units, "networks pruned", say, cost, most_trainings_at_once()))


def _row(point: Point, row: dict[str, Any], dense: dict[str, Any]) -> dict[str, Any]:
    if "failure" in row:
        return {"rate": point.rate, **row}
    return {"rate": point.rate, "density": row["kept"] / dense["weights"], **row, "folder": point.folder}


def _add_latencies(task: Task, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Time the network as it was and those of all rows, from their folders, in turns."""
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


def table_lines(pruned: Pruned) -> list[str]:
    """The rows as lines of text, the dense network first."""
    lines = [f"{'rate':>8} {'weights':>9} {'of all':>7} {'parameters':>10} {'MACs':>12} {'test':>7}"]
    for row in ({"rate": "dense", "density": 1.0, **pruned.dense}, *pruned.rows):
        if "failure" in row:
            lines.append(f"{row['rate']:>8} {row['failure']}")
            continue
        macs = "" if row["macs"] is None else f"{row['macs']:,.0f}"
        line = f"{row['rate']:>8} {row['kept']:>9,} {row['density']:>7.1%} {row['parameters']:>10,} {macs:>12}"
        times = [f"{one['speedup']:.2f} times as fast at batch {n}" for n, one in row.get("latency", {}).items()]
        lines.append(f"{line} {row['test_accuracy']:>7.4f}  {', '.join(times)}".rstrip())
    return [*lines, f"curve and networks in {pruned.out}"]
