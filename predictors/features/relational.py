"""The properties of relational graphs by which pruning masks are told apart.

Following "Bayes Optimal Neural Network Pruning using Relational Graph Properties": average degree centrality, average
eigenvector centrality, average clustering, edge connectivity, and the number of cycles; and two more, the length of a
cycle and the average length of the shortest paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import numpy as np
from threadpoolctl import ThreadpoolController

from predictors.features.connectivity import edge_connectivity
from predictors.features.distances import Distances, by_blocks
from predictors.features.pool import Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, Ints

NAMES = ("degree", "eigenvector", "clustering", "connectivity", "cycles")
ALL_NAMES = (*NAMES, "cycle_length", "path_length")


@dataclass(frozen=True)
class RelationalProperties(WithoutVocabulary):
    """The five properties of the undirected skeleton of a graph's live part.

    - ``degree``: the average degree centrality, degree / (n - 1);
    - ``eigenvector``: the average entry of the largest eigenvector of unit length, over the largest component;
    - ``clustering``: the average share of a vertex's pairs of neighbours that are joined;
    - ``connectivity``: how many edges must go to part the graph, 0 if it is in parts already;
    - ``cycles``: independent ones, edges - vertices + components. (The paper's "length of the cycle if it exists" is 3
      for most dense random graphs; ``relational7`` has it.)

    What is undefined is 0.
    """

    name: str = "relational5"
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The five names."""
        return NAMES

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, 5)."""
        n, m = pool.sizes.astype(np.float64), pool.n_edges.astype(np.float64)
        component = _components(pool)
        by_graph = np.zeros((pool.n_graphs, 3))
        with _libraries().limit(limits=1, user_api="blas"):  # on two threads 128 rows take six times as long
            for graph, vertices, tail, head in _with_edges(pool):
                adjacency = np.zeros((pool.sizes[graph], pool.sizes[graph]))
                adjacency[tail, head] = adjacency[head, tail] = 1.0
                squared = adjacency @ adjacency
                largest = _largest(component[vertices])
                second, by_graph[graph, 0] = _eigenvector(adjacency[np.ix_(largest, largest)])
                by_graph[graph, 1] = _clustering(adjacency, squared)
                if len(largest) == len(adjacency):
                    by_graph[graph, 2] = edge_connectivity(adjacency, squared, second)
        n_components = np.bincount(pool.graph[np.unique(component, return_index=True)[1]], minlength=pool.n_graphs)
        return np.column_stack([2 * m / np.maximum(n * (n - 1), 1), by_graph, m - n + n_components])


@dataclass(frozen=True)
class AllRelationalProperties(WithoutVocabulary):
    """The five of :class:`RelationalProperties`, and two more of the same skeleton.

    - ``cycle_length``: the paper's "length of the cycle if it exists", that of the one which ``networkx.find_cycle``
      finds where vertices and neighbours stand in ascending order. Unlike all else it may change where vertices are
      renamed: which cycle is found first depends on their order;
    - ``path_length``: the average length of the shortest paths, over the pairs of the largest component:
      ``networkx.average_shortest_path_length`` is defined for connected graphs alone.

    What is undefined is 0.
    """

    name: str = "relational7"
    version: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The seven names."""
        return ALL_NAMES

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, 7)."""
        component = _components(pool)
        (total,) = by_blocks(pool, lambda block: (Distances.of(block, directed=False).total,))
        more = np.zeros((pool.n_graphs, 2))
        for graph, vertices, tail, head in _with_edges(pool):
            more[graph, 0] = _cycle_length(tail, head, int(pool.sizes[graph]))
            largest = _largest(component[vertices])
            more[graph, 1] = total[vertices][largest].sum() / (len(largest) * (len(largest) - 1))
        return np.column_stack([RelationalProperties().compute_pool(pool), more])


@cache
def _libraries() -> ThreadpoolController:
    """The linear algebra of numpy and scipy; looking for it takes longer than some graphs do."""
    import_module("scipy.linalg")  # it is found only where it is loaded, and scipy has its own
    return ThreadpoolController()


def _with_edges(pool: Pool) -> Iterator[tuple[int, slice, Ints, Ints]]:
    """Of each graph that has edges: its number, the places of its vertices, and tails and heads among these from 0."""
    first_edge = np.searchsorted(pool.edge_graph, np.arange(pool.n_graphs + 1))
    for graph in np.flatnonzero(pool.n_edges).tolist():
        edges, first = slice(*first_edge[graph : graph + 2]), pool.first[graph]
        yield graph, slice(*pool.first[graph : graph + 2]), pool.tail[edges] - first, pool.head[edges] - first


def _components(pool: Pool) -> Floats:
    """A number for the component of each vertex, shape (n_vertices,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pool.n_vertices:
        return np.empty(0)
    shape = (pool.n_vertices, pool.n_vertices)
    joined = coo_array((np.ones(len(pool.tail)), (pool.tail, pool.head)), shape=shape)
    return np.asarray(connected_components(joined, directed=False)[1])


def _largest(component: Floats) -> Ints:
    """The vertices of the largest component, the first of those."""
    names, where, counts = np.unique(component, return_inverse=True, return_counts=True)
    return np.flatnonzero(where == counts.argmax()) if len(names) > 1 else np.arange(len(component))


def _eigenvector(adjacency: Floats) -> tuple[float, float]:
    """The second largest eigenvalue, and the average entry of the vector of the largest; of two vertices or more."""
    from scipy.linalg import eigh

    n = len(adjacency)
    values, vectors = eigh(adjacency, subset_by_index=[n - 2, n - 1], check_finite=False)
    return float(values[0]), float(np.abs(vectors[:, 1]).mean())


def _clustering(adjacency: Floats, squared: Floats) -> float:
    """The average over all vertices of the joined share of their pairs of neighbours; 0 for fewer than two."""
    degree = adjacency.sum(axis=1)
    joined = (squared * adjacency).sum(axis=1)
    return float((joined / np.maximum(degree * (degree - 1), 1)).mean())


def _cycle_length(tail: Ints, head: Ints, n: int) -> int:
    """The edges of the first cycle that depth first search closes in a graph of n vertices; 0 where there is none."""
    joined = np.zeros((n, n), dtype=bool)
    joined[tail, head] = joined[head, tail] = True
    depth: dict[int, int] = {}
    for start in range(n):
        path = [] if start in depth else [(start, start, iter(np.flatnonzero(joined[start]).tolist()))]
        depth.setdefault(start, 0)
        while path:
            vertex, before, others = path[-1]
            other = next((one for one in others if one != before), None)
            if other is None:
                path.pop()
            elif other in depth:  # it lies on the path: what was left behind is a tree without edges to elsewhere
                return depth[vertex] - depth[other] + 1
            else:
                depth[other] = depth[vertex] + 1
                path.append((other, vertex, iter(np.flatnonzero(joined[other]).tolist())))
    return 0
