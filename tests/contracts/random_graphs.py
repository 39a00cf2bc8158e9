"""Random labelled graphs for the tests of features and surrogates."""

from __future__ import annotations

import numpy as np

from search_spaces import LabelledGraph

OPS = ("conv3x3", "conv5x5", "max_pool", "avg_pool", "sum", "concat", "skip")


def random_dag(rng: np.random.Generator, n: int) -> LabelledGraph:
    """A DAG of n >= 3 vertices from one input to one output, every vertex on a path between them."""
    edges = {(int(rng.integers(head)), head) for head in range(1, n - 1)}
    edges |= {(tail, int(rng.integers(tail + 1, n))) for tail in range(n - 1)}
    return LabelledGraph(
        ops=("input", *rng.choice(OPS, size=n - 2), "output"),
        edges=tuple(sorted(edges)),
        attributes={"channels": tuple(8.0 * rng.integers(1, 9, size=n))},
        info={"parameters": float(rng.integers(1, 10**6))},
    )


def renamed(rng: np.random.Generator, graph: LabelledGraph) -> LabelledGraph:
    """The same graph with its vertices in another order."""
    place = rng.permutation(len(graph))
    origin = np.argsort(place)
    edges = [(int(place[tail]), int(place[head])) for tail, head in graph.edges]
    return LabelledGraph(
        ops=tuple(graph.ops[vertex] for vertex in origin),
        edges=tuple(edges[index] for index in rng.permutation(len(edges))),
        attributes={name: tuple(row[vertex] for vertex in origin) for name, row in graph.attributes.items()},
        info=graph.info,
    )
