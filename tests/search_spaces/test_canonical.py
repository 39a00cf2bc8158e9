"""Canonical forms against networkx, against brute force, and on graphs that refinement alone cannot tell apart."""

from __future__ import annotations

import random
import timeit
from functools import partial
from itertools import combinations, permutations

import networkx as nx
import pytest

from search_spaces.canonical import canonical_key, canonical_order, layering

Graph = tuple[list[str], list[tuple[int, int]]]


def random_dag(rnd: random.Random, n: int, labels: str, density: float) -> Graph:
    edges = [pair for pair in combinations(range(n), 2) if rnd.random() < density]
    return [rnd.choice(labels) for _ in range(n)], edges


def renamed(rnd: random.Random, graph: Graph) -> Graph:
    labels, edges = graph
    place = list(range(len(labels)))
    rnd.shuffle(place)
    new = [""] * len(labels)
    for vertex, label in enumerate(labels):
        new[place[vertex]] = label
    return new, rnd.sample([(place[t], place[h]) for t, h in edges], len(edges))


def certificate(graph: Graph, order: list[int]) -> tuple[list[str], list[tuple[int, int]]]:
    position = {vertex: i for i, vertex in enumerate(order)}
    return [graph[0][v] for v in order], sorted((position[t], position[h]) for t, h in graph[1])


def isomorphic(one: Graph, other: Graph) -> bool:
    graphs = []
    for labels, edges in (one, other):
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((v, {"label": label}) for v, label in enumerate(labels))
        graph.add_edges_from(edges)
        graphs.append(graph)
    return nx.is_isomorphic(*graphs, node_match=lambda a, b: a["label"] == b["label"])


def union(*graphs: Graph) -> Graph:
    labels: list[str] = []
    edges: list[tuple[int, int]] = []
    for part, links in graphs:
        edges += [(tail + len(labels), head + len(labels)) for tail, head in links]
        labels += part
    return labels, edges


def ring(length: int) -> Graph:
    """A cycle of 2 * length edges, directed from one half of its vertices to the other."""
    edges = [(i, length + (i + step) % length) for i in range(length) for step in (0, 1)]
    return ["x"] * (2 * length), edges


def cube(dimension: int) -> Graph:
    n = 2**dimension
    return ["x"] * n, [(v, v | 1 << bit) for v in range(n) for bit in range(dimension) if not v >> bit & 1]


def bipartite(left: int, right: int) -> Graph:
    return ["x"] * (left + right), [(i, left + j) for i in range(left) for j in range(right)]


def branches(number: int, length: int) -> Graph:
    """Equal chains between one input and one output."""
    labels, edges = union((["input"], []), *[(["x"] * length, [(i, i + 1) for i in range(length - 1)])] * number)
    end = len(labels)
    edges += [(0, 1 + i * length) for i in range(number)] + [((i + 1) * length, end) for i in range(number)]
    return [*labels, "output"], edges


def diamonds(number: int) -> Graph:
    labels, edges = ["x"], []
    for top in range(0, 3 * number, 3):
        labels += ["y", "y", "x"]
        edges += [(top, top + 1), (top, top + 2), (top + 1, top + 3), (top + 2, top + 3)]
    return labels, edges


SYMMETRIC = {
    "ten chains": branches(10, 3),
    "ten forks": branches(10, 1),
    "stacked diamonds": diamonds(15),
    "two stacks": union(diamonds(7), diamonds(7)),
    "cubes": union(*[cube(3)] * 4),
    "large cube": cube(5),
    "complete bipartite": union(*[bipartite(3, 4)] * 5),
    "rings": union(*[ring(4)] * 2, *[ring(2)] * 4),
    "unlike rings": union(*[ring(length) for length in (2, 3, 4, 5, 6)]),
    "no edges": (["x"] * 20, []),
}


@pytest.mark.parametrize("n", [3, 5, 7])
@pytest.mark.parametrize("labels", ["x", "xy"])
def test_keys_agree_with_networkx(n: int, labels: str) -> None:
    rnd = random.Random(n)
    graphs = [random_dag(rnd, n, labels, rnd.choice([0.2, 0.4, 0.6])) for _ in range(60)]
    keys = [canonical_key(*graph) for graph in graphs]
    equal = 0
    for (one, key), (other, other_key) in combinations(zip(graphs, keys, strict=True), 2):
        assert (key == other_key) == isomorphic(one, other)
        equal += key == other_key
    assert equal or n == 7


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_certificates_agree_with_brute_force(n: int) -> None:
    """Graphs share a certificate exactly when they share the least one over all orders."""
    rnd = random.Random(n)
    classes: dict[str, set[str]] = {}
    for _ in range(25):
        graph = random_dag(rnd, n, "xy", 0.5)
        least = str(min(certificate(graph, list(order)) for order in permutations(range(n))))
        classes.setdefault(least, set()).add(str(certificate(graph, canonical_order(*graph))))
    found = list(classes.values())
    assert all(len(certificates) == 1 for certificates in found)
    assert len(set.union(*found)) == len(found)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_graphs_have_one_form(name: str) -> None:
    rnd = random.Random(0)
    graph = SYMMETRIC[name]
    expected = certificate(graph, canonical_order(*graph))
    for _ in range(10):
        twin = renamed(rnd, graph)
        assert certificate(twin, canonical_order(*twin)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_graphs_take_milliseconds(name: str) -> None:
    twins = [renamed(random.Random(seed), SYMMETRIC[name]) for seed in range(10)]
    seconds = min(timeit.timeit(partial(canonical_order, *twin), number=1) for twin in twins)
    assert seconds < (0.01 if name.startswith("ten") else 0.05)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ring(6), union(ring(3), ring(3))),
        (ring(4), union(ring(2), ring(2))),
        (union(ring(2), ring(6)), union(ring(4), ring(4))),
        (union(ring(2), ring(3), ring(5)), union(ring(2), ring(4), ring(4))),
    ],
)
def test_graphs_that_colour_refinement_merges_have_different_keys(one: Graph, other: Graph) -> None:
    assert not isomorphic(one, other)
    assert canonical_key(*one) != canonical_key(*other)


def test_regular_bipartite_graphs_agree_with_networkx() -> None:
    """Random orientations of 3-regular bipartite graphs: all vertices of a side look alike at first."""
    rnd = random.Random(3)
    graphs: list[Graph] = []
    while len(graphs) < 30:
        shuffles = [rnd.sample(range(6), 6) for _ in range(3)]
        edges = {(i, 6 + row[i]) for row in shuffles for i in range(6)}
        if len(edges) == 18:
            graphs.append((["x"] * 12, sorted(edges)))
    keys = [canonical_key(*graph) for graph in graphs]
    assert 1 < len(set(keys)) < 30
    for (one, key), (other, other_key) in combinations(zip(graphs, keys, strict=True), 2):
        assert (key == other_key) == isomorphic(one, other)


def test_large_graphs_keep_their_form_under_renaming() -> None:
    rnd = random.Random(1)
    for _ in range(50):
        graph = random_dag(rnd, 25, "xyz", 0.12)
        forms = {str(certificate(g, canonical_order(*g))) for g in [graph, *(renamed(rnd, graph) for _ in "ab")]}
        assert len(forms) == 1


def test_the_order_is_topological_and_sorted_by_layer() -> None:
    rnd = random.Random(2)
    for _ in range(50):
        labels, edges = renamed(rnd, random_dag(rnd, 15, "xy", 0.2))
        order = canonical_order(labels, edges)
        layers = layering(len(labels), edges)
        assert sorted(order) == list(range(15))
        assert [layers[v] for v in order] == sorted(layers)
        assert all(order.index(tail) < order.index(head) for tail, head in edges)


def test_labels_and_directions_count() -> None:
    fork, join = [(0, 1), (0, 2)], [(0, 2), (1, 2)]
    assert canonical_key("aaa", fork) != canonical_key("aaa", join)
    assert canonical_key("aab", fork) != canonical_key("abb", fork)
    assert canonical_key(["a,b", "c"], []) != canonical_key(["a", "b,c"], [])


def test_the_empty_graph_has_a_key_and_a_cycle_none() -> None:
    assert canonical_order([], []) == []
    assert len(canonical_key([], [])) == 32
    with pytest.raises(ValueError, match="directed cycle"):
        canonical_key("abc", [(0, 1), (1, 2), (2, 1)])


def test_keys_stay_what_they_were() -> None:
    """Stores hold keys: a change of this one makes old runs unreadable."""
    assert canonical_key(["input", "conv3x3:16", "output"], [(0, 1), (1, 2)]) == "895c64cb194a98ef81ac4d6dc89d6995"
