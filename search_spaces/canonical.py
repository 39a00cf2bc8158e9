"""Exact canonical forms of vertex-labelled DAGs: equal for isomorphic graphs, different for all others.

Colour refinement alone (the Weisfeiler-Lehman test) merges different DAGs, and trying every order of what it
leaves tied takes exponential time on equal branches. The search here is that of McKay and Piperno 2014,
"Practical graph isomorphism, II", sections 2 and 3: refine, give one vertex of a tied cell a colour of its own,
refine again, and skip whatever an automorphism found on the way shows to be the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

Edge = tuple[int, int]
Trace = list[tuple[int, list[int], list[int]]]


def layering(n: int, edges: Sequence[Edge]) -> list[int]:
    """The layer of every vertex: the number of edges on the longest path that ends there.

    Raises
    ------
    ValueError
        If the edges hold a directed cycle.
    """
    successors: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for tail, head in edges:
        successors[tail].append(head)
        waiting[head] += 1
    layers = [0] * n
    order = [vertex for vertex in range(n) if not waiting[vertex]]
    for vertex in order:  # the list grows while it is walked
        for head in successors[vertex]:
            layers[head] = max(layers[head], layers[vertex] + 1)
            waiting[head] -= 1
            if not waiting[head]:
                order.append(head)
    if len(order) != n:
        raise ValueError("the graph must be acyclic, found a directed cycle")
    return layers


def canonical_order(labels: Sequence[str], edges: Sequence[Edge]) -> list[int]:
    """The vertices in an order that depends on the graph up to isomorphism alone, every tail before its head.

    Two graphs are isomorphic, labels included, exactly when renumbering each by its own order makes them
    equal. Vertices are sorted by layer first and by label second.

    Parameters
    ----------
    labels
        One label a vertex.
    edges
        Pairs ``(tail, head)`` of vertex indices, each at most once.

    Raises
    ------
    ValueError
        If the edges hold a directed cycle.
    """
    return _Search(labels, edges).best_order()


def canonical_key(labels: Sequence[str], edges: Sequence[Edge]) -> str:
    """Thirty-two hexadecimal digits that are equal exactly for isomorphic graphs (up to a hash collision).

    Takes and raises what :func:`canonical_order` does.
    """
    order = canonical_order(labels, edges)
    position = {vertex: place for place, vertex in enumerate(order)}
    renamed = sorted((position[tail], position[head]) for tail, head in edges)
    certificate = json.dumps([[labels[vertex] for vertex in order], renamed], separators=(",", ":"))
    return hashlib.blake2b(certificate.encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class _Partition:
    """An ordered partition; the colour of a vertex is the position at which its cell starts."""

    colour: list[int]
    cells: dict[int, list[int]]  # by starting position; a cell is replaced, never changed in place

    def target(self) -> int | None:
        """Where the first cell of several vertices starts; None once every vertex has its own colour."""
        return min((start for start, cell in self.cells.items() if len(cell) > 1), default=None)


@dataclass(slots=True)
class _Leaf:
    colour: list[int]
    path: tuple[int, ...]


@dataclass
class _Search:
    """Individualisation and refinement over one graph, with what was learned on the way."""

    labels: Sequence[str]
    edges: Sequence[Edge]
    leaves: dict[tuple[Edge, ...], _Leaf] = field(default_factory=dict)
    automorphisms: list[list[int]] = field(default_factory=list)
    least: list[Trace] = field(default_factory=list)  # by level, along the best path so far
    best: tuple[list[Edge], list[int]] | None = None  # certificate and order of the best leaf so far

    def __post_init__(self) -> None:
        self.predecessors: list[list[int]] = [[] for _ in self.labels]
        self.successors: list[list[int]] = [[] for _ in self.labels]
        for tail, head in self.edges:
            self.predecessors[head].append(tail)
            self.successors[tail].append(head)

    def best_order(self) -> list[int]:
        partition = self._by_layer_and_label()
        self._refine(partition, set(partition.cells))
        self._explore(partition, ())
        return self.best[1] if self.best else []

    def _by_layer_and_label(self) -> _Partition:
        groups: dict[tuple[int, str], list[int]] = {}
        for vertex, layer in enumerate(layering(len(self.labels), self.edges)):
            groups.setdefault((layer, self.labels[vertex]), []).append(vertex)
        colour, cells, start = [0] * len(self.labels), {}, 0
        for _, cell in sorted(groups.items()):
            cells[start] = cell
            for vertex in cell:
                colour[vertex] = start
            start += len(cell)
        return _Partition(colour, cells)

    def _refine(self, partition: _Partition, dirty: set[int]) -> Trace:
        """Split cells until vertices of one cell have equally coloured neighbours, and say how it went.

        ``dirty`` holds the cells to look at. The trace is the same for isomorphic graphs.
        """
        colour, cells = partition.colour, partition.cells
        trace: Trace = []
        while dirty:
            start = min(dirty)
            dirty.remove(start)
            cell = cells[start]
            if len(cell) == 1:
                continue
            groups: dict[tuple[tuple[int, ...], tuple[int, ...]], list[int]] = {}
            for vertex in cell:
                before = sorted([colour[other] for other in self.predecessors[vertex]])
                after = sorted([colour[other] for other in self.successors[vertex]])
                groups.setdefault((tuple(before), tuple(after)), []).append(vertex)
            position = start
            for signature in sorted(groups):
                group = groups[signature]
                cells[position] = group
                trace.append((position, [*signature[0]], [*signature[1]]))
                if position != start:  # the first group keeps the colour of the cell
                    for vertex in group:
                        colour[vertex] = position
                        dirty.update([colour[other] for other in self.predecessors[vertex]])
                        dirty.update([colour[other] for other in self.successors[vertex]])
                position += len(group)
        return trace

    def _individualised(self, partition: _Partition, start: int, vertex: int) -> tuple[Trace, _Partition]:
        """The refined partition in which a vertex has left its cell."""
        child = _Partition(partition.colour.copy(), partition.cells.copy())
        rest = [other for other in child.cells[start] if other != vertex]
        child.cells[start] = rest
        own = start + len(rest)  # behind the others, whose colour stays: only its neighbours need a look
        child.cells[own] = [vertex]
        child.colour[vertex] = own
        neighbours = self.predecessors[vertex] + self.successors[vertex]
        return self._refine(child, {child.colour[other] for other in neighbours}), child

    def _explore(self, partition: _Partition, path: tuple[int, ...]) -> int:
        """Visit the subtree below a path of individualised vertices; returns the length of path to go on from.

        The leaf looked for has the least traces, level by level, and the least certificate among those.
        """
        start = partition.target()
        if start is None:
            return self._visit_leaf(partition, path)
        level, cell = len(path), partition.cells[start]
        ahead: dict[int, tuple[Trace, _Partition]] = {}
        if level == len(self.least):
            # On new ground, all children first: unlike parts that refinement merges then stay apart for good.
            ahead = {vertex: self._individualised(partition, start, vertex) for vertex in cell}
            self.least.append(min(trace for trace, _ in ahead.values()))
        orbits = _Orbits(cell)
        known = 0
        for place, vertex in enumerate(cell):
            if place:  # the first child needs no orbits, and where it leads to a twin they are never asked for
                for automorphism in self.automorphisms[known:]:
                    if all(automorphism[fixed] == fixed for fixed in path):
                        orbits.join(automorphism)
                known = len(self.automorphisms)
                if any(orbits.find(vertex) == orbits.find(earlier) for earlier in cell[:place]):
                    continue
            trace, child = ahead.get(vertex) or self._individualised(partition, start, vertex)
            if trace > self.least[level]:
                continue
            if trace < self.least[level]:
                self.least[level:] = [trace]
                self.best = None
            resume = self._explore(child, (*path, vertex))
            if resume < level:
                return resume
        return level

    def _visit_leaf(self, partition: _Partition, path: tuple[int, ...]) -> int:
        """Keep a new leaf; a leaf seen before gives an automorphism and the length of path both share."""
        colour = partition.colour
        order = [partition.cells[position][0] for position in range(len(colour))]
        certificate = sorted([(colour[tail], colour[head]) for tail, head in self.edges])
        if self.best is None or certificate < self.best[0]:
            self.best = (certificate, order)
        twin = self.leaves.setdefault(tuple(certificate), _Leaf(colour, path))
        if twin.path == path:
            return len(path)
        self.automorphisms.append([order[place] for place in twin.colour])
        # The twin's branch is complete, and this one is its image: nothing below the fork can be new.
        return next(i for i, (mine, its) in enumerate(zip(path, twin.path, strict=False)) if mine != its)


class _Orbits:
    """The orbits of the vertices of a cell under the automorphisms joined so far."""

    def __init__(self, cell: Sequence[int]) -> None:
        self.parent = {vertex: vertex for vertex in cell}

    def find(self, vertex: int) -> int:
        while self.parent[vertex] != vertex:
            self.parent[vertex] = vertex = self.parent[self.parent[vertex]]
        return vertex

    def join(self, automorphism: Sequence[int]) -> None:
        for vertex in self.parent:
            self.parent[self.find(vertex)] = self.find(automorphism[vertex])
