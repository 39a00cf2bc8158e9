"""The authors' tables of recurrent networks on random graphs: read, and checked once.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3: 100
Barabasi-Albert and 100 Watts-Strogatz graphs a kind of cell, each with what the network on it came to on Reber strings.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from predictors.features.properties import NAMES
from search_spaces import LabelledGraph
from search_spaces.texts import shortened

Floats = NDArray[np.float64]

CELLS: Mapping[str, str] = {"rnn_tanh": "Tanh", "rnn_relu": "ReLU", "lstm": "LSTM", "gru": "GRU"}
"""Kinds of cells by their names in files, and as the papers call them."""

GENERATORS: Mapping[str, str] = {"barabasi_albert": "BA", "watts_strogatz": "WS"}
"""Generators by their names in files, and in short."""

STORED_AS: Mapping[str, str] = {"nodes": "csv_nodes", "edges": "csv_edges"}
"""Properties that have another name in the tables."""

FEWEST = 10
"""Networks of each generator: from fewer there is nothing to correlate, and no tenth to hold out."""

LARGEST = 100_000
"""Of a number of vertices or of graphs: more would fill the memory with what is no table of this kind."""


@dataclass(frozen=True, eq=False)
class Networks:
    """The trained networks of one kind of cell, n of them.

    Attributes
    ----------
    cell
        The kind, as in files.
    graphs
        Their graphs, each edge from the lower index to the higher.
    generators
        The generator of each graph as in files, shape (n,).
    numbers
        The number of each graph among those of its generator, shape (n,).
    properties
        The 23 graph properties as stored, shape (n, 23), in the order of the feature set ``graph23``.
    accuracies
        Test accuracies, shape (n,), from 0 to 1.
    """

    cell: str
    graphs: tuple[LabelledGraph, ...]
    generators: NDArray[np.str_]
    numbers: NDArray[np.int64]
    properties: Floats
    accuracies: Floats

    @property
    def called(self) -> str:
        """The cell as the papers call it."""
        return CELLS[self.cell]

    def __len__(self) -> int:
        return len(self.graphs)


def read_networks(folder: Path) -> dict[str, Networks]:
    """The four tables ``reber_structure_CELL.jsonl.gz`` of a folder, by cell.

    Raises
    ------
    InputError
        If a file is missing or no gzip of JSON lines, or a field is missing or not what it should be.
    """
    missing = [path for path in map(_path, [folder] * len(CELLS), CELLS) if not path.is_file()]
    if missing:
        raise InputError(f"--data expects a folder with {missing[0].name}, found none in {folder}")
    return {cell: _read(_path(folder, cell), cell) for cell in CELLS}


def _path(folder: Path, cell: str) -> Path:
    return folder / f"reber_structure_{cell}.jsonl.gz"


def _read(path: Path, cell: str) -> Networks:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected JSON lines packed by gzip, which cannot be read: {error}") from error
    rows = [_Row.of(f"{path}, line {number}", line) for number, line in enumerate(lines, start=1)]
    for (generator, graph), times in Counter((row.generator, row.number) for row in rows).items():
        if times > 1:
            raise InputError(f"{path}: expected each graph once, found number {graph} of {generator} {times} times")
    for generator in GENERATORS:
        found = sum(row.generator == generator for row in rows)
        if found < FEWEST:
            raise InputError(f"{path}: expected at least {FEWEST} networks of {generator}, found {found}: add some")
    accuracies = np.array([row.accuracy for row in rows])
    if np.ptp(accuracies) == 0:
        raise InputError(f"{path}: expected accuracies that differ, found {accuracies[0]} in every line")
    return Networks(
        cell,
        tuple(row.graph for row in rows),
        np.array([row.generator for row in rows]),
        np.array([row.number for row in rows]),
        np.array([row.properties for row in rows]),
        accuracies,
    )


@dataclass(frozen=True)
class _Row:
    """A line of a table."""

    generator: str
    number: int
    graph: LabelledGraph
    properties: tuple[float, ...]
    accuracy: float

    @classmethod
    def of(cls, where: str, line: str) -> _Row:
        """The row of a line of JSON; ``where`` begins the error message."""
        try:
            values = json.loads(line)
            if not isinstance(values, dict):
                raise ValueError(f"expected an object, found {shortened(values)}")
            return cls(
                generator=_generator(values),
                number=_whole(values, "nr", 0),
                graph=_graph(values),
                properties=tuple(_number(values, STORED_AS.get(name, name)) for name in NAMES),
                accuracy=_accuracy(values),
            )
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: expected an object of JSON, found {shortened(line)}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: {error}; mend the line or leave it out") from error


def _field(values: Mapping[str, Any], name: str) -> Any:
    if name not in values:
        raise ValueError(f"expected a field {name!r}, found none")
    return values[name]


def _generator(values: Mapping[str, Any]) -> str:
    name = _field(values, "graph")
    if not isinstance(name, str) or name not in GENERATORS:
        raise ValueError(f"'graph' must be {' or '.join(GENERATORS)}, found {shortened(name)}")
    return name


def _whole(values: Mapping[str, Any], name: str, least: int) -> int:
    value = _field(values, name)
    if type(value) is not int or not least <= value <= LARGEST:
        raise ValueError(f"{name!r} must be a whole number in {least}..{LARGEST}, found {shortened(value)}")
    return value


def _number(values: Mapping[str, Any], name: str) -> float:
    value = _field(values, name)
    if type(value) not in (int, float) or not abs(value) < 1e300 or not math.isfinite(value):
        raise ValueError(f"{name!r} must be a finite number, found {shortened(value)}")
    return float(value)


def _accuracy(values: Mapping[str, Any]) -> float:
    accuracy = _number(values, "test_acc")
    if not 0 <= accuracy <= 1:
        raise ValueError(f"'test_acc' must lie in 0..1, found {accuracy}")
    return accuracy


def _graph(values: Mapping[str, Any]) -> LabelledGraph:
    n, edges = _whole(values, "n", 1), _field(values, "edges")
    if not isinstance(edges, list) or not all(
        isinstance(edge, list) and len(edge) == 2 and all(type(end) is int for end in edge) for edge in edges
    ):
        raise ValueError(f"'edges' must be a list of pairs of vertices, found {shortened(edges)}")
    return LabelledGraph(("neuron",) * n, tuple((min(edge), max(edge)) for edge in edges))
