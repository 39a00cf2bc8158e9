"""Paths, walks and distances in all graphs of a pool at once: sweeps over levels, and sets of vertices as bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from predictors.features.pool import Bools, Floats, Ints, Pool

WORD = 64
MOST_PATHS = 1e150
"""Numbers of paths are cut off here: the product of two of them is still finite."""

CELLS = 4_000_000
"""Numbers that are held at once for every pair of vertices of a block of graphs: 32 MB."""


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


def path_histogram(pool: Pool, member: Bools, most: int) -> Floats:
    """The number of input->output paths with 0, 1, ... ``most`` or more members, by column of ``member``.

    From (n_vertices, k) to (n_graphs, k * (most + 1)), the counts of a column side by side.
    """
    n, groups = member.shape
    counts = np.zeros((n, groups, most + 1))
    counts[:, :, 0] = pool.starting[:, None] & ~member
    counts[:, :, min(1, most)] += pool.starting[:, None] & member
    for level in pool.forward:
        arriving = np.minimum(np.add.reduceat(counts[level.neighbours], level.starts, axis=0), MOST_PATHS)
        one_more = np.zeros_like(arriving)
        one_more[:, :, 1:] = arriving[:, :, :-1]
        one_more[:, :, -1] += arriving[:, :, -1]
        counts[level.vertices] = np.where(member[level.vertices, :, None], one_more, arriving)
    return pool.per_graph(np.where(pool.ending[:, None], counts.reshape(n, groups * (most + 1)), 0.0))


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


def skeleton_distances(pool: Pool) -> tuple[Floats, Floats, Floats]:
    """Of each vertex, direction ignored: its eccentricity, the sum of its distances, and how many others it reaches.

    A vertex sees its own component alone. Three arrays of shape (n_vertices,). What a vertex has reached is a row of
    bits; a step joins the rows of its neighbours.
    """
    n = pool.n_vertices
    farthest, total, others = np.zeros(n), np.zeros(n), np.zeros(n)
    local = np.arange(n) - pool.first[pool.graph]
    reach = np.zeros((n, -(-int(pool.sizes.max(initial=0)) // WORD)), dtype=np.uint64)
    reach[np.arange(n), local // WORD] = np.uint64(1) << (local % WORD).astype(np.uint64)
    at, near = np.concatenate([pool.head, pool.tail]), np.concatenate([pool.tail, pool.head])
    order = np.argsort(at, kind="stable")
    near = near[order]
    vertices, begin = np.unique(at[order], return_index=True)
    step = 0
    while len(vertices):
        step += 1
        joined = np.bitwise_or.reduceat(reach[near], begin, axis=0)
        fresh = np.bitwise_count(joined & ~reach[vertices]).sum(axis=1, dtype=np.float64)
        if not fresh.any():
            break
        reach[vertices] |= joined
        farthest[vertices[fresh > 0]] = step
        total[vertices] += step * fresh
        others[vertices] += fresh
    return farthest, total, others


def blocks(pool: Pool) -> Iterator[Pool]:
    """The pool in blocks, each small enough to hold a number for every pair of vertices of its graphs."""
    low = 0
    while low < pool.n_graphs:
        high, largest, vertices = low, 0, 0
        while high < pool.n_graphs:
            largest, vertices = max(largest, int(pool.sizes[high])), vertices + int(pool.sizes[high])
            if high > low and largest * vertices > CELLS:
                break
            high += 1
        yield pool if high - low == pool.n_graphs else pool.block(low, high)
        low = high


def edge_betweenness(pool: Pool) -> Floats:
    """The share of all shortest directed paths that use an edge, shape (n_edges,).

    The algorithm of Brandes 2001, from all sources at once: path counts in the order of the DAG, then dependencies
    against it. Divided by the n (n - 1) ordered pairs of vertices of the graph.
    """
    return np.concatenate([_edge_betweenness(block) for block in blocks(pool)] or [np.empty(0)])


def _edge_betweenness(pool: Pool) -> Floats:
    n = pool.n_vertices
    local = np.arange(n) - pool.first[pool.graph]
    shape = (n, int(pool.sizes.max(initial=0)))
    distance, counts = np.full(shape, np.inf), np.zeros(shape)  # from the source that is the column
    distance[np.arange(n), local] = 0.0
    counts[np.arange(n), local] = 1.0
    for level in pool.forward:
        before = distance[level.neighbours]
        nearest = np.minimum.reduceat(before, level.starts, axis=0)
        lengths = _lengths(level.starts, len(level.neighbours))
        on_shortest = before == np.repeat(nearest, lengths, axis=0)
        counts[level.vertices] += np.add.reduceat(counts[level.neighbours] * on_shortest, level.starts, axis=0)
        distance[level.vertices] = np.minimum(distance[level.vertices], nearest + 1)
    # of a vertex, its dependency and itself, for each shortest path that leads to it
    load = np.divide(1.0, counts, out=np.zeros(shape), where=counts > 0)
    for level in pool.backward:
        lengths = _lengths(level.starts, len(level.neighbours))
        onward = distance[level.neighbours] == np.repeat(distance[level.vertices] + 1, lengths, axis=0)
        load[level.vertices] += np.add.reduceat(load[level.neighbours] * onward, level.starts, axis=0)
    onward = distance[pool.head] == distance[pool.tail] + 1
    used = np.einsum("es,es,es->e", counts[pool.tail], load[pool.head], onward.astype(np.float64))
    pairs = (pool.sizes * (pool.sizes - 1)).astype(np.float64)
    return np.asarray(used / np.maximum(pairs, 1.0)[pool.edge_graph])


def _lengths(starts: Ints, n: int) -> Ints:
    return np.diff(starts, append=n)
