"""Whether a graph hangs together, and edges that make it do so; directions do not matter here."""

from __future__ import annotations

from collections.abc import Iterable

Edge = tuple[int, int]


class Parts:
    """The connected parts of n vertices, while edges are added."""

    def __init__(self, n: int, edges: Iterable[Edge] = ()) -> None:
        self.number = n
        self._parent = list(range(n))
        for edge in edges:
            self.join(edge)

    def join(self, edge: Edge) -> bool:
        """Add an edge; whether its ends were apart until now."""
        one, other = map(self._root, edge)
        self._parent[one] = other
        self.number -= one != other
        return one != other

    def _root(self, vertex: int) -> int:
        parent = self._parent
        while parent[vertex] != vertex:
            parent[vertex] = vertex = parent[parent[vertex]]
        return vertex


def joined(n: int, edges: Iterable[Edge], candidates: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges, and those candidates in their order that join parts which were apart."""
    kept = tuple(edges)
    parts = Parts(n, kept)
    return kept + tuple(edge for edge in candidates if parts.number > 1 and parts.join(edge))
