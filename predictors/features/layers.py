"""Features of the layers of a DAG: what tells graphs without ops apart, such as those behind recurrent networks.

A vertex lies one layer above its highest predecessor; data enter at the first layer and leave at the last (Stier,
Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3). A vertex
from which nothing leads to the last layer is useless there, however central it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.features.distances import Distances, by_blocks
from predictors.features.pool import Bools, Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, Ints, segment_max, segment_mean, segment_mean_std
from predictors.features.walks import layer_of, path_counts

NAMES = (
    *("layers", "nodes", "first_width", "second_width", "last_but_one_width", "last_width"),
    *("narrowest_width", "widest_width", "mean_width", "last_share", "width_entropy", "recurrent_weights"),
    *("useful_nodes", "useful_share", "useful_first", "useful_recurrent_weights", "useful_edges", "useful_edge_share"),
    *("skipping_edges", "mean_span", "distance", "first_distance", "nearest_first", "paths_to_last", "last_in_degree"),
    *("closeness_mean", "closeness_std"),
)


@dataclass(frozen=True)
class LayerFeatures(WithoutVocabulary):
    """Features of the layers of the live part of a graph.

    - ``layers``, ``nodes``, and the numbers of vertices in layers, ``*_width`` (0 where there is no such layer);
      ``last_share`` of all vertices; ``width_entropy``: of the shares of the layers, in nats;
    - ``recurrent_weights``: the sum of the squared widths, what a recurrent layer that is dense in itself has;
    - ``useful_*``: the same of the vertices from which a path leads to the last layer, and the edges between them;
    - ``skipping_edges``: share of the edges that skip a layer; ``mean_span``: layers from end to end of an edge;
    - ``distance``, ``first_distance``, ``nearest_first``: edges on the shortest path to the last layer, the mean over
      the useful vertices, and mean and minimum over those of the first layer;
    - ``paths_to_last`` from the first layer; ``last_in_degree``: the mean there;
    - ``closeness_mean``, ``closeness_std`` (of the population) of the vertices, direction ignored.

    Numbers of vertices, edges, weights and paths, not their shares, are log(1 + number). What is undefined is 0.
    """

    name: str = "layers"
    version: int = 2

    @property
    def names(self) -> tuple[str, ...]:
        """The names."""
        return NAMES

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, len(names))."""
        layer = layer_of(pool)
        layers = segment_max(layer + 1, pool.graph, pool.n_graphs)
        last = layer == layers[pool.graph] - 1
        useful = pool.reached(pool.backward, last)
        first = useful & (layer == 0)
        kept = useful[pool.tail] & useful[pool.head]
        span = layer[pool.head] - layer[pool.tail]
        distance = _distances_to(pool, last)
        widths = _Widths.of(pool, layer, layers, np.ones(pool.n_vertices, dtype=bool))
        useful_widths = _Widths.of(pool, layer, layers, useful)
        (closeness,) = by_blocks(pool, lambda block: (Distances.of(block, directed=False).closeness,))
        n, m = pool.sizes.astype(np.float64), pool.n_edges.astype(np.float64)
        n_useful, m_useful = pool.per_graph(useful.astype(np.float64)), _count(pool.edge_graph[kept], pool.n_graphs)
        return np.column_stack(
            [
                *(layers, np.log1p(n), np.log1p(widths.at(0)), np.log1p(widths.at(1)), np.log1p(widths.at(layers - 2))),
                *(np.log1p(widths.at(layers - 1)), np.log1p(widths.narrowest), np.log1p(widths.widest)),
                *(np.log1p(n / np.maximum(layers, 1)), widths.at(layers - 1) / np.maximum(n, 1)),
                *(widths.entropy, np.log1p(widths.squares)),
                *(np.log1p(n_useful), n_useful / np.maximum(n, 1), np.log1p(useful_widths.at(0))),
                *(np.log1p(useful_widths.squares), np.log1p(m_useful), m_useful / np.maximum(m, 1)),
                segment_mean((span > 1).astype(np.float64), pool.edge_graph, pool.n_graphs),
                segment_mean(span, pool.edge_graph, pool.n_graphs),
                segment_mean(distance[useful], pool.graph[useful], pool.n_graphs),
                segment_mean(distance[first], pool.graph[first], pool.n_graphs),
                -segment_max(-distance[first], pool.graph[first], pool.n_graphs),
                np.log1p(pool.per_graph(np.where(last, path_counts(pool), 0.0))),
                segment_mean(pool.in_degree[last].astype(np.float64), pool.graph[last], pool.n_graphs),
                *segment_mean_std(closeness, pool.graph, pool.n_graphs),
            ]
        )


@dataclass(frozen=True)
class _Widths:
    """Numbers of vertices by layer, shape (n_graphs, most layers of any), and what they come to, shape (n_graphs,)."""

    by_layer: Floats
    layers: Floats

    @classmethod
    def of(cls, pool: Pool, layer: Floats, layers: Floats, counted: Bools) -> _Widths:
        most = int(layers.max(initial=1))
        cell = pool.graph[counted] * most + layer[counted].astype(np.int64)
        return cls(_count(cell, pool.n_graphs * most).reshape(pool.n_graphs, most), layers)

    def at(self, layer: Floats | int) -> Floats:
        """The width of one layer of each graph, 0 where it has no such layer."""
        place = np.broadcast_to(np.asarray(layer, dtype=np.int64), self.layers.shape)
        there = (place >= 0) & (place < self.layers)
        return np.where(there, self.by_layer[np.arange(len(place)), np.where(there, place, 0)], 0.0)

    @property
    def widest(self) -> Floats:
        return np.asarray(self.by_layer.max(axis=1, initial=0.0))

    @property
    def narrowest(self) -> Floats:
        there = np.arange(self.by_layer.shape[1]) < self.layers[:, None]
        least = np.where(there, self.by_layer, np.inf).min(axis=1, initial=np.inf)
        return np.where(np.isfinite(least), least, 0.0)

    @property
    def squares(self) -> Floats:
        return np.asarray((self.by_layer**2).sum(axis=1))

    @property
    def entropy(self) -> Floats:
        share = self.by_layer / np.maximum(self.by_layer.sum(axis=1, keepdims=True), 1)
        return np.asarray((share * np.log(1 / np.where(share > 0, share, 1.0))).sum(axis=1))


def _distances_to(pool: Pool, ends: Bools) -> Floats:
    """Edges on the shortest path from each vertex to one of ``ends``, shape (n_vertices,); inf where there is none."""
    distance = np.where(ends, 0.0, np.inf)
    for level in pool.backward:
        nearest = np.minimum.reduceat(distance[level.neighbours], level.starts)
        distance[level.vertices] = np.minimum(distance[level.vertices], nearest + 1)
    return distance


def _count(where: Ints, n: int) -> Floats:
    return np.bincount(where, minlength=n).astype(np.float64)
