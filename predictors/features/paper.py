"""The 56 features of a CNN graph: layer mass, path lengths by operation, and graph properties.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks",
sec. 4.4: 2 of layer mass, 36 = 3 path lengths x 2 statistics x 6 operations, 18 = 6 properties x 3 statistics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from predictors.features.pool import OUTPUT, Floats, Pool, segment_max, segment_mean_std
from predictors.features.protocol import WithoutVocabulary
from predictors.features.walks import edge_betweenness, largest_sums, random_walk, skeleton_distances

OPERATIONS = ("conv", "max_pool", "avg_pool", "sum", "concat", "skip")
PATHS = ("shortest", "longest", "random_walk")
PROPERTIES = ("depth", "edge_betweenness", "eccentricity", "closeness", "avg_neighbor_degree", "degree")

_OPERATION = re.compile(r"(?:nor_)?(conv|max_pool|avg_pool|sum|concat|skip)(?![a-z])")


def _names(third: str) -> tuple[str, ...]:
    return (
        "layer_mass_mean",
        "layer_mass_std",
        *(f"{path}_path_{op}_{stat}" for path in PATHS for op in OPERATIONS for stat in ("mean", "std")),
        *(f"{prop}_{stat}" for prop in PROPERTIES for stat in ("mean", "std", third)),
    )


#: The order is part of the schema.
FEATURES_V1 = _names("max")


@dataclass(frozen=True)
class Cnn56(WithoutVocabulary):
    """The 56 features of ``FEATURES_V1``, computed on the live part of each graph.

    Standard deviations are those of the population. Layer mass and paths are taken over the vertices that are
    neither ``input`` nor ``output``, graph properties over all vertices (betweenness over the edges), but for
    ``depth_max``, which leaves the output out and is thus the depth of the genotype. Betweenness is directed;
    eccentricity, closeness and average neighbour degree are those of the undirected skeleton, a vertex seeing
    its own component alone. The third statistic is the maximum, which the paper leaves open: the variance adds
    nothing to the standard deviation.

    An operation counts as one of the six by the start of its label (``conv5x5``, ``nor_conv_1x1`` and
    ``conv1x1`` are convolutions, ``skip_connect`` a skip); other vertices count for the graph properties only.
    Where an operation is absent its path statistics are 0; real lengths are at least 1, unless a source that
    is no ``input`` carries the operation. Channels are the attribute ``channels``, or 1 everywhere. A graph
    without a live path, or without edges, has zeros for whatever is left undefined.

    Parameters
    ----------
    variance
        Variances in place of the maxima, as the code of Darji 2021 (master thesis) records them.
    """

    variance: bool = False
    version: int = 1

    @property
    def name(self) -> str:
        """``cnn56``, or ``cnn56-thesis``."""
        return "cnn56-thesis" if self.variance else "cnn56"

    @property
    def names(self) -> tuple[str, ...]:
        """The 56 names in the order of the schema."""
        return _names("var") if self.variance else FEATURES_V1

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, 56)."""
        largest = largest_sums(pool, np.stack([np.ones(pool.n_vertices), -np.ones(pool.n_vertices)], axis=1))
        lengths = np.where(np.isfinite(largest), np.abs(largest) - 1, 0.0)  # edges, not vertices
        longest, shortest = lengths.T
        return np.column_stack(
            [
                *_layer_mass(pool),
                *_by_operation(pool, np.stack([shortest, longest, random_walk(pool)])),
                *self._properties(pool, longest),
            ]
        )

    def _properties(self, pool: Pool, depth: Floats) -> list[Floats]:
        """The 18 graph features, in the order of ``PROPERTIES``."""
        columns = []
        for name, values in _graph_properties(pool, depth).items():
            segment = pool.edge_graph if name == "edge_betweenness" else pool.graph
            mean, std = segment_mean_std(values, segment, pool.n_graphs)
            if self.variance:
                third = std**2
            else:
                counted = ~pool.is_label(OUTPUT) if name == "depth" else slice(None)
                third = segment_max(values[counted], segment[counted], pool.n_graphs)
            columns += [mean, std, third]
        return columns


def _graph_properties(pool: Pool, depth: Floats) -> dict[str, Floats]:
    """The numbers of the vertices (betweenness: of the edges) behind the graph features."""
    degree = (pool.in_degree + pool.out_degree).astype(np.float64)
    eccentricity, total, others = skeleton_distances(pool)
    near = np.bincount(pool.tail, weights=degree[pool.head], minlength=pool.n_vertices)
    near += np.bincount(pool.head, weights=degree[pool.tail], minlength=pool.n_vertices)
    return {
        "depth": depth,
        "edge_betweenness": edge_betweenness(pool),
        "eccentricity": eccentricity,
        # Wasserman and Faust's correction: scaled by the share of the graph that can be reached.
        "closeness": others**2 / np.maximum(total, 1.0) / np.maximum(pool.sizes - 1, 1)[pool.graph],
        "avg_neighbor_degree": near / np.maximum(degree, 1.0),
        "degree": degree,
    }


def _layer_mass(pool: Pool) -> tuple[Floats, Floats]:
    """Mean and standard deviation, over the operations, of a vertex's channels times the sum of its predecessors'."""
    channels = pool.attributes.get("channels", np.ones(pool.n_vertices))
    channels = np.where(np.isnan(channels), 1.0, channels)
    mass = channels * np.bincount(pool.head, weights=channels[pool.tail], minlength=pool.n_vertices)
    inner = ~pool.labelled
    return segment_mean_std(mass[inner], pool.graph[inner], pool.n_graphs)


def _by_operation(pool: Pool, lengths: Floats) -> list[Floats]:
    """Mean and standard deviation of each of the path lengths (3, n_vertices) over the vertices of each operation."""
    code = np.array([_operation(label) for label in pool.labels], dtype=np.int64)[pool.label]
    known = code >= 0
    cell = pool.graph[known] * len(OPERATIONS) + code[known]
    columns: list[Floats] = []
    for values in lengths:
        both = segment_mean_std(values[known], cell, pool.n_graphs * len(OPERATIONS))
        mean, std = (statistic.reshape(pool.n_graphs, len(OPERATIONS)) for statistic in both)
        columns += [column for place in range(len(OPERATIONS)) for column in (mean[:, place], std[:, place])]
    return columns


@lru_cache(maxsize=1024)
def _operation(label: str) -> int:
    """Which of the six operations a label stands for; -1 for none of them."""
    match = _OPERATION.match(label)
    return OPERATIONS.index(match.group(1)) if match else -1
