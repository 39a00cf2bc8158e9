"""The authors' trained recurrent networks, loaded and scored again on the strings of the Reber grammar.

Stier, Darji, Granitzer 2021, sec. 4.2 (dense networks of 3 x 50 neurons) and 4.3 (random structures).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.reproduce.context import Context
from nasgen.reproduce.rnn_tables import CELLS, GENERATORS
from nasgen.reproduce.tables import Row, Table, within
from nasgen.reproduce.units import each_unit
from nasgen.tasks.reber import encoded, read_strings

if TYPE_CHECKING:
    from search_spaces.rnn.thesis import ThesisNetwork

Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]

DENSE_SCORES: Mapping[str, float] = {"rnn_tanh": 0.93728, "rnn_relu": 1.0, "lstm": 1.0, "gru": 1.0}
"""Of the dense networks on the test strings."""

DENSE_BATCH = 32
BATCH = 128
ORDERS = 200
"""Orders of the test strings that a score is the mean over."""

CLOSE_POINTS, CLOSE_SHARE, MEDIAN_POINTS = 1.5, 0.95, 0.3
FIVE_DECIMALS = 5e-6

_STRUCTURED = re.compile(rf"({'|'.join(CELLS)})_({'|'.join(GENERATORS)})_(\d+)")
_AT_ONCE = 500


@dataclass(frozen=True)
class Stored:
    """A file of weights: what network it holds, and what it scored."""

    path: Path
    cell: str
    size: int
    edges: tuple[tuple[int, int], ...]
    item: str
    published: float
    batch: int


def stored_network_tables(context: Context) -> list[Table]:
    """The scores of every network in the folder of weights beside the published ones.

    Raises
    ------
    InputError
        If the folder holds no such network, or one that is damaged or of another graph.
    """
    assert context.state_dicts is not None  # Maker: needs_state_dicts
    files = sorted(context.state_dicts.rglob("*.pt"))
    dense = [
        Stored(file, file.stem, 0, (), CELLS[file.stem], DENSE_SCORES[file.stem], DENSE_BATCH)
        for file in files
        if file.stem in CELLS
    ]
    structured = [_of_table(context, file, match) for file in files if (match := _STRUCTURED.fullmatch(file.stem))]
    if not dense and not structured:
        raise InputError(
            f"--state-dicts expects files CELL_GENERATOR_NUMBER.pt or CELL.pt, cells {', '.join(CELLS)}, generators "
            f"{', '.join(GENERATORS)}; found {len(files)} other .pt files in {context.state_dicts}"
        )
    strings = read_strings(context.data, as_published=True)
    shared = encoded(strings.test), strings.y_test
    found = dict(each_unit(scores_by_order, shared, [*structured, *dense], "stored networks scored", context.say))
    tables = []
    if dense:
        note = f"Read after the longest string of each batch of {DENSE_BATCH} in the order of the file, as they did."
        rows = [_dense_row(one, float(found[one][0])) for one in dense]
        tables.append(Table("Dense networks of 3 x 50 neurons, as stored: test accuracy", tuple(rows), note))
    if structured:
        tables.append(_structured_table([_structured_row(one, found[one][1:]) for one in structured]))
    return tables


def _of_table(context: Context, file: Path, match: re.Match[str]) -> Stored:
    """The network of a file, as the tables have it."""
    cell, generator, number = match[1], match[2], int(match[3])
    networks = context.networks[cell]
    (places,) = np.nonzero((networks.generators == generator) & (networks.numbers == number))
    if not len(places):
        raise InputError(f"{file}: expected a number in the table of {cell} and {generator}, found {number}")
    graph, published = networks.graphs[int(places[0])], float(networks.accuracies[places[0]])
    item = f"{CELLS[cell]}, {GENERATORS[generator]} {number}"
    return Stored(file, cell, len(graph), graph.edges, item, published, BATCH)


def _dense_row(one: Stored, score: float) -> Row:
    return Row(f"{one.item}, five decimals", one.published, score, within(one.published, score, FIVE_DECIMALS))


def _structured_row(one: Stored, scores: NDArray[np.float64]) -> Row:
    low, high = np.quantile(scores, [0.025, 0.975])
    return Row(one.item, one.published, float(scores.mean()), None, float(low), float(high))


def _structured_table(rows: Sequence[Row]) -> Table:
    points = [100 * abs((row.ours or 0.0) - (row.paper or 0.0)) for row in rows]
    close, median = float(np.mean([value <= CLOSE_POINTS for value in points])), float(np.median(points))
    aggregates = (
        Row(f"share within {CLOSE_POINTS} points, at least {CLOSE_SHARE}", None, close, close >= CLOSE_SHARE),
        Row(f"median difference in points, at most {MEDIAN_POINTS}", None, median, median <= MEDIAN_POINTS),
        Row("largest difference in points", None, max(points)),
    )
    note = (
        f"The authors read after the longest string of a batch of {BATCH}, and shuffled the test strings: one network "
        f"has many scores. Ours are the mean over {ORDERS} orders, with the middle 95 % of them; theirs is one order."
    )
    return Table("Networks of random structure, as stored: test accuracy", (*aggregates, *rows), note)


def scores_by_order(shared: tuple[Codes, Ints], one: Stored) -> NDArray[np.float64]:
    """The accuracies of a stored network on the test strings in the order of the file, and in ``ORDERS`` others."""
    codes, labels = shared
    n = len(codes)
    right = _right_by_step(_load(one), codes, labels)
    others = np.random.default_rng(0).permuted(np.tile(np.arange(n), (ORDERS, 1)), axis=1)
    read = steps_read((codes != 0).sum(axis=1), one.batch, np.vstack([np.arange(n), others]))
    return np.asarray(right[read, np.arange(n)].mean(axis=1))


def steps_read(lengths: Ints, batch: int, orders: Ints) -> Ints:
    """The last step, from 0, of the batch that every string is in, in each of some orders; shape (orders, n)."""
    starts = np.arange(0, len(lengths), batch)
    longest = np.maximum.reduceat(lengths[orders], starts, axis=1)
    in_order = np.repeat(longest, np.diff([*starts, len(lengths)]), axis=1) - 1
    read = np.empty_like(in_order)
    np.put_along_axis(read, orders, in_order, axis=1)
    return read


def _load(one: Stored) -> ThesisNetwork:
    """The network of a file. Of what pickle can hold, torch reads tensors alone."""
    import torch

    from search_spaces.rnn.thesis import stored_thesis_network

    try:
        state = torch.load(one.path, map_location="cpu", weights_only=True)
    except Exception as error:  # zipfile, pickle, EOF and torch's own: they share no base
        raise InputError(f"{one.path}: expected tensors that torch has saved, found {type(error).__name__}") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{one.path}: expected tensors by name, found a {type(state).__name__}")
    try:
        return stored_thesis_network(one.cell.removeprefix("rnn_"), state, one.size, one.edges)
    except ValueError as error:
        raise InputError(f"{one.path}: {error}") from error


def _right_by_step(network: ThesisNetwork, codes: Codes, labels: Ints) -> NDArray[np.bool_]:
    """Whether each string would be classified rightly if it were read after each step; shape (steps, n)."""
    import torch

    wanted = torch.from_numpy(labels.copy())
    right = []
    with torch.inference_mode():
        for start in range(0, len(codes), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            right.append(network.by_step(torch.from_numpy(codes[rows])).argmax(dim=2) == wanted[rows])
    return np.asarray(torch.cat(right, dim=1))
