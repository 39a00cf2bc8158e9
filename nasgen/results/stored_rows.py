"""Stored rows as columns: of runs, of meta-datasets, and of tables that somebody else wrote."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError, one_line
from nasgen.plugins import is_plugin
from nasgen.results.querying import named_space
from nasgen.storage.folder import RunFolder
from nasgen.training.evaluators import build_space, recorded_name
from search_spaces import SearchSpace
from search_spaces.texts import shortened, valid_genotype

Floats = NDArray[np.float64]

GENOTYPE_COLUMNS = ("genotype", "arch_str")
"""A column of texts of genotypes has one of these names, the first that is there."""

COLUMNS = ("genotype", "genotype_id", "fidelity", "source", "seed", "fitness", "parameters", "macs", "seconds")
"""What the rows of every run have; metrics of these names, but for the two costs, are called ``metric_NAME``."""

COSTS = ("parameters", "macs")
LISTED = 40


@dataclass(frozen=True)
class KnownSpace:
    """A search space with what makes it again: its name (or ``FILE.py:NAME``) and its options as JSON values."""

    space: SearchSpace[Any]
    name: str
    options: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, options: Mapping[str, Any]) -> KnownSpace:
        """The space of a name and options; InputError if there is none."""
        space = build_space(name, options)
        name = recorded_name(name, space)
        if not is_plugin(name) and hasattr(space, "options"):  # all of them: another version may have other defaults
            options = json.loads(json.dumps(space.options()))
        return cls(space, name, dict(options))

    @property
    def record(self) -> dict[str, Any]:
        """Name and options, as saved surrogates and meta-datasets keep them."""
        return {"name": self.name, "options": dict(self.options)}


@dataclass(frozen=True)
class Table:
    """Rows as columns of equal length.

    Attributes
    ----------
    path
        Where they came from; begins every error message.
    columns
        Name to one value a row, None where a row has none.
    known
        The search space of the genotypes; None where the table does not say.
    fidelities
        Names of the budgets of a run, the lowest first; empty where their order is not known.
    bonus
        What a run adds to the accuracy in its fitness; None where the table does not say.
    """

    path: str
    columns: Mapping[str, Sequence[Any]]
    known: KnownSpace | None = None
    fidelities: tuple[str, ...] = ()
    bonus: Mapping[str, float] | None = None

    def column(self, *names: str) -> Sequence[Any]:
        """The values of the first of the names that is there; InputError lists what is there instead."""
        for name in names:
            if name in self.columns:
                return self.columns[name]
        found = ", ".join(list(self.columns)[:LISTED]) + (", ..." if len(self.columns) > LISTED else "")
        raise InputError(f"{self.path}: expected a column {' or '.join(map(repr, names))}, found {found or 'none'}")

    def numbers(self, name: str) -> Floats:
        """A column as floats, shape (rows,), nan where a row has no finite number.

        Raises
        ------
        InputError
            If there is no such column, or a cell holds anything but a number; with its row, counted from 1.
        """
        numbers = []
        for row, value in enumerate(self.column(name), start=1):
            try:
                if isinstance(value, bool):
                    raise TypeError
                numbers.append(np.nan if value is None else float(value))
            except (TypeError, ValueError, OverflowError):
                raise InputError(
                    f"{self.path}, row {row}: expected a number in the column {name!r}, found "
                    f"{shortened(value)}: name a column of numbers, or leave the cell empty"
                ) from None
        values = np.array(numbers, dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def genotypes(self, rows: Sequence[int], known: KnownSpace) -> list[Any]:
        """The genotypes of some rows, given by their positions from 0.

        Raises
        ------
        InputError
            On the first that is malformed or not valid; with its row, counted from 1.
        """
        texts = self.column(*GENOTYPE_COLUMNS)
        genotypes = []
        for row in rows:
            try:
                genotypes.append(valid_genotype(known.space, _text(texts[row])))
            except (ValueError, OverflowError, RecursionError) as error:
                reason = self._other_space(texts[row], known) or one_line(error)
                raise InputError(f"{self.path}, row {row + 1}: {reason}; mend the row or leave it out") from error
        return genotypes

    def _other_space(self, text: Any, known: KnownSpace) -> str:
        """A better reason, where a text names another space than the rows before it."""
        try:
            name = named_space(_text(text))
        except ValueError:
            return ""
        wanted = known.space.name
        return "" if name == wanted else f"expected genotypes of one search space, found {name} among {wanted}"

    def named_space(self, row: int) -> str:
        """The space that the text of a row, given by its position from 0, names; InputError if it names none."""
        try:
            return named_space(_text(self.column(*GENOTYPE_COLUMNS)[row]))
        except ValueError as error:
            reason = one_line(error)
            raise InputError(f"{self.path}, row {row + 1}: {reason}; mend the row or leave it out") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected the text of a genotype, found {'none' if value is None else shortened(value)}")
    return value


def check_one_fitness(tables: Sequence[Table]) -> None:
    """Refuse runs whose fitness is not the same sum; InputError names two."""
    runs = [
        (table.path, json.dumps(dict(table.bonus)) if table.bonus else "none") for table in tables if _is_run(table)
    ]
    for path, bonus in runs[1:]:
        if bonus != runs[0][1]:
            found = f"{runs[0][0]} with the bonus {runs[0][1]} and {path} with {bonus}"
            raise InputError(f"expected runs of one fitness, found {found}: take them one by one, or fit to accuracy")


def _is_run(table: Table) -> bool:
    return table.bonus is not None


def read_source(path: str) -> Table:
    """The rows of a run's folder, or of a Parquet or CSV file.

    Raises
    ------
    InputError
        If it is none of them, cannot be read, or has no rows.
    """
    if Path(path).is_dir():
        table = read_run(path)
    elif Path(path).is_file():
        table = _read_file(path)
    else:
        raise InputError(f"expected the folder of a run or a table as CSV or Parquet, found nothing at {path}")
    if not len(next(iter(table.columns.values()), ())):
        raise InputError(f"{path}: expected at least one row, found none")
    return table


def read_run(path: str) -> Table:
    """The rows of a run that have an outcome: the columns of ``COLUMNS``, and one a metric that is a number.

    Of a row that failed there are neither fitness nor seconds. Costs that the run did not measure are None. Where rows
    were trained there is a column ``accuracy``, on validation: the fitness but for a bonus.

    Raises
    ------
    InputError
        If there is no run, or it has asked for nothing yet.
    """
    from nasgen.results.summary import open_store

    folder = RunFolder.open(path)
    if folder.read()["provisional"]:
        raise InputError(f"{path}: expected a run with results, found one that has asked for nothing yet")
    settings = folder.settings()
    with open_store(path) as store:
        rows = store.evaluations()
    values = []
    for row in rows:
        request, outcome = row.request, row.outcome
        numbers = {name: value for name, value in outcome.metrics.items() if type(value) in (int, float)}
        metrics = {f"metric_{name}" if name in {*COLUMNS} - {*COSTS} else name: numbers[name] for name in numbers}
        if row.validation_accuracy is not None:
            metrics["accuracy"] = row.validation_accuracy
        own = (request.genotype, request.key, request.fidelity, "search", request.seed, outcome.fitness, None, None)
        seconds = None if row.failed else outcome.seconds
        values.append({**dict(zip(COLUMNS, (*own, seconds), strict=True)), **metrics})
    names = dict.fromkeys((*COLUMNS, *(name for row in values for name in row)))
    columns = {name: [row.get(name) for row in values] for name in names}
    known = KnownSpace.of(settings.space, settings.space_options)
    return Table(path, columns, known, tuple(settings.fidelities), settings.bonus)


def _read_file(path: str) -> Table:
    import pandas as pd
    import pyarrow as pa

    from predictors.metadataset import MetaDataset, is_metadataset

    try:
        if is_metadataset(path):
            stored = MetaDataset.read(path)
            return Table(path, stored.columns, KnownSpace.of(stored.space["name"], stored.space["options"]))
        frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    except InputError as error:
        raise InputError(f"{path}: the meta-dataset is of a space that cannot be made: {error}") from error
    except (ValueError, OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as CSV or Parquet: {one_line(error)}") from error
    frame = frame.astype(object).where(frame.notna(), None)
    return Table(path, {str(name): frame[name].tolist() for name in frame})


def one_space(tables: Sequence[Table], rows: Sequence[Sequence[int]]) -> tuple[KnownSpace, list[list[Any]]]:
    """The search space that some tables share, and the genotypes of some rows of each.

    A table that does not say is read as one of the space in the box that its first text names: with the options that
    the other tables say, or the default ones. Where tables differ in what is valid, the space is the one that accepts
    most of the genotypes.

    Parameters
    ----------
    tables
        At least one.
    rows
        Positions from 0 of at least one row of each table.

    Raises
    ------
    InputError
        If a genotype is malformed, or the spaces would draw different graphs of the same genotype.
    """
    said = {table.known.space.name: table.known for table in reversed(tables) if table.known is not None}
    spaces: list[KnownSpace] = []
    for table, chosen in zip(tables, rows, strict=True):
        if table.known is not None:
            spaces.append(table.known)
            continue
        name = table.named_space(chosen[0])
        if name not in said:
            try:
                said[name] = KnownSpace.of(name, {})
            except InputError as error:
                raise InputError(f"{table.path}, row {chosen[0] + 1}: {error}") from error
        spaces.append(said[name])
    genotypes = [table.genotypes(chosen, known) for table, chosen, known in zip(tables, rows, spaces, strict=True)]
    first = spaces[0]
    for table, known, own in zip(tables, spaces, genotypes, strict=True):
        same = known.name == first.name and known.space.to_graph(own[0]) == first.space.to_graph(own[0])
        if not same:
            found = f"{_described(first, known)} in {tables[0].path} and {_described(known, first)} in {table.path}"
            raise InputError(f"expected sources of one search space, found {found}: take them apart")
    everything = [genotype for part in genotypes for genotype in part]
    if all(known.options == first.options for known in spaces):
        return first, genotypes
    return max(spaces, key=lambda known: sum(not known.space.validate(one) for one in everything)), genotypes


def _described(known: KnownSpace, other: KnownSpace) -> str:
    """The name of a space, with the options in which it differs from another one of that name."""
    if known.name != other.name:
        return known.name
    options = [f"{name}={value}" for name, value in known.options.items() if other.options.get(name) != value]
    return f"{known.name} ({', '.join(options)})"
