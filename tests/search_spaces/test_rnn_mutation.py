"""Mutations: closed, each changing what it promises and nothing else, and saying why they do nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.genotype import canonical
from search_spaces.rnn.mutation import MUTATIONS
from search_spaces.rnn.validity import validate

SPACE = RnnSpace()
COUNTS = pytest.mark.parametrize("count", [150, pytest.param(3_000, marks=pytest.mark.slow)])
#: By how much the numbers of vertices and edges may change.
CHANGES = {
    "rewire": ({0}, {0}),
    "add-edge": ({0}, {1}),
    "remove-edge": ({0}, {-1}),
    "add-vertex": ({1}, set(range(1, 64))),
    "remove-vertex": ({-1}, set(range(-63, 0))),
    "cell": ({0}, {0}),
}


def path(n: int, cell: str = "tanh") -> RnnGenotype:
    return RnnGenotype(cell, 16, n, tuple((vertex, vertex + 1) for vertex in range(n - 1)))


def complete(n: int) -> RnnGenotype:
    return RnnGenotype("tanh", 16, n, tuple((tail, head) for head in range(n) for tail in range(head)))


@COUNTS
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_closed_deterministic_and_nearly_always_applied(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    parent, applied = SPACE.sample(rng), 0
    for seed in range(count):
        if seed % 10 == 0:
            parent = SPACE.sample(rng)
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        assert offspring == MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        (child,) = offspring.children
        assert validate(child, SPACE.limits) == []
        assert offspring.operator == name
        if offspring.applied:
            vertices, edges = CHANGES[name]
            assert child == canonical(child) != parent
            assert child.size - parent.size in vertices
            assert len(child.edges) - len(parent.edges) in edges
            assert (child.cell != parent.cell) == (name == "cell")
            assert child.embedding == parent.embedding
            assert name != "cell" or child.edges == parent.edges
        else:
            assert child is parent
        applied += offspring.applied
        parent = child
    # Trees, which are a quarter of the Barabasi-Albert graphs, have no edge to spare.
    assert applied >= (0.6 if name == "remove-edge" else 0.99) * count


@pytest.mark.parametrize(
    ("name", "parent", "changes", "reason"),
    [
        ("rewire", complete(4), {}, "no new child within the limits was found"),
        ("add-edge", complete(4), {}, "all vertices are joined to one another"),
        ("add-edge", path(4), {"max_parameters": 2083}, "no new child within the limits was found"),
        ("remove-edge", path(6), {}, "the graph falls apart without any of its edges"),
        ("add-vertex", path(6), {"max_nodes": 6}, "the child would exceed 6 vertices"),
        ("remove-vertex", path(2), {}, "the child would have fewer than 2 vertices"),
        ("cell", path(6), {"cells": ("tanh",)}, "the space has no cell but tanh"),
        ("cell", path(4), {"cells": ("tanh", "gru"), "max_parameters": 2144}, "no new child within the limits"),
    ],
)
def test_no_ops_return_the_parent_and_say_why(
    name: str, parent: RnnGenotype, changes: dict[str, object], reason: str
) -> None:
    limits = replace(SPACE.limits, **changes)  # type: ignore[arg-type]  # limits by name
    assert validate(parent, limits) == []
    for seed in range(5):
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, limits)
        assert offspring.children[0] is parent
        assert reason in offspring.reason


def test_remove_edge_finds_the_edges_that_can_be_spared() -> None:
    # A triangle at the end of a path: any of its three edges, and none of the path.
    parent = replace(path(30), edges=(*path(30).edges, (27, 29)))
    children = {MUTATIONS["remove-edge"](np.random.default_rng(seed), parent, SPACE.limits) for seed in range(30)}
    spared = [tuple(edge for edge in parent.edges if edge != one) for one in ((27, 28), (27, 29), (28, 29))]
    assert {offspring.children[0] for offspring in children} == {
        canonical(replace(parent, edges=edges)) for edges in spared
    }


def test_rewire_moves_tails_and_heads() -> None:
    parent = path(3)
    children = {
        MUTATIONS["rewire"](np.random.default_rng(seed), parent, SPACE.limits).children[0] for seed in range(40)
    }
    # Of 0->1->2: 1->2 becomes 0->2, or 0->1 becomes 0->2. No other edge keeps three vertices together.
    assert children == {canonical(replace(parent, edges=edges)) for edges in (((0, 1), (0, 2)), ((1, 2), (0, 2)))}


def test_add_vertex_makes_sources_sinks_and_vertices_between() -> None:
    parent = path(5)
    kinds: Counter[tuple[int, int]] = Counter()
    for seed in range(400):
        (child,) = MUTATIONS["add-vertex"](np.random.default_rng(seed), parent, SPACE.limits).children
        heads, tails = {head for _, head in child.edges}, {tail for tail, _ in child.edges}
        kinds[6 - len(heads), 6 - len(tails)] += 1
    # A new source, a new sink, or one that lies between others.
    assert set(kinds) == {(1, 1), (2, 1), (1, 2)}
    assert min(kinds.values()) > 60


def test_add_and_remove_vertex_keep_the_mean_degree() -> None:
    ratios = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        genotype = SPACE.sample(rng)
        before = len(genotype.edges) / genotype.size
        for _ in range(30):
            for name in ("add-vertex", "remove-vertex"):
                (genotype,) = MUTATIONS[name](rng, genotype, SPACE.limits).children
        ratios.append(len(genotype.edges) / genotype.size / before)
    assert 0.8 < np.mean(ratios) < 1.25


def test_all_cells_are_reached() -> None:
    children = [MUTATIONS["cell"](np.random.default_rng(seed), path(5), SPACE.limits).children[0] for seed in range(90)]
    cells = Counter(child.cell for child in children)
    assert set(cells) == {"relu", "lstm", "gru"}
    assert min(cells.values()) > 15


def test_the_space_tries_another_mutation_and_reports_all_reasons() -> None:
    drawn = Counter(SPACE.mutate(np.random.default_rng(seed), path(12)).operator for seed in range(300))
    assert set(drawn) == {*MUTATIONS} - {"remove-edge"}  # a path has no edge to spare
    assert min(drawn.values()) > 30
    only = RnnSpace(mutations=["remove-edge", "cell"], cells=["tanh"])
    offspring = only.mutate(np.random.default_rng(0), path(6))
    assert offspring.operator == "mutate"
    assert sorted(offspring.reason.split("; ")) == [
        "cell: the space has no cell but tanh",
        "remove-edge: the graph falls apart without any of its edges",
    ]
