"""Which edges a graph has when it may keep so many weights and no more: the first ones of a ranking."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from search_spaces.masks.genotype import Bools, Ints

Floats = NDArray[np.float64]


def first_edges(ranks: Floats, weights: Ints, kept: int) -> Bools:
    """The edges of the lowest ranks that have ``kept`` weights together: as many as it takes, and none more.

    So they have fewer weights beyond ``kept`` than the last one has. Both directions of a pair of equal ranks stand
    next to each other; ties between pairs go by the numbers of their nodes. All edges, where even they have fewer.

    Parameters
    ----------
    ranks
        Of every edge, shape (nodes, nodes).
    weights
        How many each would keep, shape (nodes, nodes), positive.
    kept
        How many to keep in all.
    """
    pairs = _by_pair(len(ranks))
    order = pairs[np.argsort(ranks.ravel()[pairs], kind="stable")]
    edges = 1 + int(np.searchsorted(np.cumsum(weights.ravel()[order]), kept))
    matrix = np.zeros(ranks.shape, dtype=np.bool_)
    matrix.ravel()[order[:edges]] = True
    return matrix


def repaired(rng: np.random.Generator, classes: Ints, weights: Ints, kept: int, *, self_edges: bool) -> Bools:
    """The first edges by class, random ones within a class: ``classes`` has the shape (nodes, nodes)."""
    ranks = classes + rng.random(classes.shape)
    if self_edges:
        np.fill_diagonal(ranks, -1.0)
    return first_edges(ranks, weights, kept)


@cache
def _by_pair(nodes: int) -> Ints:
    """All places of a flattened matrix, those of (i, j) and (j, i) next to each other."""
    row, column = np.divmod(np.arange(nodes**2), nodes)
    order = np.lexsort((row > column, np.maximum(row, column), np.minimum(row, column)))
    order.flags.writeable = False
    return order
