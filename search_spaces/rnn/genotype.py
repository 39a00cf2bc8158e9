"""RnnGenotype: an oriented random graph whose vertices are neurons, the cell they are, and its one line of text.

Stier, Darji, Granitzer 2021, sec. 4.3: a vertex's layer is the length of the longest path that ends in it; a neuron
reads the neurons that lead to it, and those of the first layer read the embedding of the symbol.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from search_spaces.canonical import canonical_key, canonical_order
from search_spaces.texts import read_edges, read_fields, shortened

SPACE = "rnn"
#: The cells, with the gates of each: so many times over stand its weights.
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}

MAX_VERTICES = 256  # five times the largest graph of the paper; every cost of so few is a finite float

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RnnGenotype:
    """One cell for all neurons, the width of the embedding, and a graph of ``size`` neurons.

    An ``embedding`` of 0 is as wide as the first layer, which is what the paper has. ``edges`` are pairs
    ``(tail, head)`` of vertices, kept sorted; those of a valid genotype lead from a lower to a higher vertex.

    Raises
    ------
    ValueError
        On an unknown cell, and on an edge that names a vertex there is not. All else is for ``validate`` to say.
    """

    cell: str
    embedding: int
    size: int
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        if self.cell not in GATES:
            raise ValueError(f"cell must be one of {', '.join(GATES)}, found {shortened(self.cell)}")
        edges = tuple(sorted((tail, head) for tail, head in self.edges))
        for edge in edges:
            if not all(0 <= vertex < self.size for vertex in edge):
                raise ValueError(f"edge {shortened(list(edge))} must join vertices 0..{self.size - 1}")
        object.__setattr__(self, "edges", edges)

    def __len__(self) -> int:
        """Number of vertices."""
        return self.size

    @property
    def embedding_width(self) -> int:
        """The width of the embedding, that of the first layer where ``embedding`` is 0."""
        return self.embedding or self.size - len({head for _, head in self.edges})


def renumbered(genotype: RnnGenotype, order: Iterable[int]) -> RnnGenotype:
    """The genotype on the vertices listed, which are numbered as listed; edges to others are left out."""
    position = {vertex: place for place, vertex in enumerate(order)}
    edges = tuple((position[t], position[h]) for t, h in genotype.edges if t in position and h in position)
    return RnnGenotype(genotype.cell, genotype.embedding, len(position), edges)


def canonical(genotype: RnnGenotype) -> RnnGenotype:
    """The one numbering that isomorphic genotypes share, layer by layer.

    ValueError if the genotype holds a directed cycle.
    """
    return renumbered(genotype, canonical_order([""] * genotype.size, genotype.edges))


def key(genotype: RnnGenotype) -> str:
    """Equal exactly for genotypes of one graph up to renaming, one cell, and embeddings of one width.

    ValueError on directed cycles.
    """
    label = f"{genotype.cell}:{genotype.embedding_width}"
    return canonical_key([label] * genotype.size, genotype.edges)


def encode(genotype: RnnGenotype) -> str:
    """The genotype as one line of compact JSON."""
    values = {
        "space": SPACE,
        "cell": genotype.cell,
        "embedding": genotype.embedding,
        "vertices": genotype.size,
        "edges": genotype.edges,
    }
    return json.dumps(values, separators=(",", ":"))


def decode(text: str) -> RnnGenotype:
    """The genotype of a text; whether it is valid is another question.

    Raises
    ------
    ValueError
        One line that says what was expected and what was found.
    """
    values = read_fields(text, SPACE, ("cell", "embedding", "vertices", "edges"))
    cell, embedding, vertices = values["cell"], values["embedding"], values["vertices"]
    if not isinstance(cell, str):
        raise ValueError(f"cell must be a text, found {shortened(cell)}")
    if type(embedding) is not int:
        raise ValueError(f"embedding must be a whole number, found {shortened(embedding)}")
    if type(vertices) is not int or not 2 <= vertices <= MAX_VERTICES:
        raise ValueError(f"a genotype must have 2..{MAX_VERTICES} vertices, found {shortened(vertices)}")
    return RnnGenotype(cell, embedding, vertices, read_edges(values["edges"]))
