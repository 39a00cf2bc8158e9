"""The curve: accuracy by how much is left, of one exported network pruned to several rates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from nasgen.compression.options import METHOD, MOST_SEEDS, SCOPE, Options, check_options, check_prunable
from nasgen.compression.plot import plot_curve
from nasgen.compression.points import AsExported, Place, Point, cost, is_there, measure
from nasgen.compression.rows import add_latencies, row_of
from nasgen.compression.source import find_source
from nasgen.errors import InputError
from nasgen.jobs.journal import FILE, Journal
from nasgen.plugins import file_hash
from nasgen.storage.disks import check_folder
from nasgen.storage.fingerprint import differences
from nasgen.training.numerics import most_trainings_at_once

RATES = (0.0, 0.5, 0.8, 0.9, 0.95)

RETRAINED = 5
"""Times as many epochs has the training of the network than its retraining, unless told."""

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
        """Each rate that was asked for in ascending order, as :func:`nasgen.compression.rows.row_of` makes them."""
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
    seeds: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> Pruned:
    """Prune the exported network of a search to several rates, train it on, and score it on test.

    Each rate begins with the network as it was exported. All rates are reported, and nothing is chosen by the test
    rows: whoever chooses one by them has to say so. What is done is kept in the folder: the same call goes on, and one
    with other rates adds them. The curve there has every rate of the calls that ended; one that is missing, or made by
    other code, is made again.

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
        With 0, the statistics of batch norms are recalibrated (Li et al. 2020, "EagleEye: Fast Sub-net Evaluation for
        Efficient Neural Network Pruning").
    spare
        Patterns of weights that stay, as ``head.*``.
    task
        The data, where there is no run to name them.
    out
        ``pruned-GRANULARITY-METHOD`` beside the weights' folder unless told.
    seed
        Of the trainings.
    seeds
        How many times each rate is reached, with seeds from ``seed`` on. What is exported is the network of the first.
    say
        Takes lines of progress.

    Raises
    ------
    InputError
        If the source or an option is unusable; nothing is written then.
    ExecutorError
        If a process is lost.
    """
    rates = RATES if rates is None else tuple(map(float, rates))
    method, scope = method or METHOD.get(granularity, ""), scope or SCOPE.get(granularity, "")
    options = Options(granularity, method, scope, schedule, steps, retrain or 0, tuple(spare), seed)
    check_options(options, rates, seeds)
    found = find_source(str(source), task)
    if retrain is None:
        options = replace(options, retrain=max(1, round(json.loads(found.recipe)["epochs"] / RETRAINED)))
    check_prunable(found, options)
    folder = Path(out) if out is not None else found.weights.parent.parent / f"pruned-{granularity}-{method}"
    check_folder(folder)
    inputs = found.inputs_hash
    dense = AsExported(inputs)
    _check_taken(folder, [dense, *(Point(rate, options, 0, inputs) for rate in rates)])
    what = {**asdict(options), "spare": list(options.spare), "source_sha256": file_hash(found.weights)}
    known = _earlier(folder, what)
    wanted = known | {rate: max(seeds, known.get(rate, 0)) for rate in rates}
    curve = {rate: [Point(rate, options, number, inputs) for number in range(wanted[rate])] for rate in sorted(wanted)}
    results = _results(Place(found, folder), [dense, *chain(*curve.values())], say)
    rows = {rate: row_of(points, results, results[dense]) for rate, points in curve.items()}
    if granularity == "channel":
        say("measuring latencies")
        add_latencies(found.task(), folder, list(rows.values()))
    values = {
        "source": str(source),
        "task": found.task().name,
        **what,
        "out": str(folder),
        "dense": results[dense],
        "rows": [rows[rate] for rate in sorted(rates)],
    }
    _write(folder / RESULT, {**values, "rows": list(rows.values())})
    plot_curve(results[dense], list(rows.values()), folder / PICTURE)
    return Pruned(folder, values)


def _check_taken(folder: Path, units: Sequence[AsExported | Point]) -> None:
    """Refuse to write over folders of the user's own."""
    taken = [unit.folder for unit in units if (folder / unit.folder).exists()]
    if taken and not (folder / FILE).exists():
        raise InputError(f"{folder} holds {taken[0]}, which this would write, and no {FILE}: name another --out")


def _earlier(folder: Path, now: Mapping[str, Any]) -> dict[float, int]:
    """Rates that are in the curve of a folder, and how many seeds they have.

    A folder of another network, or of other options, is refused.
    """
    path = folder / RESULT
    try:
        then = json.loads(path.read_text(encoding="utf-8"))
        found = differences({name: then.get(name) for name in now}, now)
        rates = {float(row["rate"]): int(row.get("over_seeds", {"n": 1})["n"]) for row in then["rows"]}
        if not all(0 <= rate < 1 and 1 <= n <= MOST_SEEDS for rate, n in rates.items()):
            raise ValueError
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"{path}: expected a file that can be read, found {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{path}: expected what an earlier call wrote, found another text: name another --out"
        ) from error
    if found:
        raise InputError(f"{folder} holds other networks ({'; '.join(found)}): name another --out")
    return rates


def _results(place: Place, units: Sequence[AsExported | Point], say: Callable[[str], None]) -> dict[Any, Any]:
    """What came of each unit, from the journal where it is known and its folder still holds it."""
    journal = Journal(place.out / FILE, [place.source.weights])
    for unit in units:
        for cut_off in place.out.glob(f".{unit.folder}-*"):  # of an export that was interrupted
            shutil.rmtree(cut_off, ignore_errors=True)
        row = journal.get(unit.name)
        if row is not None and not is_there(place, unit, row):
            journal.forget(unit.name)
    return dict(journal.each(measure, place, units, "networks", say, cost, most_trainings_at_once()))


def _write(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a file in one step: later calls read from it which rates there are."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def table_lines(pruned: Pruned) -> list[str]:
    """The rows as lines of text, the dense network first."""
    lines = [f"{'rate':>8} {'weights':>9} {'of all':>7} {'parameters':>10} {'MACs':>12} {'test':>7}"]
    dense = {"rate": "dense", "density": pruned.dense["kept"] / pruned.dense["weights"], **pruned.dense}
    for row in (dense, *pruned.rows):
        if "failure" in row:
            others = f"; over the seeds {_accuracy(row).strip()}" if "over_seeds" in row else ""
            lines.append(f"{row['rate']:>8} {row['failure']}{others}")
            continue
        macs = "" if row["macs"] is None else f"{row['macs']:,.0f}"
        line = f"{row['rate']:>8} {row['kept']:>9,} {row['density']:>7.1%} {row['parameters']:>10,} {macs:>12}"
        times = [f"{one['speedup']:.2f} times as fast at batch {n}" for n, one in row.get("latency", {}).items()]
        lines.append(f"{line} {_accuracy(row)}  {', '.join(times)}".rstrip())
    return [*lines, f"curve and networks in {pruned.out}"]


def _accuracy(row: Mapping[str, Any]) -> str:
    seeds = row.get("over_seeds")
    if seeds is None:
        return f"{row['test_accuracy']:>7.4f}"
    mean = [] if seeds["mean"] is None else [f"{seeds['mean']:>7.4f}"]
    if seeds["low"] is not None:
        mean = [f"{mean[0]} ({seeds['low']:.4f} to {seeds['high']:.4f})"]
    failed = [f"{seeds['failed']} of {seeds['n']} failed"] if seeds["failed"] else []
    return ", ".join(mean + failed)
