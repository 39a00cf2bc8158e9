"""Many graphs as a few arrays: their live parts side by side, and the levels by which all of them are swept at once.

Whatever a feature set computes, it computes for the whole pool: a graph costs microseconds, while one numpy call for
each of its vertices would cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from predictors.features.segments import Floats, Ints, runs, segment_sum
from search_spaces import LabelledGraph

INPUT, OUTPUT = "input", "output"

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Level:
    """One step of a sweep: the vertices whose neighbours have all been visited before them.

    Attributes
    ----------
    vertices
        The vertices of the step that have neighbours behind them, shape (k,).
    neighbours
        Those neighbours, one vertex after another, shape (m,) with m >= k.
    starts
        Where the neighbours of each vertex begin, shape (k,).
    """

    vertices: Ints
    neighbours: Ints
    starts: Ints


@dataclass(frozen=True)
class Pool:
    """The live parts of many graphs: vertices and edges one graph after another.

    Vertices labelled ``input`` are the inputs and vertices labelled ``output`` the outputs, and stay whether a path
    uses them or not; where a graph lacks a label, all its sources (sinks) take the place. An undirected graph is read
    as the DAG whose edges point from the lower index to the higher (Stier, Darji, Granitzer 2021, sec. 4.3), without
    its self-loops. Vertices and edges that no path from an input to an output uses are left out; a path passes no
    input or output between its ends.

    Attributes
    ----------
    n_graphs
        The number of graphs.
    labels, label
        The labels that occur, sorted, and the index of its label for each vertex, shape (n_vertices,).
    graph
        Which graph a vertex belongs to, shape (n_vertices,), ascending.
    tail, head
        The ends of each edge as indices of vertices of the pool, shape (n_edges,); edges of a graph stand together.
    rank
        A number for each vertex that grows along every edge, shape (n_vertices,).
    starting, ending
        Whether a vertex is an input, an output, shape (n_vertices,).
    attributes
        The numbers of the vertices by name, shape (n_vertices,); nan in graphs without them.
    info
        The numbers of the graphs by name, shape (n_graphs,); nan in graphs without them.
    """

    n_graphs: int
    labels: tuple[str, ...]
    label: Ints
    graph: Ints
    tail: Ints
    head: Ints
    rank: Ints
    starting: Bools
    ending: Bools
    attributes: Mapping[str, Floats]
    info: Mapping[str, Floats]

    @classmethod
    def of(cls, graphs: Sequence[LabelledGraph]) -> Pool:
        """The pool of the live parts of some graphs."""
        whole = _whole(graphs)
        if not whole.labelled.any():
            return whole  # from a source to a sink there is a path over every vertex and edge
        reached = whole.reached(whole.forward, whole.starting)
        reaching = whole.reached(whole.backward, whole.ending)
        return whole._kept((reached & reaching) | whole.labelled, reached[whole.tail] & reaching[whole.head])

    @property
    def n_vertices(self) -> int:
        """The number of vertices of all graphs."""
        return len(self.graph)

    @cached_property
    def labelled(self) -> Bools:
        """Whether a vertex has the label ``input`` or ``output``, shape (n_vertices,)."""
        return self.is_label(INPUT, OUTPUT)

    def is_label(self, *labels: str) -> Bools:
        """Whether a vertex has one of the labels, shape (n_vertices,)."""
        return np.array([label in labels for label in self.labels], dtype=bool)[self.label]

    @cached_property
    def first(self) -> Ints:
        """Where the vertices of each graph begin, shape (n_graphs + 1,)."""
        return np.searchsorted(self.graph, np.arange(self.n_graphs + 1))

    @cached_property
    def sizes(self) -> Ints:
        """The number of vertices of each graph, shape (n_graphs,)."""
        return np.diff(self.first)

    @cached_property
    def n_edges(self) -> Ints:
        """The number of edges of each graph, shape (n_graphs,)."""
        return np.bincount(self.edge_graph, minlength=self.n_graphs)

    @cached_property
    def edge_graph(self) -> Ints:
        """Which graph an edge belongs to, shape (n_edges,)."""
        return self.graph[self.tail]

    @cached_property
    def in_degree(self) -> Ints:
        """The number of edges into each vertex."""
        return np.bincount(self.head, minlength=self.n_vertices)

    @cached_property
    def out_degree(self) -> Ints:
        """The number of edges out of each vertex."""
        return np.bincount(self.tail, minlength=self.n_vertices)

    @cached_property
    def forward(self) -> tuple[Level, ...]:
        """Steps in which every vertex comes after its predecessors."""
        return _levels(self.rank, self.head, self.tail)

    @cached_property
    def backward(self) -> tuple[Level, ...]:
        """Steps in which every vertex comes after its successors."""
        return _levels(-self.rank, self.tail, self.head)

    def reached(self, levels: Sequence[Level], start: Bools) -> Bools:
        """The vertices to which a sweep leads from the vertices ``start``, themselves included."""
        seen = start.copy()
        for level in levels:
            seen[level.vertices] |= np.logical_or.reduceat(seen[level.neighbours], level.starts)
        return seen

    def block(self, low: int, high: int) -> Pool:
        """The graphs from ``low`` to below ``high``."""
        begin, end = self.first[low], self.first[high]
        edges = slice(*np.searchsorted(self.edge_graph, [low, high]))
        return Pool(
            n_graphs=high - low,
            labels=self.labels,
            label=self.label[begin:end],
            graph=self.graph[begin:end] - low,
            tail=self.tail[edges] - begin,
            head=self.head[edges] - begin,
            rank=self.rank[begin:end],
            starting=self.starting[begin:end],
            ending=self.ending[begin:end],
            attributes={name: row[begin:end] for name, row in self.attributes.items()},
            info={name: row[low:high] for name, row in self.info.items()},
        )

    def per_graph(self, values: Floats) -> Floats:
        """The sum of numbers of the vertices over each graph, shape (n_graphs, ...)."""
        return segment_sum(values, self.graph, self.n_graphs)

    def _kept(self, vertices: Bools, edges: Bools) -> Pool:
        """The pool of some of the vertices and edges."""
        if vertices.all() and edges.all():
            return self
        place = np.cumsum(vertices) - 1
        return Pool(
            n_graphs=self.n_graphs,
            labels=self.labels,
            label=self.label[vertices],
            graph=self.graph[vertices],
            tail=place[self.tail[edges]],
            head=place[self.head[edges]],
            rank=self.rank[vertices],
            starting=self.starting[vertices],
            ending=self.ending[vertices],
            attributes={name: row[vertices] for name, row in self.attributes.items()},
            info=self.info,
        )


def _levels(rank: Ints, vertex: Ints, neighbour: Ints) -> tuple[Level, ...]:
    """The steps of a sweep by rising rank, over edges that lead from ``neighbour`` to ``vertex``."""
    order = np.lexsort((vertex, rank[vertex]))
    vertex, neighbour = vertex[order], neighbour[order]
    begins = runs(vertex)
    bounds = [*runs(rank[vertex[begins]]).tolist(), len(begins)]
    ends = [*begins.tolist(), len(vertex)]
    return tuple(
        Level(vertex[begins[low:high]], neighbour[ends[low] : ends[high]], begins[low:high] - ends[low])
        for low, high in pairwise(bounds)
    )


def _whole(graphs: Sequence[LabelledGraph]) -> Pool:
    """The pool of the graphs as they are, dead parts included; undirected ones pointing upwards, without loops."""
    sizes = np.fromiter(map(len, graphs), dtype=np.int64, count=len(graphs))
    first = np.cumsum(sizes) - sizes
    graph = np.repeat(np.arange(len(graphs)), sizes)
    labels = tuple(sorted(set().union(*(value.ops for value in graphs))))
    code = {label: index for index, label in enumerate(labels)}
    n = len(graph)
    label = np.fromiter(map(code.__getitem__, chain.from_iterable(g.ops for g in graphs)), dtype=np.int64, count=n)
    counts = np.fromiter((len(value.edges) for value in graphs), dtype=np.int64, count=len(graphs))
    ends = chain.from_iterable(chain.from_iterable(value.edges for value in graphs))
    edges = np.fromiter(ends, dtype=np.int64, count=2 * int(counts.sum())).reshape(-1, 2)
    edges = (edges + np.repeat(first, counts)[:, None])[edges[:, 0] != edges[:, 1]]
    starting = _ends(label, code.get(INPUT, -1), graph, edges[:, 1], len(graphs))
    ending = _ends(label, code.get(OUTPUT, -1), graph, edges[:, 0], len(graphs))
    tail, head = edges[~ending[edges[:, 0]] & ~starting[edges[:, 1]]].T
    names = sorted({name for value in graphs for name in value.attributes})
    infos = sorted({name for value in graphs for name in value.info})
    return Pool(
        n_graphs=len(graphs),
        labels=labels,
        label=label,
        graph=graph,
        tail=tail,
        head=head,
        rank=_rank(n, tail, head),
        starting=starting,
        ending=ending,
        attributes={name: _attribute(graphs, name, n) for name in names},
        info={name: np.array([value.info.get(name, np.nan) for value in graphs], dtype=np.float64) for name in infos},
    )


def _rank(n: int, tail: Ints, head: Ints) -> Ints:
    """The number of edges on the longest walk that ends at each vertex, by the algorithm of Kahn 1962.

    In Python: many small graphs side by side hold no more edges than arrays need steps.
    """
    order = np.argsort(tail, kind="stable")
    heads, begin = head[order].tolist(), np.searchsorted(tail[order], np.arange(n + 1)).tolist()
    waiting = np.bincount(head, minlength=n).tolist()
    rank = [0] * n
    front = [vertex for vertex in range(n) if not waiting[vertex]]
    for vertex in front:  # the list grows while it is walked, and its ranks rise
        for after in heads[begin[vertex] : begin[vertex + 1]]:
            waiting[after] -= 1
            if not waiting[after]:
                rank[after] = rank[vertex] + 1
                front.append(after)
    return np.array(rank, dtype=np.int64)


def _ends(label: Ints, code: int, graph: Ints, edge_end: Ints, n_graphs: int) -> Bools:
    """The vertices of a label; in graphs that have none of it, those at which no edge ends (``edge_end``)."""
    labelled = label == code
    lacking = np.ones(n_graphs, dtype=bool)
    lacking[graph[labelled]] = False
    bare = np.ones(len(label), dtype=bool)
    bare[edge_end] = False
    return np.asarray(labelled | (bare & lacking[graph]))


def _attribute(graphs: Sequence[LabelledGraph], name: str, n: int) -> Floats:
    rows = (value.attributes[name] if name in value.attributes else (np.nan,) * len(value) for value in graphs)
    return np.fromiter(chain.from_iterable(rows), dtype=np.float64, count=n)
