"""Random graphs, and how they become layers of neurons (Stier, Darji, Granitzer 2021, sec. 4.3; Darji 2021).

The paper draws the number of vertices n evenly from 10..50 and takes Watts-Strogatz graphs of k = n // 5 neighbours,
all of whose edges are rewired, or Barabasi-Albert graphs of m = n // 10 edges a vertex.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

WATTS_STROGATZ_TRIES = 100  # of 10 to 50 vertices, four in five graphs at the least are connected

Edge = tuple[int, int]


def watts_strogatz(rng: np.random.Generator, n: int, k: int, p: float) -> tuple[Edge, ...]:
    """A connected small world: a ring of n vertices joined to k neighbours, each edge rewired with odds of p.

    Watts and Strogatz 1998, "Collective dynamics of small-world networks". An odd k rounds down: there are
    n * (k // 2) undirected edges.

    Raises
    ------
    ValueError
        Unless 2 <= k < n and p is in 0..1.
    """
    import networkx as nx

    if not 2 <= k < n or not 0 <= p <= 1:
        raise ValueError(f"a Watts-Strogatz graph must have 2 <= k < n and p in 0..1, found n={n}, k={k}, p={p}")
    seed = int(rng.integers(2**32))
    graph = nx.connected_watts_strogatz_graph(n, k, p, tries=WATTS_STROGATZ_TRIES, seed=seed)
    return tuple(graph.edges())


def barabasi_albert(rng: np.random.Generator, n: int, m: int) -> tuple[Edge, ...]:
    """Preferential attachment from m isolated vertices: every further one joins m others, mostly those of many edges.

    Barabasi and Albert 1999, "Emergence of scaling in random networks", as networkx drew it before version 2.6:
    vertex m joins all of the first m, which :func:`oriented` makes the sources, and exactly these. networkx starts
    from a star since, which has one source for every m: another first layer, and another experiment. There are
    m * (n - m) undirected edges.

    Raises
    ------
    ValueError
        Unless 1 <= m < n.
    """
    if not 1 <= m < n:
        raise ValueError(f"a Barabasi-Albert graph must have 1 <= m < n, found n={n}, m={m}")
    edges: list[Edge] = []
    ends: list[int] = []  # every vertex as often as it has edges
    targets = list(range(m))
    for vertex in range(m, n):
        edges += [(target, vertex) for target in targets]
        ends += [*targets, *[vertex] * m]
        targets = []
        while len(targets) < m:
            drawn = ends[int(rng.random() * len(ends))]
            if drawn not in targets:
                targets.append(drawn)
    return tuple(edges)


def oriented(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Undirected edges as pairs (tail, head), each from its lower to its higher vertex, sorted: never a cycle."""
    return tuple(sorted((min(edge), max(edge)) for edge in edges))


def _watts_strogatz_prior(rng: np.random.Generator, n: int) -> tuple[Edge, ...]:
    return oriented(watts_strogatz(rng, n, max(2, n // 5), 1.0))


def _barabasi_albert_prior(rng: np.random.Generator, n: int) -> tuple[Edge, ...]:
    return oriented(barabasi_albert(rng, n, max(1, n // 10)))


#: Oriented graphs of n vertices as the paper draws them; fewer than 10 have the least k and m that connect them.
GENERATORS: Mapping[str, Callable[[np.random.Generator, int], tuple[Edge, ...]]] = {
    "watts-strogatz": _watts_strogatz_prior,
    "barabasi-albert": _barabasi_albert_prior,
}
