"""Shortest paths between all vertices of the graphs of a pool at once: distances, and who lies between whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.features.pool import Pool
from predictors.features.segments import Floats, Ints

WORD = 64
CELLS = 60_000
"""Pairs of vertices of the same graph that are dealt with at once: their numbers stay near the processor."""

UNREACHED = -2
"""Stands for the distance where there is no path; one more is no distance either."""


@dataclass(frozen=True)
class Distances:
    """The distances of all pairs of vertices of the same graph, in edges.

    Attributes
    ----------
    pool
        The graphs; a block of them, for there is a number for every pair.
    tail, head
        The edges along which one may go, shape (m,): those of the pool, and then, where direction is ignored, the same
        the other way.
    matrix
        Row v, column i: from the i-th vertex of the graph of v to v; ``UNREACHED`` where no path leads. As narrow
        integers as will do.
    """

    pool: Pool
    tail: Ints
    head: Ints
    matrix: NDArray[Any]

    @classmethod
    def of(cls, pool: Pool, directed: bool) -> Distances:
        """Breadth first from all vertices at once.

        Which vertices have reached a vertex is a column of bits; a step joins its own and those of its predecessors.
        The number of the step, in binary digits, is kept for whatever is new.
        """
        n, size = pool.n_vertices, int(pool.sizes.max(initial=0))
        tail, head = pool.tail, pool.head
        if not directed:
            tail, head = np.concatenate([tail, head]), np.concatenate([head, tail])
        near = np.concatenate([tail, np.arange(n)])[np.argsort(np.concatenate([head, np.arange(n)]), kind="stable")]
        degree = np.bincount(head, minlength=n) + 1
        begin = np.cumsum(degree) - degree
        local = np.arange(n) - pool.first[pool.graph]
        reach = np.zeros((-(-size // WORD), n), dtype="<u8")
        reach[local // WORD, np.arange(n)] = np.uint64(1) << (local % WORD).astype(np.uint64)
        digits: list[NDArray[np.uint64]] = []
        for step in range(1, size):
            joined = np.bitwise_or.reduceat(reach.take(near, axis=1), begin, axis=1)
            fresh = joined ^ reach
            if not fresh.any():
                break
            reach = joined
            if step >> len(digits):
                digits.append(np.zeros_like(reach))
            for place, digit in enumerate(digits):
                if step >> place & 1:
                    digit |= fresh
        dtype = np.min_scalar_type(-size - 1)
        matrix = (_unpacked(reach, size).astype(dtype) - 1) * -UNREACHED
        for place, digit in enumerate(digits):
            matrix += _unpacked(digit, size).astype(dtype) << place
        return cls(pool, tail, head, matrix)

    @cached_property
    def others(self) -> Floats:
        """How many other vertices a vertex is reached from, shape (n_vertices,)."""
        return np.asarray(np.count_nonzero(self.matrix > 0, axis=1), dtype=np.float64)

    @cached_property
    def total(self) -> Floats:
        """The sum of the distances of those, shape (n_vertices,)."""
        return np.asarray(np.maximum(self.matrix, 0).sum(axis=1), dtype=np.float64)

    @property
    def farthest(self) -> Floats:
        """The largest distance of those, shape (n_vertices,)."""
        return np.asarray(self.matrix.max(axis=1, initial=0), dtype=np.float64)

    @property
    def closeness(self) -> Floats:
        """Closeness centrality of the vertices, shape (n_vertices,): the inverse of the mean distance of the others.

        Scaled by the share of the graph that is reached (Wasserman, Faust 1994), as networkx does.
        """
        most = np.maximum(self.pool.sizes - 1, 1)[self.pool.graph]
        return np.asarray(self.others**2 / np.maximum(self.total, 1.0) / most)

    def betweenness(self) -> tuple[Floats, Floats]:
        """The share of the shortest paths between others that pass a vertex, and between any two that use an edge.

        Shapes (n_vertices,) and (n_edges,): of each edge of the pool, both ways together where direction is ignored.
        As Brandes 2001, from all sources at once. With c the number of shortest paths from a source to a vertex, and
        r the sum over all targets behind it of (paths on from the vertex) / (paths from the source to the target),
        an edge from u to v is on c(u) r(v) paths; c is a sum over predecessors, and r one over successors.
        """
        edge, starts, ends, distances = self._arcs()
        c = (self.matrix.ravel() == 0).astype(np.float64)
        for arcs in distances:
            np.add.at(c, ends[arcs], c[starts[arcs]])
        r = 1 / np.maximum(c, 1)
        for arcs in reversed(distances):
            np.add.at(r, starts[arcs], r[ends[arcs]])
        used = c[starts] * r[ends]
        leaving = distances[0].stop if distances else 0  # up to here the arcs leave their sources themselves
        from_source, farther = (
            np.bincount(edge[arcs], weights=used[arcs], minlength=len(self.tail))
            for arcs in (slice(leaving), slice(leaving, None))
        )
        pool, n, m = self.pool, self.pool.sizes.astype(np.float64), len(self.pool.tail)
        of_vertices = np.bincount(self.tail, weights=farther, minlength=pool.n_vertices)
        one_way = from_source + farther
        of_edges = one_way if len(one_way) == m else one_way[:m] + one_way[m:]
        return (
            of_vertices / np.maximum((n - 1) * (n - 2), 1)[pool.graph],
            of_edges / np.maximum(n * (n - 1), 1)[pool.edge_graph],
        )

    def _arcs(self) -> tuple[Ints, Ints, Ints, list[slice]]:
        """Of all arcs, nearest first: the edge, the cells of the matrix where it starts and ends; and each distance's.

        An arc is an edge on a shortest path from a source, once for each source.
        """
        at_head = self.matrix[self.head]
        cells = np.flatnonzero(self.matrix[self.tail] + self.matrix.dtype.type(1) == at_head)
        distance = at_head.ravel()[cells]
        order = np.argsort(distance, kind="stable")
        cells, distance = cells[order], distance[order]
        width = self.matrix.shape[1]
        edge = cells // max(1, width)
        rows = np.arange(len(self.tail))
        starts, ends = (cells + ((vertex - rows) * width)[edge] for vertex in (self.tail, self.head))
        last = distance[-1] if len(distance) else 0
        bounds = np.searchsorted(distance, np.arange(1, last + 2).astype(distance.dtype)).tolist()
        return edge, starts, ends, [slice(low, high) for low, high in pairwise(bounds)]


def by_blocks(pool: Pool, measure: Callable[[Pool], tuple[Floats, ...]]) -> tuple[Floats, ...]:
    """What is measured on each block of a pool, one block after another."""
    return tuple(map(np.concatenate, zip(*map(measure, blocks(pool)), strict=True)))


def blocks(pool: Pool) -> Iterator[Pool]:
    """The pool in blocks, each small enough to hold a number for every pair of vertices of its graphs."""
    low = 0
    while low < max(1, pool.n_graphs):
        high, largest, vertices = low, 0, 0
        while high < pool.n_graphs:
            largest, vertices = max(largest, int(pool.sizes[high])), vertices + int(pool.sizes[high])
            if high > low and largest * vertices > CELLS:
                break
            high += 1
        yield pool if high - low == pool.n_graphs else pool.block(low, high)
        low = max(high, low + 1)


def _unpacked(bits: NDArray[np.uint64], size: int) -> NDArray[np.uint8]:
    """One number a bit: from (words, n) to (n, size)."""
    return np.unpackbits(np.ascontiguousarray(bits.T).view(np.uint8), axis=1, bitorder="little")[:, :size]
