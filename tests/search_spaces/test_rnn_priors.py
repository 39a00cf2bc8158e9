"""Random graphs, their orientation and their layers."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from search_spaces.canonical import layering
from search_spaces.rnn.connectivity import Parts
from search_spaces.rnn.costs import layer_widths
from search_spaces.rnn.priors import GENERATORS, Edge, barabasi_albert, oriented, watts_strogatz


def sources(n: int, edges: tuple[Edge, ...]) -> set[int]:
    return set(range(n)) - {head for _, head in oriented(edges)}


def test_barabasi_albert_graphs_have_m_edges_a_vertex_and_exactly_m_sources() -> None:
    rng = np.random.default_rng(0)
    for n in range(2, 64, 3):
        for m in {1, 2, 5, n // 2, n - 1} & set(range(1, n)):
            edges = barabasi_albert(rng, n, m)
            assert len(set(oriented(edges))) == len(edges) == m * (n - m)
            assert sources(n, edges) == set(range(m))
            assert {(target, m) for target in range(m)} <= set(edges)
            assert Parts(n, edges).number == 1


def test_barabasi_albert_graphs_attach_to_vertices_of_many_edges() -> None:
    # Vertex 1 joins 0; vertex 2 joins one of them; vertex 3 joins the one of two edges in half of the cases.
    graphs = [barabasi_albert(np.random.default_rng(seed), 4, 1) for seed in range(400)]
    assert {edges[0] for edges in graphs} == {(0, 1)}
    assert 160 < sum(edges[1] == (0, 2) for edges in graphs) < 240
    centre = [Counter(end for edge in edges[:2] for end in edge)[edges[2][0]] == 2 for edges in graphs]
    assert 160 < sum(centre) < 240


def test_watts_strogatz_graphs_are_connected_and_keep_their_edges() -> None:
    rng = np.random.default_rng(0)
    for n in range(10, 51):
        for k in (2, 3, n // 5, n - 1):
            edges = watts_strogatz(rng, n, k, 1.0)
            assert len(set(oriented(edges))) == n * (k // 2)
            assert Parts(n, edges).number == 1


def test_watts_strogatz_graphs_are_rings_until_they_are_rewired() -> None:
    ring = watts_strogatz(np.random.default_rng(0), 6, 5, 0.0)
    assert oriented(ring) == oriented((v, (v + step) % 6) for v in range(6) for step in (1, 2))
    rewired = [oriented(watts_strogatz(np.random.default_rng(seed), 20, 4, 1.0)) for seed in range(5)]
    assert len(set(rewired)) == 5
    assert rewired[3] == oriented(watts_strogatz(np.random.default_rng(3), 20, 4, 1.0))


@pytest.mark.parametrize(("n", "m"), [(5, 0), (5, 5), (1, 1)])
def test_impossible_barabasi_albert_graphs_are_refused(n: int, m: int) -> None:
    with pytest.raises(ValueError, match=f"1 <= m < n, found n={n}, m={m}"):
        barabasi_albert(np.random.default_rng(0), n, m)


@pytest.mark.parametrize(("n", "k", "p"), [(5, 1, 1.0), (5, 5, 1.0), (5, 2, 1.5)])
def test_impossible_watts_strogatz_graphs_are_refused(n: int, k: int, p: float) -> None:
    with pytest.raises(ValueError, match=f"found n={n}, k={k}, p={p}"):
        watts_strogatz(np.random.default_rng(0), n, k, p)


def test_the_generators_draw_with_the_parameters_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    for n in range(3, 51):
        small_world, scale_free = (GENERATORS[name](rng, n) for name in ("watts-strogatz", "barabasi-albert"))
        k, m = max(2, n // 5), max(1, n // 10)
        assert len(small_world) == n * (k // 2)
        assert len(scale_free) == m * (n - m)
        assert all(tail < head for tail, head in small_world + scale_free)


def test_edges_lead_from_lower_to_higher_vertices() -> None:
    assert oriented([(3, 1), (0, 2), (2, 1)]) == ((0, 2), (1, 2), (1, 3))


@pytest.mark.data
@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_layers_of_the_published_graphs(data_folder: Path, cell: str) -> None:
    """Layers are those of Darji 2021, and those of the recursive definition, on 200 graphs a cell."""
    with gzip.open(data_folder / f"reber_structure_{cell}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == 200
    for row in rows:
        n, edges = row["n"], oriented((tail, head) for tail, head in row["edges"])
        layers = layering(n, edges)
        widths = layer_widths(layers)
        assert (len(widths), widths[0], widths[-1]) == (row["layers"], row["source_nodes"], row["sink_nodes"])
        before: list[list[int]] = [[tail for tail, head in edges if head == vertex] for vertex in range(n)]

        @cache
        def layer(vertex: int, before: tuple[tuple[int, ...], ...] = tuple(map(tuple, before))) -> int:
            return 1 + max((layer(other, before) for other in before[vertex]), default=-1)

        assert layers == [layer(vertex) for vertex in range(n)]
        m, k = n // 10, n // 5
        assert len(edges) == (m * (n - m) if row["graph"] == "barabasi_albert" else n * (k // 2))
        assert row["graph"] == "watts_strogatz" or widths[0] == m
