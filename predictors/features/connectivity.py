"""Edge connectivity: how many edges must go to part a graph. Exact, and nearly always without looking for a cut.

It is the least degree d in most graphs. A cut of fewer than d edges leaves more than d vertices on either side, and on
either side one whose neighbours are all there; most of what follows rests on that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.features.segments import Floats, Ints

ROUNDING = 1e-6  # far beyond the errors of eigenvalues, and far below one edge


def edge_connectivity(adjacency: Floats, squared: Floats, second: float) -> float:
    """The edge connectivity of a connected graph of two vertices or more.

    The least degree is certified, from the cheapest reason to the dearest, where

    - the Laplacian's second eigenvalue, at least d - ``second`` by Weyl's inequality, leaves no side of more than d
      vertices fewer than d edges (Fiedler 1973);
    - no two vertices are more than two edges apart (Plesnik 1975);
    - joining neighbours that no cut of fewer than d edges can part, d paths of one or two edges being between them,
      leaves one vertex (Padberg, Rinaldi 1990).

    Else the vertices of a dominating set are told apart: one of them is on either side of a smaller cut.

    Parameters
    ----------
    adjacency
        Symmetric zeros and ones, shape (n, n).
    squared
        Its square.
    second
        Its second largest eigenvalue.
    """
    n, least = len(adjacency), float(adjacency.sum(axis=1).min())
    if (least - second) * (least + 1) * (n - least - 1) > (least - 1 + ROUNDING) * n:
        return least
    paths = adjacency + squared
    if (paths > 0).all():  # the diagonal too: the graph is connected, and so no degree is 0
        return least
    labels = _parts(paths >= least)
    if not labels.any():
        return least
    joined = np.zeros((n, int(labels.max()) + 1))
    joined[np.arange(n), labels] = 1
    merged = joined.T @ adjacency @ joined
    np.fill_diagonal(merged, 0)
    ends = np.unique(labels[_dominating(adjacency)])
    least = min(least, float(merged.sum(axis=1).min()))
    return least if len(ends) == 1 else _least_flow(merged, ends, least)


def _parts(joined: NDArray[np.bool_]) -> Ints:
    """The number of the connected part of each vertex, shape (n,), from 0."""
    from scipy.sparse import csr_matrix  # its arrays take twice as long to make
    from scipy.sparse.csgraph import connected_components

    return np.asarray(connected_components(csr_matrix(joined), directed=False)[1])


def _dominating(adjacency: Floats) -> list[int]:
    """Vertices of which every vertex is one or a neighbour: again and again that of the most vertices not yet so."""
    near = adjacency + np.eye(len(adjacency))
    left = np.ones(len(adjacency))
    gain = near.sum(axis=0)
    chosen: list[int] = []
    while left.any():
        chosen.append(int(gain.argmax()))
        new = near[chosen[-1]] * left
        left -= new
        gain -= near @ new
    return chosen


def _least_flow(capacity: Floats, ends: Ints, most: float) -> float:
    """The least of ``most`` and of the largest flows from the first of some vertices to each other one.

    All flows are one, in a copy of the graph for each: a call takes longer than a flow.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    n, others = len(capacity), ends[1:]
    tail, head = np.nonzero(capacity)
    first = np.arange(len(others)) * n
    source, sink = n * len(others), n * len(others) + 1
    starts = first + ends[0]
    tails = np.concatenate([np.add.outer(first, tail).ravel(), np.full(len(others), source), first + others])
    heads = np.concatenate([np.add.outer(first, head).ravel(), starts, np.full(len(others), sink)])
    capacities = np.concatenate([np.tile(capacity[tail, head], len(others)), np.full(2 * len(others), most)])
    graph = csr_matrix((capacities.astype(np.int32), (tails, heads)), shape=(sink + 1, sink + 1))
    result = maximum_flow(graph, source, sink)
    if result.flow_value == most * len(others):
        return most
    return float(result.flow[source].toarray()[0][starts].min())
