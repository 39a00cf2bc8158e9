"""What predictors read of masks: by hand, and against the graph of all units."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

from search_spaces.sparse import SparseGenotype, SparseSpace
from search_spaces.sparse.describing import live_units, to_graph
from search_spaces.sparse.graphs import graph_of_masks

#: The third input is read by none, the second hidden unit by none, and the third reads none.
FIRST = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=np.bool_)
LAST = np.array([[1, 0, 1], [1, 0, 0]], dtype=np.bool_)


def test_a_graph_by_hand() -> None:
    graph = to_graph(SparseGenotype.of([FIRST, LAST]))
    assert graph.ops == ("input", "hidden", "output")
    assert graph.edges == ((0, 1), (1, 2))
    assert dict(graph.attributes) == {
        "units": (3, 3, 2),
        "live": (pytest.approx(2 / 3), pytest.approx(1 / 3), 1),
        "kept": (0, 3, 3),
        "density": (0, pytest.approx(1 / 3), 0.5),
        "in_mean": (0, 1, 1.5),
        "in_std": (0, pytest.approx(math.sqrt(2 / 3)), 0.5),
        "in_max": (0, 2, 2),
        "out_mean": (1, 1, 0),
        "out_std": (pytest.approx(math.sqrt(2 / 3)), pytest.approx(math.sqrt(2 / 3)), 0),
        "out_max": (2, 2, 0),
    }
    assert dict(graph.info) == pytest.approx(
        {
            "parameters": 6 + 3 + 2,
            "macs": 6,
            "density": 6 / 15,
            "xi": (1 / 3 + 0.5) / 2,
            "density_1": 1 / 3,
            "density_2": 0.5,
            "live_inputs": 2,
            "dead_units": 2,
            "live_weights": 4 / 6,
            "paths": 4,
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_live_units_and_paths_are_those_of_the_graph_of_all_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = [rng.random((above, below)) < 0.2 for below, above in ((12, 9), (9, 7), (7, 3))]
    graph = graph_of_masks(masks).to_networkx()
    ends = [[vertex for vertex, op in graph.nodes(data="op") if op == wanted] for wanted in ("input", "output")]
    reached = set(ends[0]).union(*(nx.descendants(graph, vertex) for vertex in ends[0]))
    reaching = set(ends[1]).union(*(nx.ancestors(graph, vertex) for vertex in ends[1]))
    assert np.flatnonzero(np.concatenate(live_units(masks))).tolist() == sorted(reached & reaching)
    paths = sum(len(list(nx.all_simple_paths(graph, vertex, ends[1]))) for vertex in ends[0])
    info = to_graph(SparseGenotype.of(masks)).info
    assert info["paths"] == paths
    on_paths = [edge for edge in graph.edges if edge[0] in reached and edge[1] in reaching]
    assert info["live_weights"] == pytest.approx(len(on_paths) / len(graph.edges))


def test_masks_that_join_nothing_are_described() -> None:
    info = to_graph(SparseGenotype.of([np.zeros((4, 3)), np.ones((2, 4))])).info
    assert (info["live_inputs"], info["dead_units"], info["live_weights"], info["paths"]) == (0, 4, 0, 0)
    info = to_graph(SparseGenotype.of([np.zeros((4, 3)), np.zeros((2, 4))])).info
    assert (info["macs"], info["live_weights"]) == (0, 0)


def test_the_paths_of_the_deepest_networks_are_counted() -> None:
    space = SparseSpace((200,), 200, hidden=(199,) * 99, sparsities=(0.0,))
    info = space.to_graph(space.sample(np.random.default_rng(0))).info
    assert info["paths"] == pytest.approx(199.0**99 * 200**2)
