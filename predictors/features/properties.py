"""The 23 graph properties of the random structural priors of recurrent networks.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3, as
the authors' tables hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from predictors.features.pool import Floats, Ints, Pool, segment_max, segment_mean, segment_sum
from predictors.features.protocol import WithoutVocabulary
from predictors.features.walks import layer_of, skeleton_distances

WHOLE = (
    "layers",
    "nodes",
    "edges",
    "source_nodes",
    "sink_nodes",
    "diameter",
    "density",
    "average_shortest_path_length",
)
SPREAD = ("eccentricity", "degree", "closeness", "nodes_betweenness", "edge_betweenness")
NAMES = (*WHOLE, *(f"{name}_{statistic}" for name in SPREAD for statistic in ("mean", "var", "std")))

CELLS = 100_000
"""Entries of the adjacency matrices that are multiplied at once: what stays in the cache."""


@dataclass(frozen=True)
class GraphProperties(WithoutVocabulary):
    """The 23 properties of the live part of a graph, in the order of the authors' tables.

    Direction counts for the layers alone: a vertex lies one layer above its highest predecessor (a source in the
    lowest), ``source_nodes`` and ``sink_nodes`` are the sizes of the first and the last layer. All else is that of the
    undirected skeleton, with variances of a sample (n - 1) and a ``density`` of edges / (n (n - 1)), half of the usual
    one. Between components, distances are left out: eccentricity, diameter and average path length are over the pairs
    that a path joins. What is undefined is 0.
    """

    name: str = "graph23"
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The 23 names."""
        return NAMES

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, 23)."""
        eccentricity, total, others = skeleton_distances(pool)
        degree = (pool.in_degree + pool.out_degree).astype(np.float64)
        rivals = np.maximum(pool.sizes - 1, 1)[pool.graph].astype(np.float64)  # the vertices beside each
        of_vertices, of_edges = betweenness(pool)
        n, m = pool.sizes.astype(np.float64), pool.n_edges.astype(np.float64)
        return np.column_stack(
            [
                *_layers(pool, n, m),
                segment_max(eccentricity, pool.graph, pool.n_graphs),
                m / np.maximum(n * (n - 1), 1),
                pool.per_graph(total) / np.maximum(pool.per_graph(others), 1),
                *_spread(eccentricity, pool.graph, pool.n_graphs),
                *_spread(degree / rivals, pool.graph, pool.n_graphs),
                # Wasserman and Faust's correction: scaled by the share of the graph that can be reached
                *_spread(others**2 / np.maximum(total, 1) / rivals, pool.graph, pool.n_graphs),
                *_spread(of_vertices, pool.graph, pool.n_graphs),
                *_spread(of_edges, pool.edge_graph, pool.n_graphs),
            ]
        )


def betweenness(pool: Pool) -> tuple[Floats, Floats]:
    """The share of the shortest paths between other vertices that pass a vertex, and between any two that use an edge.

    Direction ignored; shapes (n_vertices,) and (n_edges,). The algorithm of Brandes 2001 on blocks of graphs of like
    size, from all sources at once: path counts breadth first, then dependencies from the farthest vertices back.
    """
    of_vertices, of_edges = np.zeros(pool.n_vertices), np.zeros(len(pool.tail))
    local = np.arange(pool.n_vertices) - pool.first[pool.graph]
    place = np.zeros(pool.n_graphs, dtype=np.int64)
    first_edge = np.searchsorted(pool.edge_graph, np.arange(pool.n_graphs + 1))
    for graphs in _blocks_of_like_size(pool.sizes):
        size = int(pool.sizes[graphs].max())
        place[graphs] = np.arange(len(graphs))
        vertices = np.concatenate([np.arange(pool.first[graph], pool.first[graph + 1]) for graph in graphs])
        edges = np.concatenate([np.arange(first_edge[graph], first_edge[graph + 1]) for graph in graphs])
        which, tail, head = place[pool.edge_graph[edges]], local[pool.tail[edges]], local[pool.head[edges]]
        adjacency = np.zeros((len(graphs), size, size))
        adjacency[which, tail, head] = adjacency[which, head, tail] = 1.0
        passing, using = _dependencies(adjacency)
        of_vertices[vertices] = passing[place[pool.graph[vertices]], local[vertices]]
        of_edges[edges] = using[which, tail, head] + using[which, head, tail]
    n = pool.sizes.astype(np.float64)
    of_vertices /= np.maximum((n - 1) * (n - 2), 1)[pool.graph]
    of_edges /= np.maximum(n * (n - 1), 1)[pool.edge_graph]
    return of_vertices, of_edges


def _blocks_of_like_size(sizes: Ints) -> Iterator[Ints]:
    """The indices of the graphs that have vertices, smallest first, in blocks of at most ``CELLS`` matrix entries."""
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    while len(order):
        count = np.searchsorted((np.arange(len(order)) + 1) * sizes[order] ** 2, CELLS, side="right")
        yield order[: max(1, count)]
        order = order[max(1, count) :]


def _dependencies(adjacency: Floats) -> tuple[Floats, Floats]:
    """Of symmetric matrices (b, n, n): how all sources depend on each vertex (b, n) and each edge (b, n, n)."""
    counts = np.broadcast_to(np.eye(adjacency.shape[1]), adjacency.shape).copy()
    fronts = [counts.copy()]
    while True:
        front = fronts[-1] @ adjacency
        front[counts > 0] = 0.0
        if not front.any():
            break
        counts += front
        fronts.append(front)
    using, dependency = np.zeros_like(counts), np.zeros_like(counts)
    for nearer, farther in zip(fronts[-2::-1], fronts[:0:-1], strict=True):
        share = np.divide(1 + dependency, farther, out=np.zeros_like(counts), where=farther > 0)
        using += nearer.transpose(0, 2, 1) @ share
        dependency += nearer * (share @ adjacency)
    own = np.einsum("bii->bi", dependency)  # of a source on itself
    return dependency.sum(axis=1) - own, using * adjacency


def _layers(pool: Pool, n: Floats, m: Floats) -> tuple[Floats, ...]:
    """Layers, nodes, edges, and the sizes of the first and the last layer, shape (n_graphs,) each."""
    layer = layer_of(pool)
    layers = segment_max(layer + 1, pool.graph, pool.n_graphs)
    sources = pool.per_graph((layer == 0).astype(np.float64))
    sinks = pool.per_graph((layer == layers[pool.graph] - 1).astype(np.float64))
    return layers, n, m, sources, sinks


def _spread(values: Floats, segment: Ints, n_segments: int) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and standard deviation of a sample by segment; zeros where there are too few values."""
    count = np.bincount(segment, minlength=n_segments)
    mean = segment_mean(values, segment, n_segments)
    variance = segment_sum((values - mean[segment]) ** 2, segment, n_segments) / np.maximum(count - 1, 1)
    return mean, variance, np.sqrt(variance)
