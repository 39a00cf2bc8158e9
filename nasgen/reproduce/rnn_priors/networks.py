"""The authors' trained recurrent networks, loaded and scored again on the strings of the Reber grammar.

Stier, Darji, Granitzer 2021, sec. 4.2 (dense networks of 3 x 50 neurons) and 4.3 (random structures).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.jobs.units import each_unit
from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.stored_tables import CELLS, GENERATORS
from nasgen.reproduce.tables import Row, Table, within
from nasgen.reproduce.thesis_networks import ORDERS, Codes, Ints, load_network, scores_by_order
from nasgen.tasks.reber import encoded, read_strings

DENSE_SCORES: Mapping[str, float] = {"rnn_tanh": 0.93728, "rnn_relu": 1.0, "lstm": 1.0, "gru": 1.0}
"""Of the dense networks on the test strings."""

DENSE_BATCH = 32
BATCH = 128
CLOSE_POINTS, CLOSE_SHARE, MEDIAN_POINTS = 1.5, 0.95, 0.3
FIVE_DECIMALS = 5e-6

_STRUCTURED = re.compile(rf"({'|'.join(CELLS)})_({'|'.join(GENERATORS)})_(\d+)")


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
    found = dict(each_unit(_scores, shared, [*structured, *dense], "stored networks scored", context.say))
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


def _scores(shared: tuple[Codes, Ints], one: Stored) -> NDArray[np.float64]:
    network = load_network(one.path, one.cell, one.size, one.edges)
    return scores_by_order(network, *shared, one.batch)
