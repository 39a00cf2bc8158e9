"""A landscape over the cells of NAS-Bench-201 for tests of the engine: exact, made up, and with failures.

Nothing is claimed from it: it has a signal that a surrogate can learn, interactions, noise, and cells that fail.
"""

from __future__ import annotations

import csv
import math
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from search_spaces import Offspring
from search_spaces.nasbench201 import OPS, Cell, NasBench201Space

SPACE = NasBench201Space()
WORTH = dict(zip(OPS, (0.0, 0.5, 0.7, 1.0, 0.3), strict=True))
COST = dict(zip(OPS, (0, 0, 1, 9, 0), strict=True))
WEIGHTS = (1.0, 0.6, 0.8, 1.2, 0.5, 0.9)


class FewCells(NasBench201Space):
    """Sixteen cells: each of four edges is a convolution or a skip; small enough to be exhausted."""

    OPEN = (1, 3, 4, 5)
    CHOICE = ("nor_conv_3x3", "skip_connect")

    def _cell(self, choices: tuple[str, ...]) -> Cell:
        ops = ["nor_conv_1x1"] * len(WEIGHTS)
        for edge, op in zip(self.OPEN, choices, strict=True):
            ops[edge] = op
        return Cell(tuple(ops))

    def sample(self, rng: np.random.Generator) -> Cell:
        return self._cell(tuple(self.CHOICE[index] for index in rng.integers(2, size=len(self.OPEN))))

    def mutate(self, rng: np.random.Generator, genotype: Cell) -> Offspring[Cell]:
        ops = list(genotype.ops)
        edge = self.OPEN[int(rng.integers(len(self.OPEN)))]
        ops[edge] = self.CHOICE[1 - self.CHOICE.index(ops[edge])]
        return Offspring((Cell(tuple(ops)),), "edge-op")

    def genotypes(self) -> Iterator[Cell]:
        return (self._cell(choices) for choices in product(self.CHOICE, repeat=len(self.OPEN)))


def fitness_of(text: str) -> float | None:
    """The fitness of a cell's text; None for one in twenty, which are not in the table."""
    noise = zlib.crc32(text.encode())
    if noise % 20 == 0:
        return None
    ops = SPACE.decode(text).ops
    signal = sum(weight * WORTH[op] for weight, op in zip(WEIGHTS, ops, strict=True))
    chain = WORTH[ops[0]] * WORTH[ops[2]] * WORTH[ops[5]]
    return 10 + 80 * math.tanh((signal + chain) / 5) + (noise % 1000) / 500


def parameters_of(text: str) -> float:
    """A cost of a cell's text, to be traded against its fitness."""
    return 5.0 + sum(COST[op] for op in SPACE.decode(text).ops)


def outcome_of(text: str) -> Outcome:
    """What a look-up of the cell answers."""
    fitness = fitness_of(text)
    if fitness is None:
        return Outcome(failure=Failure("not-in-table", f"no row has arch_str {text}"), origin="looked-up")
    return Outcome(fitness=fitness, metrics={"parameters": parameters_of(text)}, origin="looked-up")


def evaluate(request: Request) -> Evaluation:
    """The row of a request."""
    return Evaluation(request, outcome_of(request.genotype))


def write_table(path: Path) -> None:
    """Write all cells that do not fail as a CSV table."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("arch_str", "fitness", "parameters", "comment"))
        for cell in SPACE.genotypes():
            text = SPACE.encode(cell)
            fitness = fitness_of(text)
            if fitness is not None:
                writer.writerow((text, repr(fitness), parameters_of(text), "made up"))
