"""LabelledGraph: the one value that crosses from a search space into the predictors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx


def _finite(name: str, values: Iterable[Any]) -> tuple[float, ...]:
    """The values as floats; ValueError on all but finite numbers."""
    try:
        floats = tuple(map(float, values))
    except (TypeError, ValueError, OverflowError) as error:  # text, None, integers beyond the largest float
        raise ValueError(f"{name} must be finite numbers: {str(error)[:80]}") from error
    if not all(map(math.isfinite, floats)):
        raise ValueError(f"{name} must be finite numbers, found {next(x for x in floats if not math.isfinite(x))}")
    return floats


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
        rows = {str(name): _finite(f"attribute {name!r}", row) for name, row in self.attributes.items()}
        for name, row in rows.items():
            if len(row) != len(ops):
                raise ValueError(f"attribute {name!r} must have one value a vertex ({len(ops)}), found {len(row)}")
        info = dict(zip(map(str, self.info), _finite("info", self.info.values()), strict=True))
        object.__setattr__(self, "ops", ops)
        object.__setattr__(self, "edges", tuple(edges))
        object.__setattr__(self, "attributes", MappingProxyType(rows))
        object.__setattr__(self, "info", MappingProxyType(info))

    def __hash__(self) -> int:
        return hash((self.ops, self.edges, self.directed))

    def __reduce__(self) -> tuple[Any, ...]:
        """What ``pickle`` and ``copy`` make the value again from: read-only views can be neither pickled nor copied."""
        return type(self), (self.ops, self.edges, dict(self.attributes), self.directed, dict(self.info))

    def __len__(self) -> int:
        """Number of vertices."""
        return len(self.ops)

    def to_networkx(self) -> nx.Graph[int]:
        """The same graph in networkx, with ``op`` and every attribute on the vertices, ``info`` on the graph.

        ValueError if an attribute is itself named ``op``.
        """
        import networkx as nx

        if "op" in self.attributes:
            raise ValueError("no attribute may be named 'op' in networkx, where labels have that name: rename it")
        graph: nx.Graph[int] = nx.DiGraph() if self.directed else nx.Graph()
        graph.graph.update(self.info)
        for vertex, op in enumerate(self.ops):
            graph.add_nodes_from([(vertex, {"op": op, **{name: row[vertex] for name, row in self.attributes.items()}})])
        graph.add_edges_from(self.edges)
        return graph

    @classmethod
    def from_networkx(cls, graph: nx.Graph[int]) -> LabelledGraph:
        """A labelled graph from networkx: vertices in the graph's order, ``op`` as label ("" where absent).

        ValueError where a vertex lacks an attribute that another one has.
        """
        index = {vertex: position for position, vertex in enumerate(graph)}
        names = sorted({name for _, data in graph.nodes(data=True) for name in data} - {"op"})
        for vertex, data in graph.nodes(data=True):
            if lacking := [name for name in names if name not in data]:
                raise ValueError(f"attribute {lacking[0]!r} must stand on every vertex, found none on {vertex!r}")
        return cls(
            ops=tuple(data.get("op", "") for _, data in graph.nodes(data=True)),
            edges=tuple((index[tail], index[head]) for tail, head in graph.edges()),
            attributes={name: tuple(data[name] for _, data in graph.nodes(data=True)) for name in names},
            directed=graph.is_directed(),
            info=dict(graph.graph),
        )
