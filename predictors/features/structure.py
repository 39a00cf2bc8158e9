"""What every feature set reads of a graph: its live part, its ends, and an order to walk it in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search_spaces import LabelledGraph

INPUT, OUTPUT = "input", "output"

Floats = NDArray[np.float64]


def live_part(graph: LabelledGraph) -> LabelledGraph:
    """The graph without the vertices and edges that no path from an input to an output uses.

    Vertices labelled ``input`` are the inputs and vertices labelled ``output`` the outputs, and stay whether a
    path uses them or not; where a label is absent, all sources (sinks) take its place. An undirected graph is
    read as the DAG whose edges point from the lower index to the higher (Stier, Darji, Granitzer 2021,
    sec. 4.3), without its self-loops. A graph whose ends no path joins keeps its labelled ends alone.
    """
    edges = [edge for edge in graph.edges if edge[0] != edge[1]]
    n = len(graph)
    inputs, outputs = _ends(graph.ops, edges)
    reached = _closure(n, edges, inputs)
    reaching = _closure(n, [(head, tail) for tail, head in edges], outputs)
    alive = [
        vertex
        for vertex in range(n)
        if (vertex in reached and vertex in reaching) or graph.ops[vertex] in (INPUT, OUTPUT)
    ]
    kept = [(tail, head) for tail, head in edges if tail in reached and head in reaching]
    if graph.directed and len(alive) == n and len(kept) == len(graph.edges):
        return graph
    index = {vertex: position for position, vertex in enumerate(alive)}
    return LabelledGraph(
        ops=tuple(graph.ops[vertex] for vertex in alive),
        edges=tuple((index[tail], index[head]) for tail, head in kept),
        attributes={name: tuple(row[vertex] for vertex in alive) for name, row in graph.attributes.items()},
        info=graph.info,
    )


def _ends(ops: tuple[str, ...], edges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    inputs = [vertex for vertex, op in enumerate(ops) if op == INPUT]
    outputs = [vertex for vertex, op in enumerate(ops) if op == OUTPUT]
    if not inputs:
        heads = {head for _, head in edges}
        inputs = [vertex for vertex in range(len(ops)) if vertex not in heads]
    if not outputs:
        tails = {tail for tail, _ in edges}
        outputs = [vertex for vertex in range(len(ops)) if vertex not in tails]
    return inputs, outputs


def _closure(n: int, edges: list[tuple[int, int]], start: list[int]) -> set[int]:
    """The vertices that edges lead to from ``start``, itself included."""
    successors: list[list[int]] = [[] for _ in range(n)]
    for tail, head in edges:
        successors[tail].append(head)
    seen, waiting = set(start), list(start)
    while waiting:
        fresh = [head for head in successors[waiting.pop()] if head not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return seen


@dataclass(frozen=True)
class Structure:
    """The live part of a graph, with what feature sets look up in it again and again."""

    graph: LabelledGraph

    @classmethod
    def of(cls, graph: LabelledGraph) -> Structure:
        """The structure of the live part of a graph."""
        return cls(live_part(graph))

    @cached_property
    def ends(self) -> tuple[list[int], list[int]]:
        """The inputs and the outputs."""
        return _ends(self.graph.ops, list(self.graph.edges))

    @cached_property
    def operations(self) -> list[int]:
        """The vertices that are neither ``input`` nor ``output``."""
        return [vertex for vertex, op in enumerate(self.graph.ops) if op not in (INPUT, OUTPUT)]

    @cached_property
    def predecessors(self) -> list[list[int]]:
        """The tails of the edges into each vertex."""
        rows: list[list[int]] = [[] for _ in self.graph.ops]
        for tail, head in self.graph.edges:
            rows[head].append(tail)
        return rows

    @cached_property
    def successors(self) -> list[list[int]]:
        """The heads of the edges out of each vertex."""
        rows: list[list[int]] = [[] for _ in self.graph.ops]
        for tail, head in self.graph.edges:
            rows[tail].append(head)
        return rows

    @cached_property
    def order(self) -> list[int]:
        """The vertices in a topological order."""
        waiting = [len(row) for row in self.predecessors]
        order = [vertex for vertex, count in enumerate(waiting) if not count]
        for vertex in order:  # the list grows while it is walked
            for head in self.successors[vertex]:
                waiting[head] -= 1
                if not waiting[head]:
                    order.append(head)
        return order

    @cached_property
    def adjacency(self) -> Floats:
        """The 0/1 matrix of shape (n, n) with a one at (tail, head)."""
        matrix = np.zeros((len(self.graph), len(self.graph)))
        for tail, head in self.graph.edges:
            matrix[tail, head] = 1.0
        return matrix
