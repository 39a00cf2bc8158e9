"""LabelledGraph: the one value that crosses from a search space into the predictors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx as nx


def _frozen_rows(values: Mapping[str, Sequence[float]], n: int) -> Mapping[str, tuple[float, ...]]:
    rows = {}
    for name, row in values.items():
        row = tuple(float(value) for value in row)
        if len(row) != n:
            raise ValueError(f"attribute {name!r} must have one value a vertex ({n}), found {len(row)}")
        if not all(map(math.isfinite, row)):
            raise ValueError(f"attribute {name!r} must be finite, found {row}")
        rows[str(name)] = row
    return MappingProxyType(rows)


def _topological_order(n: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    successors: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for tail, head in edges:
        successors[tail].append(head)
        waiting[head] += 1
    order = [vertex for vertex in range(n) if not waiting[vertex]]
    for vertex in order:  # the list grows while it is walked
        for head in successors[vertex]:
            waiting[head] -= 1
            if not waiting[head]:
                order.append(head)
    return order


@dataclass(frozen=True, slots=True)
class LabelledGraph:
    """A frozen graph with one label a vertex and any numbers beside it.

    Any vocabulary of ops is accepted, and so are graphs without edges, parts that no path uses, and
    self-loops of undirected graphs.

    Parameters
    ----------
    ops
        One label a vertex; vertex ``i`` has label ``ops[i]``.
    edges
        Pairs ``(tail, head)`` of vertex indices. Undirected edges are stored with the smaller index first.
    attributes
        Numbers a vertex: name to a row of ``len(ops)`` finite floats (``channels``, ``height``, ...).
    directed
        A directed graph must be acyclic.
    info
        Numbers of the whole graph (``parameters``, ``macs``, ...).

    Raises
    ------
    ValueError
        On indices out of range, repeated edges, rows of a wrong length, non-finite numbers and directed
        cycles; the message says what was expected and what was found.
    """

    ops: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    attributes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    directed: bool = True
    info: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ops = tuple(str(op) for op in self.ops)
        edges = [(int(tail), int(head)) for tail, head in self.edges]
        for edge in edges:
            if not all(0 <= vertex < len(ops) for vertex in edge):
                raise ValueError(f"edge {edge} must join vertices 0..{len(ops) - 1}")
        if not self.directed:
            edges = [(min(edge), max(edge)) for edge in edges]
        if len(set(edges)) != len(edges):
            repeated = next(edge for edge in edges if edges.count(edge) > 1)
            raise ValueError(f"every edge must be listed once, found {repeated} {edges.count(repeated)} times")
        if self.directed and len(_topological_order(len(ops), edges)) != len(ops):
            raise ValueError("a directed graph must be acyclic, found a directed cycle")
        info = {str(name): float(value) for name, value in self.info.items()}
        if not all(map(math.isfinite, info.values())):
            raise ValueError(f"info must be finite, found {info}")
        object.__setattr__(self, "ops", ops)
        object.__setattr__(self, "edges", tuple(edges))
        object.__setattr__(self, "attributes", _frozen_rows(self.attributes, len(ops)))
        object.__setattr__(self, "info", MappingProxyType(info))

    def __hash__(self) -> int:
        return hash((self.ops, self.edges, self.directed))

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.ops)

    def to_networkx(self) -> nx.Graph[int]:
        """The same graph in networkx, with ``op`` and every attribute on the vertices, ``info`` on the graph."""
        import networkx as nx

        graph: nx.Graph[int] = nx.DiGraph() if self.directed else nx.Graph()
        graph.graph.update(self.info)
        for vertex, op in enumerate(self.ops):
            graph.add_node(vertex, op=op, **{name: row[vertex] for name, row in self.attributes.items()})
        graph.add_edges_from(self.edges)
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.Graph[int]) -> LabelledGraph:
        """A labelled graph from networkx: vertices in the graph's order, ``op`` as label ("" where absent)."""
        index = {vertex: position for position, vertex in enumerate(graph)}
        names = sorted({name for _, data in graph.nodes(data=True) for name in data} - {"op"})
        return cls(
            ops=tuple(data.get("op", "") for _, data in graph.nodes(data=True)),
            edges=tuple((index[tail], index[head]) for tail, head in graph.edges()),
            attributes={name: tuple(data[name] for _, data in graph.nodes(data=True)) for name in names},
            directed=graph.is_directed(),
            info=dict(graph.graph),
        )
