"""Summaries of a run: its table of rows, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Outcome, Request
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store

if TYPE_CHECKING:
    from nasgen.results.result import SearchResult

COLUMNS = (
    "number",
    "genotype",
    "key",
    "fitness",
    "failure",
    "origin",
    "fidelity",
    "repeat",
    "seed",
    "attempt",
    "seconds",
    "round",
    "parents",
    "operator",
    "predicted",
    "predicted_std",
)


SHOWN = 100


def open_store(path: str | Path) -> Store:
    """The store of a run, for reading alone."""
    return Store(RunFolder.open(path).store_path, read_only=True)


def table_rows(store: Store) -> Iterator[dict[str, Any]]:
    """Every row asked, in order: the columns of ``COLUMNS``, None where there is nothing yet."""
    for request, outcome in store.rows():
        yield _row(request, outcome)


def _row(request: Request, outcome: Outcome | None) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(COLUMNS)
    for name in ("number", "genotype", "key", "fidelity", "repeat", "seed", "round", "operator"):
        values[name] = getattr(request, name)
    values["parents"] = " ".join(request.parents)
    values["predicted"], values["predicted_std"] = request.predicted, request.predicted_std
    if outcome is not None:
        for name in ("fitness", "origin", "attempt", "seconds"):
            values[name] = getattr(outcome, name)
        values["failure"] = str(outcome.failure) if outcome.failure else None
    return values


def write_csv(store: Store, file: IO[str]) -> None:
    """Write every row asked as CSV, a header first."""
    import csv

    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table_rows(store))


def write_parquet(store: Store, path: Path) -> None:
    """Write every row asked as Parquet: the columns of ``COLUMNS``, and one a metric.

    A metric is a number or, as the learning curves, a list of numbers; one that has the name of a column is
    called ``metric_NAME``.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.parent.is_dir():
        raise InputError(f"--parquet expects a file in a folder that exists, found no folder {path.parent}")
    types = {name: pa.string() for name in COLUMNS}
    types |= dict.fromkeys(("number", "repeat", "seed", "attempt", "round"), pa.int64())
    types |= dict.fromkeys(("fitness", "seconds", "predicted", "predicted_std"), pa.float64())
    rows = []
    for request, outcome in store.rows():
        row = _row(request, outcome)
        for name, value in (outcome.metrics if outcome else {}).items():
            column = f"metric_{name}" if name in COLUMNS else name
            types[column] = pa.list_(pa.float64()) if isinstance(value, list) else pa.float64()
            row[column] = value
        rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(types.items())), path, compression="zstd")


def print_best(store: Store, rows: int = 20) -> None:
    """Print the best rows as a table for a person, those of the highest fidelity first.

    Where a bonus is part of the fitness, the accuracy on validation stands beside it.
    """
    best = store.best(k=rows)
    plain = all(_is_accuracy(row) for row in best)
    beside = "" if plain else f"{'accuracy':>8}  "
    print(
        f"{'number':>6}  {'fidelity':8}  {'fitness':>8}  {beside}{'parameters':>10}  {'seconds':>7}  "
        f"{'operator':16}  genotype"
    )
    for row in best:
        parameters = f"{row.outcome.metrics['parameters']:.0f}" if "parameters" in row.outcome.metrics else ""
        seconds, operator = row.outcome.seconds, row.request.operator
        beside = "" if plain else f"{row.validation_accuracy:8.4f}  "
        print(
            f"{row.number:6}  {row.request.fidelity:8}  {row.fitness:8.4f}  {beside}{parameters:>10}  {seconds:7.1f}  "
            f"{operator:16}  {_beginning(row.genotype)}"
        )


def _is_accuracy(row: Evaluation) -> bool:
    """Whether a row's fitness is its accuracy on validation, or a look-up, without a bonus."""
    return row.validation_accuracy in (None, row.fitness)


def _fitness(row: Evaluation) -> str:
    """The fitness of a row that has one, with the accuracy where that is another number."""
    shown = f"{row.fitness:.4f}"
    return shown if _is_accuracy(row) else f"{shown} (validation accuracy {row.validation_accuracy:.4f})"


def _beginning(genotype: str) -> str:
    """As much of a genotype as a line of a terminal bears; ``nasgen export`` and ``table --csv`` have the rest."""
    return genotype if len(genotype) <= SHOWN else f"{genotype[:SHOWN]}..."


def _weighted(bonus: Mapping[str, float]) -> str:
    """A bonus as one writes it: ``+ 0.5 x sparsity - 1e-08 x parameters``."""
    return " ".join(f"{'-' if weight < 0 else '+'} {abs(weight):g} x {name}" for name, weight in bonus.items())


def result_lines(result: SearchResult) -> list[str]:
    """What a search came to, for a person."""
    if result.best is None:
        return [f"no candidate of {result.evaluations} has a fitness; `nasgen status {result.path}` says why"]
    lines = [f"{result.evaluations} evaluations, {result.failed} failed"]
    lines.append(f"best fitness {_fitness(result.best)}: {_beginning(result.best.genotype)}")
    if result.final is not None:
        final = result.final
        lines.append(
            f"final network: test accuracy {final.test_accuracy:.4f} (validation {final.validation_accuracy:.4f} in "
            f"the search), {final.parameters} parameters, in {result.path}/best"
        )
    if result.baseline is not None:
        lines += [f"random baseline: {line}" for line in result_lines(result.baseline)]
    return lines


def status_lines(path: str | Path) -> list[str]:
    """Where a run stands: budget, rows, best, failures with their causes, quality of the predictions, final."""
    folder = RunFolder.open(path)
    values = folder.read()
    if values["provisional"]:
        return [f"{path}: started, nothing asked yet"]
    settings = values["settings"]
    with open_store(path) as store:
        budget = settings["evaluations"]
        of = f" of {budget}" if budget is not None else ""
        of += f" in {settings['minutes']:g} minutes" if settings["minutes"] is not None else ""
        lines = [
            f"{path}: {settings['strategy']} on {settings['space']}, seed {settings['seed']}",
            *([f"fitness      validation accuracy {_weighted(settings['bonus'])}"] if settings.get("bonus") else []),
            f"evaluations  {store.n_results}{of} done, {len(store.pending())} pending, {store.n_failed} failed",
        ]
        best = store.best()
        if best:
            lines.append(f"best         {_fitness(best[0])}  {_beginning(best[0].genotype)}")
        lines += [f"failed       {count} x {cause}" for cause, count in store.failure_counts().items()]
        lines += _prediction_quality(store)
        final = store.meta("final")
        if final:
            lines.append(
                f"final        test accuracy {final['test_accuracy']:.4f}, {final['parameters']} parameters, "
                f"{final['epochs']} epochs"
            )
    return lines


def _prediction_quality(store: Store) -> list[str]:
    """How well the predictions made at ask time rank what was then measured, and how sure they were."""
    rows = [
        (row.request.predicted, row.request.predicted_std or 0.0, row.fitness)
        for row in store.evaluations()
        if row.request.predicted is not None and row.fitness is not None
    ]
    if len(rows) < 3:
        return []
    from predictors.metrics import coverage, kendall_tau

    predicted, std, measured = zip(*rows, strict=True)
    return [
        f"surrogate    Kendall tau {kendall_tau(measured, predicted):.2f} over {len(rows)} predictions at ask time, "
        f"{coverage(measured, predicted, std):.0%} of them within their 90 % interval"
    ]
