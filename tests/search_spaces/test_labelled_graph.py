"""LabelledGraph: what is refused, what is accepted, and the way to networkx and back."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import networkx as nx
import pytest

from search_spaces import LabelledGraph

CHAIN = {"ops": ["input", "conv3x3", "output"], "edges": [(0, 1), (1, 2)]}


def test_values_are_frozen_and_comparable() -> None:
    graph = LabelledGraph(**CHAIN, attributes={"channels": [3, 16, 16]}, info={"depth": 1})
    assert (len(graph), graph.ops, graph.edges) == (3, ("input", "conv3x3", "output"), ((0, 1), (1, 2)))
    assert graph.attributes["channels"] == (3.0, 16.0, 16.0)
    twin = LabelledGraph(**CHAIN, attributes={"channels": (3, 16, 16)}, info={"depth": 1})
    assert graph == twin
    assert hash(graph) == hash(twin)
    assert graph != LabelledGraph(**CHAIN)
    with pytest.raises(FrozenInstanceError):
        graph.ops = ()  # type: ignore[misc]  # frozen, as the test shows
    with pytest.raises(TypeError):
        graph.info["depth"] = 2  # type: ignore[index]  # a read-only view, as the test shows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges": [(0, 3)]}, r"edge \(0, 3\) must join vertices 0\.\.2"),
        ({"edges": [(-1, 1)]}, "must join vertices"),
        ({"edges": [(0, 1), (0, 1)]}, r"found \(0, 1\) 2 times"),
        ({"edges": [(0, 1), (1, 0)], "directed": False}, "listed once"),
        ({"edges": [(0, 1), (1, 2), (2, 0)]}, "directed cycle"),
        ({"edges": [(1, 1)]}, "directed cycle"),
        ({"attributes": {"channels": [1, 2]}}, r"'channels' must have one value a vertex \(3\), found 2"),
        ({"attributes": {"channels": [1, 2, float("nan")]}}, "'channels' must be finite numbers, found nan"),
        ({"attributes": {"channels": [1, 2, None]}}, "'channels' must be finite numbers: .*NoneType"),
        ({"attributes": {"channels": [1, 2, 10**5000]}}, "'channels' must be finite numbers: int too large"),
        ({"attributes": {"channels": 3}}, "'channels' must be finite numbers: 'int' object is not iterable"),
        ({"info": {"macs": float("inf")}}, "info must be finite numbers, found inf"),
        ({"info": {"macs": 10**5000}}, "info must be finite numbers: int too large"),
    ],
)
def test_broken_graphs_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LabelledGraph(**{**CHAIN, **change})


def test_unusual_graphs_are_accepted() -> None:
    assert len(LabelledGraph(ops=[], edges=[])) == 0
    assert LabelledGraph(ops=["a", "b"], edges=[]).edges == ()
    assert LabelledGraph(ops=["a", "b"], edges=[(1, 1), (1, 0)], directed=False).edges == ((1, 1), (0, 1))


@pytest.mark.parametrize("directed", [True, False])
def test_networkx_and_back(directed: bool) -> None:
    graph = LabelledGraph(**CHAIN, attributes={"channels": [3, 16, 16]}, directed=directed, info={"depth": 1})
    assert graph.to_networkx().is_directed() == directed
    assert graph.to_networkx().nodes[1] == {"op": "conv3x3", "channels": 16.0}
    assert LabelledGraph.from_networkx(graph.to_networkx()) == graph


def test_networkx_graphs_without_an_attribute_somewhere_are_refused() -> None:
    graph: nx.DiGraph[Any] = nx.DiGraph([("a", "b")])
    graph.nodes["a"]["channels"] = 3
    with pytest.raises(ValueError, match=r"^attribute 'channels' must stand on every vertex, found none on 'b'$"):
        LabelledGraph.from_networkx(graph)
    assert LabelledGraph.from_networkx(nx.DiGraph([("a", "b")])).ops == ("", "")


def test_an_attribute_named_as_the_label_cannot_go_to_networkx() -> None:
    with pytest.raises(ValueError, match=r"^no attribute may be named 'op' in networkx"):
        LabelledGraph(**CHAIN, attributes={"op": [1, 2, 3]}).to_networkx()
    odd = LabelledGraph(**CHAIN, attributes={"node_for_adding": [1, 2, 3]})
    assert LabelledGraph.from_networkx(odd.to_networkx()) == odd


# in memory alone, as joblib and Ray do; no pickle is read from a file
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
@pytest.mark.parametrize("directed", [True, False])
def test_copies_and_pickles_are_equal(again: Any, directed: bool) -> None:
    graph = LabelledGraph(**CHAIN, attributes={"channels": [3, 16, 16]}, directed=directed, info={"depth": 1})
    twin = again(graph)
    assert twin == graph
    assert hash(twin) == hash(graph)
    with pytest.raises(TypeError):
        twin.attributes["channels"] = ()
