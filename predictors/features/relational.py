"""The five properties of relational graphs by which pruning masks are told apart.

Following "Bayes Optimal Neural Network Pruning using Relational Graph Properties": average degree centrality, average
eigenvector centrality, average clustering, edge connectivity, and the number of cycles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.features.connectivity import edge_connectivity
from predictors.features.pool import Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, Ints

NAMES = ("degree", "eigenvector", "clustering", "connectivity", "cycles")


@dataclass(frozen=True)
class RelationalProperties(WithoutVocabulary):
    """The five properties of the undirected skeleton of a graph's live part.

    - ``degree``: the average degree centrality, degree / (n - 1);
    - ``eigenvector``: the average entry of the largest eigenvector of unit length, over the largest component;
    - ``clustering``: the average share of a vertex's pairs of neighbours that are joined;
    - ``connectivity``: how many edges must go to part the graph, 0 if it is in parts already;
    - ``cycles``: independent ones, edges - vertices + components. (The paper's "length of the cycle if it exists" is 3
      for every dense random graph.)

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
        first_edge = np.searchsorted(pool.edge_graph, np.arange(pool.n_graphs + 1))
        for graph in np.flatnonzero(m):
            edges, vertices = slice(*first_edge[graph : graph + 2]), slice(*pool.first[graph : graph + 2])
            tail, head = pool.tail[edges] - pool.first[graph], pool.head[edges] - pool.first[graph]
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
