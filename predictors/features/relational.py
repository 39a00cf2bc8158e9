"""The five properties of relational graphs by which pruning masks are told apart.

Following "Bayes Optimal Neural Network Pruning using Relational Graph Properties": average degree centrality, average
eigenvector centrality, average clustering, edge connectivity, and the number of cycles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predictors.features.distances import Distances, by_blocks
from predictors.features.pool import Pool
from predictors.features.protocol import WithoutVocabulary
from predictors.features.segments import Floats, segment_max

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
        eccentricity, others = by_blocks(pool, _distances)
        degree = pool.in_degree + pool.out_degree
        connected = pool.per_graph((others == pool.sizes[pool.graph] - 1).astype(np.float64)) == n
        diameter = segment_max(eccentricity, pool.graph, pool.n_graphs)
        least_degree = -segment_max(-degree.astype(np.float64), pool.graph, pool.n_graphs)
        by_graph = np.zeros((pool.n_graphs, 3))
        first_edge = np.searchsorted(pool.edge_graph, np.arange(pool.n_graphs + 1))
        for graph in np.flatnonzero(m):
            edges, vertices = slice(*first_edge[graph : graph + 2]), slice(*pool.first[graph : graph + 2])
            tail, head = pool.tail[edges] - pool.first[graph], pool.head[edges] - pool.first[graph]
            adjacency = np.zeros((pool.sizes[graph], pool.sizes[graph]))
            adjacency[tail, head] = adjacency[head, tail] = 1.0
            by_graph[graph, :2] = _eigenvector(adjacency, component[vertices]), _clustering(adjacency)
            if connected[graph]:
                # Plesnik 1975: as many as the least degree wherever no two vertices are more than two edges apart
                simple = diameter[graph] <= 2
                by_graph[graph, 2] = least_degree[graph] if simple else _connectivity(adjacency)
        n_components = np.bincount(pool.graph[np.unique(component, return_index=True)[1]], minlength=pool.n_graphs)
        return np.column_stack([2 * m / np.maximum(n * (n - 1), 1), by_graph, m - n + n_components])


def _distances(pool: Pool) -> tuple[Floats, ...]:
    """The eccentricity of each vertex and how many others it reaches, direction ignored."""
    skeleton = Distances.of(pool, directed=False)
    return skeleton.farthest, skeleton.others


def _components(pool: Pool) -> Floats:
    """A number for the component of each vertex, shape (n_vertices,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pool.n_vertices:
        return np.empty(0)
    shape = (pool.n_vertices, pool.n_vertices)
    joined = coo_array((np.ones(len(pool.tail)), (pool.tail, pool.head)), shape=shape)
    return np.asarray(connected_components(joined, directed=False)[1])


def _eigenvector(adjacency: Floats, component: Floats) -> float:
    """The average entry of the eigenvector of the largest eigenvalue, on the largest component (the first of those)."""
    names, where, counts = np.unique(component, return_inverse=True, return_counts=True)
    largest = np.flatnonzero(where == counts.argmax()) if len(names) > 1 else np.arange(len(adjacency))
    _, vectors = np.linalg.eigh(adjacency[np.ix_(largest, largest)])
    return float(np.abs(vectors[:, -1]).mean())


def _clustering(adjacency: Floats) -> float:
    """The average over all vertices of the joined share of their pairs of neighbours; 0 for fewer than two."""
    degree = adjacency.sum(axis=1)
    joined = ((adjacency @ adjacency) * adjacency).sum(axis=1)
    return float((joined / np.maximum(degree * (degree - 1), 1)).mean())


def _connectivity(adjacency: Floats) -> float:
    import networkx as nx

    return float(nx.edge_connectivity(nx.from_numpy_array(adjacency)))
