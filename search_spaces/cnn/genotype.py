"""CnnGenotype: a DAG of operations between one input and one output, and its one line of text.

The six operations are those of Stier, Darji, Granitzer 2021, sec. 4.4; ``input`` and ``output`` mark the ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from search_spaces.canonical import canonical_order
from search_spaces.texts import read_edges, read_fields, shortened

SPACE = "cnn"
UNARY = ("conv", "max_pool", "avg_pool", "skip")  # one input
MERGES = ("sum", "concat")  # two inputs or more
POOLS = ("max_pool", "avg_pool")
KINDS = ("input", *UNARY, *MERGES, "output")

MAX_VERTICES = 256  # four times the default of the space; every cost of so few is a finite float
_CONV = re.compile(r"conv([1-9][0-9]{0,3})x\1:([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Op:
    """The label of a vertex; ``kernel`` and ``channels`` belong to ``conv`` alone and are 0 elsewhere.

    Raises
    ------
    ValueError
        On an unknown kind, and on a kernel or channels that do not go with it. Which kernels and channels a
        space allows is for :func:`search_spaces.cnn.validity.validate` to say.
    """

    kind: str
    kernel: int = 0
    channels: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"op must be one of {', '.join(KINDS)}, found {self.kind!r}")
        if self.kind != "conv" and (self.kernel, self.channels) != (0, 0):
            raise ValueError(f"only conv has a kernel and channels, found {self!r}")
        if self.kind == "conv" and not _CONV.fullmatch(str(self)):
            raise ValueError(f"conv must have a kernel of 1..9999 and channels of 1..999999, found {self!r}")

    def __str__(self) -> str:
        """The text form: ``conv3x3:64``, ``max_pool``."""
        return f"{self.name}:{self.channels}" if self.kind == "conv" else self.kind

    @property
    def name(self) -> str:
        """The text form without channels: ``conv3x3``, ``max_pool``."""
        return f"conv{self.kernel}x{self.kernel}" if self.kind == "conv" else self.kind

    @classmethod
    def parse(cls, text: str) -> Op:
        """The op of a text form; ValueError where there is none."""
        if match := _CONV.fullmatch(text):
            return cls("conv", int(match[1]), int(match[2]))
        if text == "conv" or text not in KINDS:
            ops = ", ".join(kind for kind in KINDS if kind != "conv")
            raise ValueError(f"op must be conv3x3:64 or alike, or one of {ops}, found {shortened(text)}")
        return cls(text)


@dataclass(frozen=True, slots=True)
class CnnGenotype:
    """One op a vertex, and edges ``(tail, head)`` between vertices, kept sorted.

    Raises
    ------
    ValueError
        On an edge that names a vertex there is not. All else is for ``validate`` to say.
    """

    ops: tuple[Op, ...]
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        edges = tuple(sorted((tail, head) for tail, head in self.edges))
        for edge in edges:
            if not all(0 <= vertex < len(self.ops) for vertex in edge):
                raise ValueError(f"edge {shortened(list(edge))} must join vertices 0..{len(self.ops) - 1}")
        object.__setattr__(self, "ops", tuple(self.ops))
        object.__setattr__(self, "edges", edges)

    def __len__(self) -> int:
        """Number of vertices, input and output included."""
        return len(self.ops)

    def predecessors(self) -> list[list[int]]:
        """The vertices every vertex reads, in ascending order."""
        rows: list[list[int]] = [[] for _ in self.ops]
        for tail, head in self.edges:
            rows[head].append(tail)
        return rows

    def successors(self) -> list[list[int]]:
        """The vertices that read every vertex, in ascending order."""
        rows: list[list[int]] = [[] for _ in self.ops]
        for tail, head in self.edges:
            rows[tail].append(head)
        return rows


def renumbered(genotype: CnnGenotype, order: Iterable[int]) -> CnnGenotype:
    """The genotype on the vertices listed, which are numbered as listed; edges to others are left out."""
    order = list(order)
    position = {vertex: place for place, vertex in enumerate(order)}
    return CnnGenotype(
        tuple(genotype.ops[vertex] for vertex in order),
        tuple((position[t], position[h]) for t, h in genotype.edges if t in position and h in position),
    )


def canonical(genotype: CnnGenotype) -> CnnGenotype:
    """The one numbering that isomorphic genotypes share, every tail before its head.

    ValueError if the genotype holds a directed cycle.
    """
    return renumbered(genotype, canonical_order([str(op) for op in genotype.ops], genotype.edges))


def encode(genotype: CnnGenotype) -> str:
    """The genotype as one line of compact JSON."""
    ops = [str(op) for op in genotype.ops]
    return json.dumps({"space": SPACE, "ops": ops, "edges": genotype.edges}, separators=(",", ":"))


def decode(text: str) -> CnnGenotype:
    """The genotype of a text; whether it is valid is another question.

    Raises
    ------
    ValueError
        One line that says what was expected and what was found.
    """
    values = read_fields(text, SPACE, ("ops", "edges"))
    ops = values["ops"]
    if not isinstance(ops, list) or not all(isinstance(op, str) for op in ops):
        raise ValueError(f"ops must be a list of texts, found {shortened(ops)}")
    if not 2 <= len(ops) <= MAX_VERTICES:
        raise ValueError(f"a genotype must have 2..{MAX_VERTICES} ops, input and output among them, found {len(ops)}")
    return CnnGenotype(tuple(map(_op, ops)), read_edges(values["edges"]))


@lru_cache(maxsize=1024)  # ops are values, and thousands of texts hold the same few dozen
def _op(text: str) -> Op:
    return Op.parse(text)
