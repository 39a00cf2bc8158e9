"""NAS-Bench-201: cells of four nodes with one of five operations on each edge; fitness is looked up.

Dong and Yang 2020, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", sec. 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from search_spaces.graph import LabelledGraph
from search_spaces.space import Offspring

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NODES = range(4)
#: The edges (from node, to node) in the order in which the published text lists them.
EDGES = tuple((tail, head) for head in NODES for tail in range(head))
EXAMPLE = "|nor_conv_1x1~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|skip_connect~1|avg_pool_3x3~2|"

MAX_TEXT = 100  # characters; the longest cell has 95, and a search for operations takes their square
_OPERATION = re.compile(r"([^|~+]+)~(\d)")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: the operation of each of the six edges, in the order of ``EDGES``."""

    ops: tuple[str, ...]


class NasBench201Space:
    """All 5**6 = 15,625 cells of NAS-Bench-201.

    ``key`` names the cell after dead parts are removed, up to the order of its two inner nodes: there are 8,765,
    and cells of one key are the same graph of operations. The authors' own count of 6,466 classes contracts
    ``skip_connect`` as well, and keeps some dead parts.
    """

    name = "nasbench201"

    def options(self) -> dict[str, object]:
        """The constructor's options: none."""
        return {}

    def sample(self, rng: np.random.Generator) -> Cell:
        """A cell drawn uniformly from all of them."""
        return Cell(tuple(OPS[index] for index in rng.integers(len(OPS), size=len(EDGES))))

    def mutate(self, rng: np.random.Generator, genotype: Cell) -> Offspring[Cell]:
        """One edge, drawn uniformly, gets another operation (Real et al. 2019, sec. 3.2)."""
        edge = int(rng.integers(len(EDGES)))
        others = [op for op in OPS if op != genotype.ops[edge]]
        ops = list(genotype.ops)
        ops[edge] = others[int(rng.integers(len(others)))]
        return Offspring((Cell(tuple(ops)),), "edge-op")

    def crossover(self, rng: np.random.Generator, first: Cell, second: Cell) -> Offspring[Cell]:
        """Uniform crossover: the children share out the differing edges, neither taking all of one parent's."""
        differing = [edge for edge in range(len(EDGES)) if first.ops[edge] != second.ops[edge]]
        if len(differing) < 2:
            return Offspring((first, second), "uniform", "the parents differ in fewer than two edges")
        # The bits of a number that is neither all zeros nor all ones say which edges are exchanged.
        bits = int(rng.integers(1, 2 ** len(differing) - 1))
        exchanged = {edge for position, edge in enumerate(differing) if bits >> position & 1}
        children = tuple(
            Cell(tuple((theirs if edge in exchanged else own).ops[edge] for edge in range(len(EDGES))))
            for own, theirs in ((first, second), (second, first))
        )
        return Offspring(children, "uniform")

    def validate(self, genotype: Cell) -> list[str]:
        """Every violation in a sentence; an empty list means valid."""
        if len(genotype.ops) != len(EDGES):
            return [f"a cell has {len(EDGES)} operations, found {len(genotype.ops)}"]
        return [
            f"edge {tail}->{head} must hold one of {', '.join(OPS)}, found {op!r}"
            for (tail, head), op in zip(EDGES, genotype.ops, strict=True)
            if op not in OPS
        ]

    def encode(self, genotype: Cell) -> str:
        """The published text, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``."""
        groups = (
            "".join(f"{op}~{tail}|" for (tail, head), op in zip(EDGES, genotype.ops, strict=True) if head == node)
            for node in NODES[1:]
        )
        return "+".join(f"|{group}" for group in groups)

    def decode(self, text: str) -> Cell:
        """The cell of a published text; ValueError says what was expected and what was found."""
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ValueError(f"a NAS-Bench-201 cell is written like {EXAMPLE}, found {text!r:.60}")
        cell = Cell(tuple(op for op, _ in _OPERATION.findall(text)))
        violations = self.validate(cell)
        if violations or self.encode(cell) != text:
            reason = violations[0] if violations else f"its operations read {self.encode(cell)}"
            raise ValueError(f"a NAS-Bench-201 cell is written like {EXAMPLE}, found {text!r:.60}: {reason}")
        return cell

    def key(self, genotype: Cell) -> str:
        """The live part in six digits, equal for cells that differ by dead parts and the order of inner nodes."""
        return "".join(str(OPS.index(op)) for op in _canonical(genotype.ops))

    def to_graph(self, genotype: Cell) -> LabelledGraph:
        """The cell with a vertex for each operation but ``none``, and none for the nodes it joins.

        An operation points to those that start at the node where it ends; ``input`` points to those that start
        at the first node, and those that end at the last point to ``output``. Dead parts stay.
        """
        used = [(edge, op) for edge, op in zip(EDGES, genotype.ops, strict=True) if op != "none"]
        labels = ("input", *(op for _, op in used), "output")
        spans = [(-1, NODES[0]), *(edge for edge, _ in used), (NODES[-1], len(NODES))]
        edges = [
            (tail, head) for tail, (_, end) in enumerate(spans) for head, (start, _) in enumerate(spans) if end == start
        ]
        return LabelledGraph(labels, tuple(edges))

    def genotypes(self) -> Iterator[Cell]:
        """All 15,625 cells, the operation of the last edge changing fastest."""
        return (Cell(ops) for ops in product(OPS, repeat=len(EDGES)))


def _alive(ops: tuple[str, ...]) -> tuple[str, ...]:
    """The operations with ``none`` wherever no path from the first node to the last passes."""
    reached, reaching = {NODES[0]}, {NODES[-1]}
    kept = [edge for edge, op in zip(EDGES, ops, strict=True) if op != "none"]
    for tail, head in kept:  # sorted by head, and so a node is complete before edges leave it
        if tail in reached:
            reached.add(head)
    for tail, head in sorted(kept, reverse=True):
        if head in reaching:
            reaching.add(tail)
    return tuple(
        op if tail in reached and head in reaching else "none" for (tail, head), op in zip(EDGES, ops, strict=True)
    )


@lru_cache(maxsize=5**6)
def _canonical(ops: tuple[str, ...]) -> tuple[str, ...]:
    """The live operations under the smaller of the two orders of the inner nodes."""
    alive = _alive(ops)
    if alive[EDGES.index((1, 2))] != "none":
        return alive  # an edge between the inner nodes fixes their order
    renamed = {0: 0, 1: 2, 2: 1, 3: 3}
    swapped = {(renamed[tail], renamed[head]): op for (tail, head), op in zip(EDGES, alive, strict=True)}
    return min(alive, tuple(swapped.get(edge, "none") for edge in EDGES))
