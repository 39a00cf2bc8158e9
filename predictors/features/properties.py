"""The 23 graph properties of the random structural priors of recurrent networks.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3, as
the authors' tables hold them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.features.distances import Distances, by_blocks
from predictors.features.pool import Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, Ints, segment_max, segment_mean, segment_sum
from predictors.features.walks import layer_of

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
        degree = (pool.in_degree + pool.out_degree).astype(np.float64)
        rivals = np.maximum(pool.sizes - 1, 1)[pool.graph].astype(np.float64)  # the vertices beside each
        eccentricity, total, others, closeness, of_vertices, of_edges = by_blocks(pool, _of_skeleton)
        n, m = pool.sizes.astype(np.float64), pool.n_edges.astype(np.float64)
        return np.column_stack(
            [
                *_layers(pool, n, m),
                segment_max(eccentricity, pool.graph, pool.n_graphs),
                m / np.maximum(n * (n - 1), 1),
                pool.per_graph(total) / np.maximum(pool.per_graph(others), 1),
                *_spread(eccentricity, pool.graph, pool.n_graphs),
                *_spread(degree / rivals, pool.graph, pool.n_graphs),
                *_spread(closeness, pool.graph, pool.n_graphs),
                *_spread(of_vertices, pool.graph, pool.n_graphs),
                *_spread(of_edges, pool.edge_graph, pool.n_graphs),
            ]
        )


def _of_skeleton(pool: Pool) -> tuple[Floats, ...]:
    """Direction ignored: eccentricity, distances (sum, number), closeness, betweenness of vertices; that of edges."""
    skeleton = Distances.of(pool, directed=False)
    return skeleton.farthest, skeleton.total, skeleton.others, skeleton.closeness, *skeleton.betweenness()


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
