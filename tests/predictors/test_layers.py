"""Features of layers: worked out by hand, and against networkx on random graphs."""

from __future__ import annotations

from math import log, log1p
from statistics import mean, pstdev

import networkx as nx
import numpy as np
import pytest
from contracts.live_part import live_part
from contracts.random_graphs import random_dag

from predictors.features import LayerFeatures
from predictors.features.layers import NAMES
from search_spaces import LabelledGraph


def row_of(graph: LabelledGraph) -> dict[str, float]:
    return dict(zip(NAMES, LayerFeatures().compute([graph])[0].tolist(), strict=True))


def test_a_small_graph_worked_out_by_hand() -> None:
    # Layers {0, 1}, {2, 3}, {4}, {5, 6}: 0 -> 2 -> 4 -> 5, 4 -> 6, 1 -> 2, 0 -> 5, and 1 -> 3, a dead end.
    graph = LabelledGraph(["unit"] * 7, [(0, 2), (2, 4), (4, 5), (4, 6), (1, 2), (0, 5), (1, 3)])
    # sums of the distances, direction ignored: from 0 it is 1 to 2 and 5, 2 to 1 and 4, 3 to 3 and 6
    close = [6 / total for total in (12, 12, 9, 17, 10, 13, 15)]
    expected = {
        "layers": 4,
        "nodes": log(8),
        "first_width": log(3),
        "second_width": log(3),
        "last_but_one_width": log(2),
        "last_width": log(3),
        "narrowest_width": log(2),
        "widest_width": log(3),
        "mean_width": log(1 + 7 / 4),
        "last_share": 2 / 7,
        "width_entropy": 3 * 2 / 7 * log(7 / 2) + 1 / 7 * log(7),
        "recurrent_weights": log(1 + 4 + 4 + 1 + 4),
        "useful_nodes": log(7),
        "useful_share": 6 / 7,
        "useful_first": log(3),
        "useful_recurrent_weights": log(1 + 4 + 1 + 1 + 4),
        "useful_edges": log(7),
        "useful_edge_share": 6 / 7,
        "skipping_edges": 1 / 7,
        "mean_span": (6 * 1 + 3) / 7,
        "distance": (1 + 3 + 2 + 1 + 0 + 0) / 6,
        "first_distance": (1 + 3) / 2,
        "nearest_first": 1,
        "paths_to_last": log(1 + 3 + 2),  # 0 and 1 by way of 4 to 5 and to 6, and 0 to 5 at once
        "last_in_degree": (2 + 1) / 2,
        "closeness_mean": mean(close),
        "closeness_std": pstdev(close),
    }
    assert list(expected) == list(NAMES)
    assert row_of(graph) == pytest.approx(expected)


def reference(graph: LabelledGraph) -> dict[str, float]:
    """The features of a graph by their definitions."""
    live = live_part(graph)
    g: nx.DiGraph[int] = nx.DiGraph()
    g.add_nodes_from(range(len(live)))
    g.add_edges_from(live.edges)
    layer: dict[int, int] = {}
    for vertex in nx.topological_sort(g):
        layer[vertex] = 1 + max((layer[tail] for tail in g.predecessors(vertex)), default=-1)
    layers = 1 + max(layer.values())
    widths = [sum(at == number for at in layer.values()) for number in range(layers)]
    last = {vertex for vertex in g if layer[vertex] == layers - 1}
    first = {vertex for vertex in g if layer[vertex] == 0}
    to_last = nx.multi_source_dijkstra_path_length(g.reverse(), last)
    useful = set(to_last)
    useful_widths = [sum(layer[vertex] == number for vertex in useful) for number in range(layers)]
    useful_edges = [edge for edge in g.edges if set(edge) <= useful]
    spans = [layer[head] - layer[tail] for tail, head in g.edges]
    paths = sum(1 if tail == head else len(list(nx.all_simple_paths(g, tail, head))) for tail in first for head in last)
    from_first = [to_last[vertex] for vertex in useful & first]
    n, m = len(g), g.number_of_edges()
    values = [
        *(layers, log1p(n), log1p(widths[0]), log1p(widths[1] if layers > 1 else 0)),
        *(log1p(widths[-2] if layers > 1 else 0), log1p(widths[-1]), log1p(min(widths)), log1p(max(widths))),
        *(log1p(n / layers), widths[-1] / n, sum(w / n * log(n / w) for w in widths)),
        log1p(sum(w**2 for w in widths)),
        *(log1p(len(useful)), len(useful) / n, log1p(useful_widths[0])),
        *(log1p(sum(w**2 for w in useful_widths)), log1p(len(useful_edges)), len(useful_edges) / max(m, 1)),
        mean(span > 1 for span in spans) if spans else 0,
        mean(spans) if spans else 0,
        mean(to_last.values()),
        *(mean(from_first), min(from_first)),
        log1p(paths),
        mean(g.in_degree(vertex) for vertex in last),
        *(statistic(nx.closeness_centrality(g.to_undirected()).values()) for statistic in (mean, pstdev)),
    ]
    return dict(zip(NAMES, values, strict=True))


def unlabelled(seed: int) -> LabelledGraph:
    """A random DAG with several sources and sinks, some of them in no layer but the first."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 16))
    edges = [(i, j) for i in range(n) for j in range(i + 1, n) if rng.random() < 2.5 / n]
    return LabelledGraph(["unit"] * n, edges, directed=bool(seed % 2))


def test_random_graphs_equal_the_definitions() -> None:
    graphs = [unlabelled(seed) for seed in range(60)]
    graphs += [random_dag(np.random.default_rng(seed), 3 + seed) for seed in range(12)]
    rows = LayerFeatures().compute(graphs)
    for graph, row in zip(graphs, rows, strict=True):
        assert dict(zip(NAMES, row, strict=True)) == pytest.approx(reference(graph))
    useful_share = rows[:, NAMES.index("useful_share")]
    assert 10 < (useful_share < 1).sum() < 60, "graphs of both kinds"


def test_what_leads_to_the_last_layer_alone_is_useful() -> None:
    chain = LabelledGraph(["unit"] * 4, [(0, 1), (1, 2), (2, 3)])
    with_dead_end = LabelledGraph(["unit"] * 5, [(0, 1), (1, 2), (2, 3), (0, 4)])
    one, other = row_of(chain), row_of(with_dead_end)
    assert one["useful_nodes"] == other["useful_nodes"]
    assert one["useful_share"] == one["useful_edge_share"] == 1
    assert (other["useful_share"], other["useful_edge_share"]) == (4 / 5, 3 / 4)


def test_a_graph_of_one_vertex_is_its_own_last_layer() -> None:
    row = row_of(LabelledGraph(["unit"], []))
    assert (row["layers"], row["last_share"], row["distance"], row["paths_to_last"]) == (1, 1, 0, pytest.approx(log(2)))
    assert row["second_width"] == row["last_but_one_width"] == row["mean_span"] == 0


def test_of_nothing_everything_is_zero() -> None:
    assert set(row_of(LabelledGraph([], [])).values()) == {0.0}
