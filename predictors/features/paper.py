"""The 56 features of a CNN graph: layer mass, path lengths by operation, and graph properties.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks",
sec. 4.4: 2 of layer mass, 36 = 3 path lengths x 2 statistics x 6 operations, 18 = 6 properties x 3 statistics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from predictors.features.distances import Distances, by_blocks
from predictors.features.pool import OUTPUT, Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, Ints, segment_max, segment_mean_std
from predictors.features.walks import largest_sums, random_walk

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
    def of_structure(self) -> bool:
        """Operations and channels count."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """The 56 names in the order of the schema."""
        return _names("var") if self.variance else FEATURES_V1

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, 56)."""
        largest = largest_sums(pool, np.stack([np.ones(pool.n_vertices), -np.ones(pool.n_vertices)], axis=1))
        lengths = np.where(np.isfinite(largest), np.abs(largest) - 1, 0.0)  # edges, not vertices
        longest, shortest = lengths.T
        return np.hstack(
            [
                np.column_stack(_layer_mass(pool)),
                _by_operation(pool, np.column_stack([shortest, longest, random_walk(pool)])),
                self._properties(pool, longest),
            ]
        )

    def _properties(self, pool: Pool, depth: Floats) -> Floats:
        """The 18 graph features, in the order of ``PROPERTIES``."""
        of_vertices, of_edges = _graph_properties(pool, depth)
        counted = of_vertices.copy()
        counted[pool.is_label(OUTPUT), PROPERTIES.index("depth")] = -np.inf
        both = (
            self._statistics(of_vertices, counted, pool.graph, pool.n_graphs),
            self._statistics(of_edges, of_edges, pool.edge_graph, pool.n_graphs),
        )
        together = np.insert(both[0], [PROPERTIES.index("edge_betweenness")], both[1], axis=1)
        return together.reshape(pool.n_graphs, 3 * len(PROPERTIES))

    def _statistics(self, values: Floats, counted: Floats, segment: Ints, n_segments: int) -> Floats:
        """Mean, deviation and the third statistic (of ``counted``) of each column, shape (n_segments, columns, 3)."""
        mean, std = segment_mean_std(values, segment, n_segments)
        third = std**2 if self.variance else segment_max(counted, segment, n_segments)
        return np.stack([mean, std, third], axis=2)


def _graph_properties(pool: Pool, depth: Floats) -> tuple[Floats, Floats]:
    """The numbers behind the graph features: of the vertices, in the order of ``PROPERTIES``, and of the edges."""
    degree = (pool.in_degree + pool.out_degree).astype(np.float64)
    eccentricity, closeness, edge_betweenness = by_blocks(pool, _distances)
    near = np.bincount(pool.tail, weights=degree[pool.head], minlength=pool.n_vertices)
    near += np.bincount(pool.head, weights=degree[pool.tail], minlength=pool.n_vertices)
    avg_neighbor_degree = near / np.maximum(degree, 1.0)
    of_vertices = np.column_stack([depth, eccentricity, closeness, avg_neighbor_degree, degree])
    return of_vertices, edge_betweenness[:, None]


def _distances(pool: Pool) -> tuple[Floats, ...]:
    """Eccentricity and closeness of the vertices, direction ignored; directed edge betweenness."""
    skeleton = Distances.of(pool, directed=False)
    _, of_edges = Distances.of(pool, directed=True).betweenness()
    return skeleton.farthest, skeleton.closeness, of_edges


def _layer_mass(pool: Pool) -> tuple[Floats, Floats]:
    """Mean and standard deviation, over the operations, of a vertex's channels times the sum of its predecessors'."""
    channels = pool.attributes.get("channels", np.ones(pool.n_vertices))
    channels = np.where(np.isnan(channels), 1.0, channels)
    mass = channels * np.bincount(pool.head, weights=channels[pool.tail], minlength=pool.n_vertices)
    inner = ~pool.labelled
    return segment_mean_std(mass[inner], pool.graph[inner], pool.n_graphs)


def _by_operation(pool: Pool, lengths: Floats) -> Floats:
    """Mean and standard deviation of each of the path lengths (n_vertices, 3) over the vertices of each operation."""
    code = np.array([_operation(label) for label in pool.labels], dtype=np.int64)[pool.label]
    known = code >= 0
    cell = pool.graph[known] * len(OPERATIONS) + code[known]
    both = np.stack(segment_mean_std(lengths[known], cell, pool.n_graphs * len(OPERATIONS)), axis=2)
    by_path = both.reshape(pool.n_graphs, len(OPERATIONS), len(PATHS), 2).transpose(0, 2, 1, 3)
    return by_path.reshape(pool.n_graphs, 2 * len(PATHS) * len(OPERATIONS))


@lru_cache(maxsize=1024)
def _operation(label: str) -> int:
    """Which of the six operations a label stands for; -1 for none of them."""
    match = _OPERATION.match(label)
    return OPERATIONS.index(match.group(1)) if match else -1
