"""A surrogate from stored rows: of runs, of meta-datasets, and of tables that somebody else wrote."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.evaluators import build_space
from nasgen.folder import RunFolder
from nasgen.querying import FEWEST_ROWS, graph_of_named_space, graphs_of_space
from predictors import Surrogate
from search_spaces import LabelledGraph, SearchSpace

Floats = NDArray[np.float64]

GENOTYPE_COLUMNS = ("genotype", "arch_str")
"""A column of texts of genotypes has one of these names, the first that is there."""


@dataclass(frozen=True)
class Rows:
    """Structures with a target each, and the search space they are of, where that is known."""

    graphs: list[LabelledGraph]
    targets: Floats
    space: SearchSpace[Any] | None


def fit_surrogate(sources: Sequence[str], target: str, out: str, model: str = "auto", features: str = "default") -> Surrogate:
    """Fit a surrogate on the rows of some sources that have the target, and save it.

    Parameters
    ----------
    sources
        Folders of runs, Parquet files, or CSV files with a column ``genotype`` (or ``arch_str``).
    target
        A column of the tables; of a run ``fitness`` or a metric (``parameters``, ``seconds``, ...).
    out
        The folder of the surrogate.

    Raises
    ------
    InputError
        If a source is none, lacks the column, or too few rows have a target.
    """
    parts = [_rows_of_run(source, target) if Path(source).is_dir() else _rows_of_table(source, target) for source in sources]
    graphs = [graph for part in parts for graph in part.graphs]
    targets = np.concatenate([part.targets for part in parts])
    if len(graphs) < FEWEST_ROWS:
        raise InputError(f"expected at least {FEWEST_ROWS} rows with a number in {target!r}, found {len(graphs)}")
    spaces = [part.space for part in parts]
    if len({None if space is None else space.name for space in spaces}) > 1:
        names = ", ".join(sorted({"unknown" if space is None else space.name for space in spaces}))
        raise InputError(f"expected sources of one search space, found {names}")
    try:
        surrogate = Surrogate(model, features).fit(graphs, targets)
        surrogate.save(out, space=spaces[0])
    except ValueError as error:
        raise InputError(str(error)) from error
    return surrogate


def _rows_of_run(path: str, target: str) -> Rows:
    """The rows of a run's highest fidelity that has enough of them."""
    from nasgen.summary import open_store

    values = RunFolder.open(path).read()
    if values["provisional"]:
        raise InputError(f"{path}: expected a run with results, found one that has asked for nothing yet")
    settings = values["settings"]
    space = build_space(settings["space"], settings["space_options"])
    with open_store(path) as store:
        rows = [row for row in store.evaluations() if not row.failed]
    by_fidelity: dict[str, list[tuple[str, float]]] = {name: [] for name in settings["fidelities"] or ("search",)}
    known: set[str] = set()
    for row in rows:
        numbers = {"fitness": row.fitness, "seconds": row.outcome.seconds, **row.outcome.metrics}
        known |= {name for name, value in numbers.items() if isinstance(value, int | float)}
        value = numbers.get(target)
        if isinstance(value, int | float):
            by_fidelity.setdefault(row.request.fidelity, []).append((row.genotype, float(value)))
    if rows and target not in known:
        raise InputError(f"{path}: expected a column of numbers, one of {', '.join(sorted(known))}, found {target!r}")
    enough = [part for part in by_fidelity.values() if len(part) >= FEWEST_ROWS]
    chosen = enough[-1] if enough else []
    graphs = [space.to_graph(space.decode(text)) for text, _ in chosen]
    return Rows(graphs, np.array([value for _, value in chosen]), space)


def _rows_of_table(path: str, target: str) -> Rows:
    """The rows of a CSV or Parquet file whose target is a number; a malformed genotype is an error with its line."""
    columns, space = _columns(path)
    texts = next((columns[name] for name in GENOTYPE_COLUMNS if name in columns), None)
    if texts is None or target not in columns:
        wanted = repr(target) if texts is not None else " or ".join(map(repr, GENOTYPE_COLUMNS))
        raise InputError(f"{path}: expected a column {wanted}, found {', '.join(map(str, columns))}")
    try:
        targets = np.array([np.nan if value is None else value for value in columns[target]], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: column {target!r} must hold numbers: {error}") from error
    graph_of = graphs_of_space(space) if space is not None else graph_of_named_space(path)
    graphs = []
    for line in np.flatnonzero(np.isfinite(targets)):
        try:
            graphs.append(graph_of(str(texts[line])))
        except (ValueError, OverflowError, RecursionError) as error:
            raise InputError(f"{path}, row {line + 1}: {error}") from error
    return Rows(graphs, targets[np.isfinite(targets)], space)


def _columns(path: str) -> tuple[Mapping[str, Sequence[Any]], SearchSpace[Any] | None]:
    """The columns of a file, and the space it names if it is a meta-dataset."""
    import pandas as pd

    from predictors.metadataset import MetaDataset, is_metadataset

    if not Path(path).is_file():
        raise InputError(f"expected the folder of a run or a table as CSV or Parquet, found no {path}")
    try:
        if is_metadataset(path):
            table = MetaDataset.read(path)
            space = build_space(table.space["name"], table.space["options"])
            return {**table.columns, **dict(zip(table.features.names, table.values.T, strict=True))}, space
        frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read as CSV or Parquet: {str(error).splitlines()[0]}") from error
    return {name: frame[name].tolist() for name in frame}, None
