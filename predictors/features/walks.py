"""Paths and walks in all graphs of a pool at once: sweeps over levels."""

from __future__ import annotations

import numpy as np

from predictors.features.pool import Bools, Pool
from predictors.features.segments import Floats

MOST_PATHS = 1e150
"""Numbers of paths are cut off here: the product of two of them is still finite."""


def largest_sums(pool: Pool, weights: Floats) -> Floats:
    """The largest sum of weights over the vertices of a path from an input to each vertex, its ends included.

    Several columns of weights at once: shape (n_vertices, k), and so is the result; -inf where no path leads.
    """
    best = np.where(pool.starting[:, None], weights, -np.inf)
    for level in pool.forward:
        arriving = np.maximum.reduceat(best[level.neighbours], level.starts, axis=0)
        best[level.vertices] = arriving + weights[level.vertices]
    return best


def layer_of(pool: Pool) -> Floats:
    """The layer of each vertex, one above its highest predecessor, shape (n_vertices,); inputs lie in layer 0."""
    depth = largest_sums(pool, np.ones((pool.n_vertices, 1)))[:, 0]
    return np.where(np.isfinite(depth), depth - 1, 0.0)


def path_counts(pool: Pool, forward: bool = True) -> Floats:
    """The number of paths from inputs to each vertex, or (``forward=False``) from it to outputs; (n_vertices,)."""
    counts = (pool.starting if forward else pool.ending).astype(np.float64)
    for level in pool.forward if forward else pool.backward:
        counts[level.vertices] = np.minimum(np.add.reduceat(counts[level.neighbours], level.starts), MOST_PATHS)
    return counts


def restricted_path_counts(pool: Pool, allowed: Bools) -> Floats:
    """The number of input->output paths over allowed vertices alone, by column of ``allowed`` (n_vertices, k).

    Shape (n_graphs, k).
    """
    counts = np.where(pool.starting[:, None], allowed, 0.0)
    for level in pool.forward:
        arriving = np.add.reduceat(counts[level.neighbours], level.starts, axis=0)
        counts[level.vertices] = np.minimum(arriving, MOST_PATHS) * allowed[level.vertices]
    return pool.per_graph(np.where(pool.ending[:, None], counts, 0.0))


def random_walk(pool: Pool) -> Floats:
    """The expected steps of a random walk on arrival at each vertex, given that it arrives; 0 where it cannot.

    The walk starts at an input, all of them equally likely, and leaves a vertex by each edge with equal odds. With p
    the probability of a visit and a the expectation of steps and visit together, each is a sum over the predecessors.
    A DAG is left behind after one visit, so this is exact.
    """
    inputs = np.bincount(pool.graph[pool.starting], minlength=pool.n_graphs)
    share = 1 / np.maximum(pool.out_degree, 1)
    visits = np.where(pool.starting, 1 / np.maximum(inputs, 1)[pool.graph], 0.0)
    steps = np.zeros(pool.n_vertices)
    for level in pool.forward:
        odds = share[level.neighbours]
        leaving = visits[level.neighbours] * odds
        visits[level.vertices] = np.add.reduceat(leaving, level.starts)
        steps[level.vertices] = np.add.reduceat(steps[level.neighbours] * odds + leaving, level.starts)
    return np.divide(steps, visits, out=np.zeros(pool.n_vertices), where=visits > 0)
