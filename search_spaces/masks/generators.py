"""Random graphs whose properties differ widely while exactly the same number of weights is kept.

A generator ranks all edges, and :func:`search_spaces.masks.edges.first_edges` takes as many as it may: so a generator
need not know how many weights an edge keeps. All but ``er`` rank both directions of a pair alike; :func:`one_way` then
takes one from some pairs, for as many more pairs. Each draws its own parameters, from wide ranges: the properties of
uniform random masks of equal size hardly differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from search_spaces.masks.edges import Floats
from search_spaces.masks.genotype import Bools, Ints
from search_spaces.masks.placement import squared_distances

MOST_BLOCKS = 16
MOST_CONTRAST = 100.0  # how much likelier an edge within a block is than one between two
LEAST_REWIRED = 0.001
MOST_ATTACHED = 2.0  # the exponent of attachment; from 1 on hubs join nearly everything
NOISES = (0.02, 2.0)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a generator knows of the graph to draw.

    Attributes
    ----------
    degree
        How many others a node is joined to on average, about; a real number.
    centres
        Where nodes stand among the inputs, shape (nodes, dimensions).
    """

    degree: float
    centres: Floats

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.centres)

    @property
    def pairs(self) -> int:
        """How many pairs are joined, about."""
        return min(round(self.nodes * self.degree / 2), self.nodes * (self.nodes - 1) // 2)


Generator = Callable[[np.random.Generator, Frame], Floats]


def er(rng: np.random.Generator, frame: Frame) -> Floats:
    """A uniformly random matrix, in which a node may read one that does not read it."""
    return rng.random((frame.nodes, frame.nodes))


def ring(rng: np.random.Generator, frame: Frame) -> Floats:
    """A ring lattice: every node is joined to the nearest numbers; of those that are too many, to random ones."""
    return _with_ties_broken(rng, _ring_distances(frame.nodes).astype(np.float64))


def regular(rng: np.random.Generator, frame: Frame) -> Floats:
    """A circulant graph of random offsets, on randomly numbered nodes: equally many edges at each.

    (Uniformly random regular graphs of some thousand edges take seconds to draw.)
    """
    offsets = rng.permutation(frame.nodes // 2 + 1)
    places = rng.permutation(frame.nodes)
    return _with_ties_broken(rng, offsets[_ring_distances(frame.nodes)][np.ix_(places, places)].astype(np.float64))


def ws_flex(rng: np.random.Generator, frame: Frame) -> Floats:
    """A small world of a real-valued mean degree, rewired with odds from 0.001 to 1 (You et al. 2020, sec. 2.4)."""
    odds = float(LEAST_REWIRED ** rng.random())
    return _base_first(rng, ws_flex_graph(rng, frame.nodes, frame.pairs, odds))


def ba(rng: np.random.Generator, frame: Frame) -> Floats:
    """Preferential attachment, with an exponent from 0 (none) to 2; where most pairs are joined, its complement.

    Barabasi and Albert 1999 have an exponent of 1; Krapivsky, Redner, Leyvraz 2000 any other.
    """
    n, half = frame.nodes, frame.degree <= (frame.nodes - 1) / 2
    pairs = frame.pairs if half else n * (n - 1) // 2 - frame.pairs
    graph = attached_graph(rng, n, pairs, float(MOST_ATTACHED * rng.random()))
    return _base_first(rng, graph if half else ~graph)


def sbm(rng: np.random.Generator, frame: Frame) -> Floats:
    """Blocks of random sizes whose nodes are up to 100 times likelier, or less likely, joined within than without.

    The nodes of a block follow one another. Exactly as many edges as may be: a weighted sample without replacement
    (Efraimidis and Spirakis 2006) of the stochastic block model of Holland, Laskey, Leinhardt 1983.
    """
    n = frame.nodes
    blocks = int(rng.integers(2, max(3, min(MOST_BLOCKS, n // 2) + 1)))
    block = np.sort(rng.choice(blocks, size=n, p=rng.dirichlet(np.full(blocks, 5.0))))
    contrast = float(MOST_CONTRAST ** rng.uniform(-0.5, 1.0))
    likely = np.where(block[:, None] == block[None], contrast, 1.0)
    return _symmetric(-np.log1p(-rng.random((n, n)))) / likely


def geometric(rng: np.random.Generator, frame: Frame) -> Floats:
    """Near nodes are joined, with noise from next to none to as much as distances themselves differ.

    As a random geometric graph where nearness is a distance; in half of the graphs it is how many nodes are nearer to
    either end, and so nodes in crowded places have no more edges than others.
    """
    n = frame.nodes
    distances = squared_distances(frame.centres)
    if rng.random() < 0.5:
        nearer = np.argsort(np.argsort(distances, axis=1), axis=1)
        distances = (nearer + nearer.T).astype(np.float64) ** 2
    low, high = NOISES
    noise = low * (high / low) ** rng.random()
    return np.asarray((distances + 1e-3) * np.exp(noise * _symmetric(rng.standard_normal((n, n)))))


GENERATORS: Mapping[str, Generator] = {
    "er": er,
    "ws-flex": ws_flex,
    "ba": ba,
    "sbm": sbm,
    "regular": regular,
    "ring": ring,
    "geometric": geometric,
}


def one_way(rng: np.random.Generator, ranks: Floats, mutual: float) -> Floats:
    """The ranks in which a random direction of each pair comes after all others, but for a share of ``mutual`` pairs.

    With equally many edges, symmetric graphs all have one mean degree, and where no pair is mutual it is twice that.
    """
    above = np.triu(rng.random(ranks.shape) >= mutual, 1)
    down = rng.random(ranks.shape) < 0.5
    last = (above & down) | (above & ~down).T
    return np.where(last, ranks + ranks.max() + 1, ranks)


def focused(ranks: Floats, density: Floats, exponent: float) -> Floats:
    """The ranks in which edges to nodes whose inputs spread little come later, by a power of that spread; shape (n,).

    An experiment on MNIST says why: of its 784 pixels those at the border hardly ever vary, and weights that read them
    are lost.
    """
    return np.asarray((ranks - ranks.min() + 1e-3) / np.maximum(density / density.max(), 1e-3) ** exponent)


def ws_flex_graph(rng: np.random.Generator, nodes: int, pairs: int, odds: float) -> Bools:
    """A ring lattice of exactly so many edges, each led to a random other node with ``odds``; shape (nodes, nodes).

    The lattice is complete up to some distance on the ring, and its last edges go to random ones of the next: so the
    mean degree, 2 pairs / nodes, is any real number (You et al. 2020, sec. 2.4).
    """
    distances = _with_ties_broken(rng, _ring_distances(nodes).astype(np.float64))
    tails, heads = np.triu_indices(nodes, 1)
    lattice = np.argsort(distances[tails, heads], kind="stable")[:pairs]
    graph = np.zeros((nodes, nodes), dtype=np.bool_)
    graph[tails[lattice], heads[lattice]] = graph[heads[lattice], tails[lattice]] = True
    for place in lattice[rng.random(pairs) < odds]:
        ends = (tails[place], heads[place])
        end, other = ends if rng.random() < 0.5 else ends[::-1]
        taken = graph[end].copy()
        taken[end] = True
        free = np.flatnonzero(~taken)
        if len(free):
            new = free[int(rng.random() * len(free))]
            graph[end, other] = graph[other, end] = False
            graph[end, new] = graph[new, end] = True
    return graph


def attached_graph(rng: np.random.Generator, nodes: int, pairs: int, exponent: float) -> Bools:
    """Preferential attachment of about so many edges; shape (nodes, nodes).

    Every node joins m earlier ones, or as many as there are, with odds in proportion to degree ** exponent. The number
    m solves m (nodes - (m + 1) / 2) = pairs, and where it is no whole number it is one above or below by chance.
    """
    twice = 2 * nodes - 1
    each = (twice - np.sqrt(max(0.0, twice**2 - 8.0 * pairs))) / 2
    graph = np.zeros((nodes, nodes), dtype=np.bool_)
    degree = np.ones(nodes)  # one more than there are: else nobody would join the first ones
    for node in range(1, nodes):
        joined = min(node, int(each + rng.random()))
        # the largest u ** (1 / weight) are a weighted sample without replacement (Efraimidis, Spirakis 2006)
        luck = np.log(rng.random(node)) / degree[:node] ** exponent
        others = np.argsort(luck)[node - joined :]
        graph[node, others] = graph[others, node] = True
        degree[others] += 1
        degree[node] += joined
    return graph


def _ring_distances(nodes: int) -> Ints:
    apart = np.abs(np.subtract.outer(np.arange(nodes), np.arange(nodes)))
    return np.asarray(np.minimum(apart, nodes - apart))


def _base_first(rng: np.random.Generator, graph: Bools) -> Floats:
    """The edges of a graph in a random order, and then all others."""
    return _with_ties_broken(rng, (~graph).astype(np.float64))


def _with_ties_broken(rng: np.random.Generator, ranks: Floats) -> Floats:
    """Whole-numbered ranks of pairs with random fractions."""
    return np.asarray(ranks + _symmetric(rng.random(ranks.shape)))


def _symmetric(values: Floats) -> Floats:
    """The values above the diagonal on both sides of it."""
    above = np.triu(values, 1)
    return np.asarray(above + above.T)
