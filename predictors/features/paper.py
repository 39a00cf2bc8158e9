"""The 56 features of a CNN graph: layer mass, path lengths by operation, and graph properties.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks",
sec. 4.4: 2 of layer mass, 36 = 3 path lengths x 2 statistics x 6 operations, 18 = 6 properties x 3 statistics.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from predictors.features.protocol import Vocabulary
from predictors.features.structure import OUTPUT, Floats, Structure
from search_spaces import LabelledGraph

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
class Cnn56:
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

    def fit(self, graphs: Sequence[LabelledGraph]) -> Cnn56:
        """The set itself: its vocabulary is fixed."""
        return self

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows, shape (len(graphs), 56)."""
        rows = [self._row(Structure.of(graph)) for graph in graphs]
        return np.array(rows, dtype=np.float64).reshape(len(graphs), len(self.names))

    def vocabulary(self) -> Vocabulary:
        """Nothing is learned."""
        return {}

    def with_vocabulary(self, vocabulary: Vocabulary) -> Cnn56:
        """The set itself."""
        return self

    def _row(self, structure: Structure) -> list[float]:
        lengths = path_lengths(structure)
        row = _mean_std(_layer_masses(structure))
        groups = _vertices_by_operation(structure)
        for path in PATHS:
            for op in OPERATIONS:
                row += _mean_std(lengths[path][groups[op]])
        for name, values in _properties(structure, lengths["longest"]).items():
            row += _mean_std(values)
            if self.variance:
                row.append(row[-1] ** 2)
            else:
                if name == "depth":
                    values = values[[op != OUTPUT for op in structure.graph.ops]]
                row.append(float(values.max()) if values.size else 0.0)
        return row


def path_lengths(structure: Structure) -> dict[str, Floats]:
    """The number of edges from the inputs to every vertex on the shortest and longest path and a random walk.

    The walk leaves a vertex by each edge with equal odds; its entry is the expected number of steps on arrival,
    given that it arrives: with p the probability of a visit and a the expectation of steps and visit together,
    each is a sum over the predecessors. A DAG is left behind after one visit, so this is exact. Several inputs
    are equally likely starts. Three arrays of shape (n,).
    """
    n = len(structure.graph)
    inputs, _ = structure.ends
    shortest, longest, visits, steps = [0.0] * n, [0.0] * n, [0.0] * n, [0.0] * n
    for vertex in inputs:
        visits[vertex] = 1 / len(inputs)
    for vertex in structure.order:
        tails = structure.predecessors[vertex]
        if tails and visits[vertex] == 0.0:
            shortest[vertex] = 1 + min(shortest[tail] for tail in tails)
            longest[vertex] = 1 + max(longest[tail] for tail in tails)
            shares = [(tail, 1 / len(structure.successors[tail])) for tail in tails]
            visits[vertex] = sum(visits[tail] * share for tail, share in shares)
            steps[vertex] = sum((steps[tail] + visits[tail]) * share for tail, share in shares)
    walk = [a / p if p else 0.0 for a, p in zip(steps, visits, strict=True)]
    return {"shortest": np.array(shortest), "longest": np.array(longest), "random_walk": np.array(walk)}


def edge_betweenness(adjacency: Floats) -> Floats:
    """The share of all shortest directed paths that use an edge, shape (n, n), zero where there is no edge.

    The algorithm of Brandes 2001, run from all sources at once: path counts breadth first, then dependencies
    from the farthest vertices back. Divided by the n (n - 1) ordered pairs.
    """
    n = len(adjacency)
    counts = np.eye(n)
    fronts = [counts]
    while True:
        front = fronts[-1] @ adjacency
        front[counts > 0] = 0.0
        if not front.any():
            break
        counts = counts + front
        fronts.append(front)
    result = np.zeros((n, n))
    dependency = np.zeros((n, n))
    for nearer, farther in zip(fronts[-2::-1], fronts[:0:-1], strict=True):
        share = np.divide(1 + dependency, farther, out=np.zeros((n, n)), where=farther > 0)
        result += nearer.T @ share
        dependency += nearer * (share @ adjacency.T)
    return result * adjacency / max(1, n * (n - 1))


def distances(adjacency: Floats) -> Floats:
    """The number of edges between any two vertices, shape (n, n); infinite between components."""
    n = len(adjacency)
    result = np.where(np.eye(n) > 0, 0.0, np.inf)
    front, steps = np.eye(n, dtype=bool), 0
    while front.any():
        steps += 1
        front = ((front @ adjacency) > 0) & np.isinf(result)
        result[front] = steps
    return result


def _properties(structure: Structure, depth: Floats) -> dict[str, Floats]:
    """The values behind the 18 graph features, in the order of ``PROPERTIES``."""
    adjacency = structure.adjacency
    n = len(adjacency)
    skeleton = adjacency + adjacency.T
    degree = skeleton.sum(axis=1)
    steps = distances(skeleton)
    near = np.isfinite(steps)
    total = np.where(near, steps, 0.0).sum(axis=1)
    others = near.sum(axis=1) - 1.0
    return {
        "depth": depth,
        "edge_betweenness": edge_betweenness(adjacency)[adjacency > 0],
        "eccentricity": np.where(near, steps, 0.0).max(axis=1, initial=0.0),
        # Wasserman and Faust's correction: scaled by the share of the graph that can be reached.
        "closeness": others**2 / np.maximum(total, 1.0) / max(1, n - 1),
        "avg_neighbor_degree": skeleton @ degree / np.maximum(degree, 1.0),
        "degree": degree,
    }


def _layer_masses(structure: Structure) -> Floats:
    """Channels of a vertex times the summed channels of its predecessors."""
    channels = structure.graph.attributes.get("channels", (1.0,) * len(structure.graph))
    return np.array(
        [
            channels[vertex] * sum(channels[tail] for tail in structure.predecessors[vertex])
            for vertex in structure.operations
        ]
    )


def _vertices_by_operation(structure: Structure) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {op: [] for op in OPERATIONS}
    for vertex in structure.operations:
        operation = _operation(structure.graph.ops[vertex])
        if operation:
            groups[operation].append(vertex)
    return groups


@lru_cache(maxsize=1024)
def _operation(label: str) -> str | None:
    """Which of the six operations a label stands for."""
    match = _OPERATION.match(label)
    return match.group(1) if match else None


def _mean_std(values: Floats) -> list[float]:
    """Mean and population standard deviation; zeros for no values."""
    if not values.size:
        return [0.0, 0.0]
    mean = float(values.sum()) / values.size
    return [mean, float(((values - mean) ** 2).sum() / values.size) ** 0.5]
