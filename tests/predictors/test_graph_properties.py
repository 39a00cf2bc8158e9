"""Graph properties against networkx, and against the authors' tables where the data stands."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from statistics import mean, stdev, variance

import networkx as nx
import numpy as np
import pytest
from contracts.live_part import live_part
from contracts.random_graphs import random_dag
from threadpoolctl import threadpool_info, threadpool_limits

from predictors.features import AllRelationalProperties, GraphProperties, RelationalProperties, relational
from predictors.features.distances import Distances
from predictors.features.pool import Pool
from predictors.features.properties import NAMES
from search_spaces import LabelledGraph, get_space

TABLE_NAMES = {"nodes": "csv_nodes", "edges": "csv_edges"}
"""Properties that the authors' tables call otherwise."""


def undirected(graph: nx.Graph[int]) -> LabelledGraph:
    return LabelledGraph(["neuron"] * len(graph), list(graph.edges), directed=False)


CONNECTED = [
    *(undirected(nx.connected_watts_strogatz_graph(n, n // 5, 1.0, seed=n)) for n in range(10, 50, 7)),
    *(undirected(nx.barabasi_albert_graph(n, n // 10, seed=n)) for n in range(10, 70, 9)),
    undirected(nx.complete_graph(9)),
    undirected(nx.path_graph(12)),
]
DAGS = [random_dag(np.random.default_rng(seed), 4 + seed) for seed in range(20)]
PARTED = [undirected(nx.gnp_random_graph(20, 0.08, seed=seed)) for seed in range(10)]
EMPTY = [LabelledGraph([], []), LabelledGraph(["input", "output"], []), LabelledGraph(["a"], [(0, 0)], directed=False)]


def skeleton(graph: LabelledGraph) -> nx.Graph[int]:
    live = live_part(graph)
    result: nx.Graph[int] = nx.Graph(live.edges)
    result.add_nodes_from(range(len(live)))
    return result


def spread(name: str, values: dict[int, float]) -> dict[str, float]:
    row = list(values.values())
    return {f"{name}_mean": mean(row), f"{name}_var": variance(row), f"{name}_std": stdev(row)}


def reference(graph: LabelledGraph) -> dict[str, float]:
    """The 23 properties of a connected graph by networkx, layers by the definition."""
    g = skeleton(graph)
    layer: dict[int, int] = {}
    directed: nx.DiGraph[int] = nx.DiGraph(live_part(graph).edges)
    directed.add_nodes_from(g)
    for vertex in nx.topological_sort(directed):
        layer[vertex] = 1 + max((layer[tail] for tail in directed.predecessors(vertex)), default=-1)
    n, m = g.number_of_nodes(), g.number_of_edges()
    sizes = np.bincount(list(layer.values()))
    return {
        "layers": len(sizes),
        "nodes": n,
        "edges": m,
        "source_nodes": sizes[0],
        "sink_nodes": sizes[-1],
        "diameter": nx.diameter(g),
        "density": m / (n * (n - 1)),
        "average_shortest_path_length": nx.average_shortest_path_length(g),
        **spread("eccentricity", nx.eccentricity(g)),
        **spread("degree", nx.degree_centrality(g)),
        **spread("closeness", nx.closeness_centrality(g)),
        **spread("nodes_betweenness", nx.betweenness_centrality(g)),
        **spread("edge_betweenness", nx.edge_betweenness_centrality(g)),
    }


def test_properties_equal_networkx() -> None:
    rows = GraphProperties().compute([*CONNECTED, *DAGS])
    for graph, row in zip([*CONNECTED, *DAGS], rows, strict=True):
        expected = reference(graph)
        assert list(expected) == list(NAMES)
        np.testing.assert_allclose(row, list(expected.values()), rtol=0, atol=1e-9)


@pytest.mark.data
@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_properties_equal_the_authors_tables(cell: str, data_folder: Path) -> None:
    with gzip.open(data_folder / f"reber_structure_{cell}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    graphs = [LabelledGraph(["neuron"] * row["n"], row["edges"], directed=False) for row in rows]
    published = [[row[TABLE_NAMES.get(name, name)] for name in NAMES] for row in rows]
    assert len(rows) == 200
    np.testing.assert_allclose(GraphProperties().compute(graphs), published, rtol=0, atol=1e-9)


def test_betweenness_of_graphs_in_parts_equals_networkx() -> None:
    pool = Pool.of(PARTED)
    of_vertices, of_edges = Distances.of(pool, directed=False).betweenness()
    for number, graph in enumerate(PARTED):
        expected = nx.betweenness_centrality(skeleton(graph))
        np.testing.assert_allclose(
            of_vertices[pool.graph == number], [expected[v] for v in sorted(expected)], atol=1e-12
        )
        by_edge = nx.edge_betweenness_centrality(skeleton(graph))
        low = pool.first[number]
        here = np.flatnonzero(pool.edge_graph == number)
        ends = zip(pool.tail[here] - low, pool.head[here] - low, strict=True)
        found = {frozenset(pair): of_edges[edge] for pair, edge in zip(ends, here, strict=True)}
        assert found == pytest.approx({frozenset(edge): value for edge, value in by_edge.items()}, abs=1e-12)


def test_distances_between_components_are_left_out() -> None:
    two = LabelledGraph(["a"] * 5, [(0, 1), (1, 2), (3, 4)], directed=False)
    row = dict(zip(NAMES, GraphProperties().compute([two])[0], strict=True))
    assert row["diameter"] == 2
    assert row["average_shortest_path_length"] == (1 + 2 + 1 + 1 + 2 + 1 + 1 + 1) / 8


def test_relational_properties_equal_networkx() -> None:
    graphs = [*CONNECTED, *DAGS, *PARTED]
    for graph, row in zip(graphs, RelationalProperties().compute(graphs), strict=True):
        g = skeleton(graph)
        largest = max(nx.connected_components(g), key=len)
        centrality = np.abs(list(nx.eigenvector_centrality_numpy(g.subgraph(sorted(largest))).values()))
        degree, eigenvector, clustering, connectivity, cycles = row
        assert degree == pytest.approx(np.mean(list(nx.degree_centrality(g).values())), abs=1e-9)
        assert eigenvector == pytest.approx(centrality.mean(), abs=1e-6)  # networkx stops iterating there
        assert clustering == pytest.approx(nx.average_clustering(g), abs=1e-9)
        assert connectivity == nx.edge_connectivity(g)
        assert cycles == len(nx.cycle_basis(g))


def masks(nodes: int) -> list[LabelledGraph]:
    """Graphs of every generator of the mask space, sparse and dense, and graphs of two nearly separate halves."""
    graphs = []
    for sparsity in (0.9, 0.75, 0.3):
        space = get_space("mask", input_shape=(1, 28, 28), hidden=(nodes,), sparsities=[sparsity])
        for seed in range(4):
            for generator in space.generators:
                rng = np.random.default_rng(seed)
                graphs.append(space.to_graph(space.draw(rng, generator, "tiles", space.limits.kept[0])))
    for seed in range(16):
        halves = nx.disjoint_union(*(nx.gnp_random_graph(nodes // 2, 0.6, seed=2 * seed + half) for half in range(2)))
        rng = np.random.default_rng(seed)
        for one, other in rng.integers(nodes // 2, size=(seed, 2)).tolist():
            halves.add_edge(one, nodes // 2 + other)
        graphs.append(undirected(halves))
    return graphs


def test_relational_properties_of_masks_equal_networkx_to_eight_digits() -> None:
    graphs = masks(40)
    assert len(graphs) == 100
    found = RelationalProperties().compute(graphs)
    below_the_least_degree = 0
    for graph, row in zip(graphs, found, strict=True):
        g = skeleton(graph)
        central = nx.eigenvector_centrality_numpy(g.subgraph(max(nx.connected_components(g), key=len)))
        expected = [
            np.mean(list(nx.degree_centrality(g).values())),
            np.abs(list(central.values())).mean(),
            nx.average_clustering(g),
            nx.edge_connectivity(g),
            g.size() - len(g) + nx.number_connected_components(g),
        ]
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-8)
        below_the_least_degree += row[3] < min(dict(g.degree).values())
    assert below_the_least_degree >= 5


def test_relational_properties_take_one_thread_and_leave_the_others_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    found: list[set[int]] = []
    monkeypatch.setattr(relational, "_clustering", lambda *matrices: found.append(threads()) or 0.0)
    graph = undirected(nx.complete_graph(5))
    RelationalProperties().compute([graph])  # scipy's library is loaded by now
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        RelationalProperties().compute([graph])
        assert threads() == before
    assert found[-1] == {1}


def found_cycle(graph: LabelledGraph) -> int:
    """The cycle that networkx finds, of vertices and neighbours in ascending order."""
    ordered: nx.Graph[int] = nx.Graph()
    ordered.add_nodes_from(range(len(graph)))
    ordered.add_edges_from(sorted(tuple(sorted(edge)) for edge in skeleton(graph).edges))
    try:
        return len(nx.find_cycle(ordered))
    except nx.NetworkXNoCycle:
        return 0


def test_cycle_and_path_lengths_equal_networkx() -> None:
    graphs = [*masks(40), *CONNECTED, *DAGS, *PARTED]
    found = AllRelationalProperties().compute(graphs)
    np.testing.assert_array_equal(found[:, :5], RelationalProperties().compute(graphs))
    for graph, row in zip(graphs, found, strict=True):
        g = skeleton(graph)
        largest = g.subgraph(max(nx.connected_components(g), key=len))
        expected = [found_cycle(graph), nx.average_shortest_path_length(largest)]
        np.testing.assert_allclose(row[5:], expected, rtol=0, atol=1e-8)
    assert {0, 3, 4, 5} <= set(found[:, 5])


def test_the_length_of_a_cycle_is_that_of_the_first_one_found() -> None:
    ring = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)]
    tail = [*ring, (4, 5), (6, 7)]
    # from 0 over 1 to 2: by the chord 0-2 back to 0; not by the chord 2-4, for 3 comes before 4, and 0 before 2
    rows = [[*ring, (0, 2)], [*ring, (2, 4)], tail, tail[:4]]
    graphs = [LabelledGraph(["a"] * 8, edges, directed=False) for edges in rows]
    assert AllRelationalProperties().compute(graphs)[:, 5].tolist() == [3, 5, 5, 0]
    # of the largest component: the ring with a tail, 5 pairs of distance 1 and 5 of 2, and from the tail 1, 2, 2, 3, 3
    assert AllRelationalProperties().compute([graphs[2]])[0, 6] == (5 + 10 + 11) / 15


@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.slow)])
def test_edge_connectivity_equals_networkx_on_graphs_of_all_shapes(count: int) -> None:
    """Small blocks in a ring of blocks, joined by few edges: least cuts of one vertex, of a block and of several."""
    graphs, expected = [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        sizes = rng.integers(2, 9, size=int(rng.integers(1, 5))).tolist()
        inside, between = rng.uniform(0.3, 1), rng.uniform(0, 0.3)
        odds = np.full((len(sizes), len(sizes)), between)
        np.fill_diagonal(odds, inside)
        graph = nx.stochastic_block_model(sizes, odds.tolist(), seed=seed)
        if nx.is_connected(graph) and len(graph) > 1:
            graphs.append(undirected(graph))
            expected.append(nx.edge_connectivity(graph))
    assert len(graphs) > count / 3
    assert RelationalProperties().compute(graphs)[:, 3].tolist() == expected


def test_nothing_to_measure_is_zero() -> None:
    for graph in EMPTY:
        assert np.isfinite(GraphProperties().compute([graph])).all()
        assert np.isfinite(AllRelationalProperties().compute([graph])).all()
    assert GraphProperties().compute([EMPTY[0]]).sum() == 0
