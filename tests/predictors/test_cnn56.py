from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from contracts.random_graphs import random_dag, renamed

from predictors.features import FEATURES_V1, Cnn56
from predictors.features.pool import Pool
from predictors.features.walks import largest_sums, random_walk
from search_spaces import LabelledGraph

NAMES = """
layer_mass_mean layer_mass_std
shortest_path_conv_mean shortest_path_conv_std shortest_path_max_pool_mean shortest_path_max_pool_std
shortest_path_avg_pool_mean shortest_path_avg_pool_std shortest_path_sum_mean shortest_path_sum_std
shortest_path_concat_mean shortest_path_concat_std shortest_path_skip_mean shortest_path_skip_std
longest_path_conv_mean longest_path_conv_std longest_path_max_pool_mean longest_path_max_pool_std
longest_path_avg_pool_mean longest_path_avg_pool_std longest_path_sum_mean longest_path_sum_std
longest_path_concat_mean longest_path_concat_std longest_path_skip_mean longest_path_skip_std
random_walk_path_conv_mean random_walk_path_conv_std random_walk_path_max_pool_mean random_walk_path_max_pool_std
random_walk_path_avg_pool_mean random_walk_path_avg_pool_std random_walk_path_sum_mean random_walk_path_sum_std
random_walk_path_concat_mean random_walk_path_concat_std random_walk_path_skip_mean random_walk_path_skip_std
depth_mean depth_std depth_max
edge_betweenness_mean edge_betweenness_std edge_betweenness_max
eccentricity_mean eccentricity_std eccentricity_max
closeness_mean closeness_std closeness_max
avg_neighbor_degree_mean avg_neighbor_degree_std avg_neighbor_degree_max
degree_mean degree_std degree_max
"""

CHAIN = LabelledGraph(
    ["input", "conv3x3", "max_pool", "conv5x5", "output"],
    [(0, 1), (1, 2), (2, 3), (3, 4)],
    {"channels": [3, 16, 16, 32, 32]},
)
FORK = LabelledGraph(
    ["input", "conv3x3", "max_pool", "skip", "sum", "output"],
    [(0, 1), (0, 2), (1, 4), (2, 3), (3, 4), (4, 5)],
)
SHORTCUTS = LabelledGraph(
    ["input", "conv3x3", "conv3x3", "concat", "output"],
    [(0, 1), (0, 3), (1, 2), (1, 3), (2, 3), (3, 4)],
)


def features(graph: LabelledGraph) -> dict[str, float]:
    return dict(zip(FEATURES_V1, Cnn56().compute([graph])[0].tolist(), strict=True))


def test_names_are_the_list_in_its_order() -> None:
    assert list(FEATURES_V1) == NAMES.split()
    assert len(FEATURES_V1) == 56
    thesis = Cnn56(variance=True).names
    assert [name.replace("_var", "_max") for name in thesis] == NAMES.split()


@pytest.mark.parametrize(
    ("graph", "name", "value"),
    [
        (CHAIN, "layer_mass_mean", (16 * 3 + 16 * 16 + 32 * 16) / 3),
        (CHAIN, "layer_mass_std", (108032 / 3) ** 0.5),
        (CHAIN, "shortest_path_conv_mean", 2.0),
        (CHAIN, "longest_path_conv_std", 1.0),
        (CHAIN, "depth_max", 3.0),
        (CHAIN, "edge_betweenness_mean", (4 + 6 + 6 + 4) / 20 / 4),
        (CHAIN, "eccentricity_mean", (4 + 3 + 2 + 3 + 4) / 5),
        (CHAIN, "closeness_max", 4 / (2 + 1 + 1 + 2)),
        (CHAIN, "avg_neighbor_degree_mean", (2 + 1.5 + 2 + 1.5 + 2) / 5),
        (FORK, "shortest_path_sum_mean", 2.0),
        (FORK, "longest_path_sum_mean", 3.0),
        (FORK, "random_walk_path_sum_mean", 2.5),
        (FORK, "longest_path_skip_mean", 2.0),
        (FORK, "degree_max", 3.0),
        (FORK, "layer_mass_mean", (1 + 1 + 1 + 2) / 4),
        (SHORTCUTS, "random_walk_path_concat_mean", 0.5 * 1 + 0.25 * 2 + 0.25 * 3),
        (SHORTCUTS, "shortest_path_concat_mean", 1.0),
        (SHORTCUTS, "random_walk_path_conv_std", 0.5),
        (SHORTCUTS, "shortest_path_avg_pool_mean", 0.0),
    ],
)
def test_values_worked_out_by_hand(graph: LabelledGraph, name: str, value: float) -> None:
    assert features(graph)[name] == pytest.approx(value, abs=1e-12)


def test_thesis_statistics_are_variances() -> None:
    row = dict(zip(Cnn56(variance=True).names, Cnn56(variance=True).compute([FORK])[0], strict=True))
    assert row["degree_var"] == pytest.approx(np.var([2, 2, 2, 2, 3, 1]))
    assert row["degree_mean"] == features(FORK)["degree_mean"]


def reference(graph: LabelledGraph) -> dict[str, float]:
    """The 18 graph features by networkx."""
    g = graph.to_networkx()
    skeleton = g.to_undirected()
    depth = {0: 0}
    for vertex in list(nx.topological_sort(g))[1:]:
        depth[vertex] = 1 + max(depth[tail] for tail in g.predecessors(vertex))
    values = {
        "depth": list(depth.values()),
        "edge_betweenness": list(nx.edge_betweenness_centrality(g).values()),
        "eccentricity": list(nx.eccentricity(skeleton).values()),
        "closeness": list(nx.closeness_centrality(skeleton).values()),
        "avg_neighbor_degree": list(nx.average_neighbor_degree(skeleton).values()),
        "degree": [degree for _, degree in g.degree()],
    }
    result = {}
    for name, row in values.items():
        result |= {f"{name}_mean": np.mean(row), f"{name}_std": np.std(row), f"{name}_max": max(row)}
    result["depth_max"] -= 1  # the output is not counted
    return result


def test_graph_properties_equal_networkx() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 4, 7, 12, 20, 40, 64):
        for _ in range(3):
            graph = random_dag(rng, n)
            found = features(graph)
            for name, value in reference(graph).items():
                assert found[name] == pytest.approx(value, abs=1e-9), name


def test_random_walk_equals_walks() -> None:
    rng = np.random.default_rng(0)
    graph = random_dag(rng, 10)
    steps, visits = np.zeros(10), np.zeros(10)
    at, n_walks = np.zeros(200_000, dtype=int), 200_000
    heads = [[head for tail, head in graph.edges if tail == vertex] for vertex in range(10)]
    widths = np.array([len(row) for row in heads])
    table = np.array([row + [0] * (max(widths) - len(row)) for row in heads])
    for step in range(10):
        steps += step * np.bincount(at, minlength=10)
        visits += np.bincount(at, minlength=10)
        at = at[widths[at] > 0]
        at = table[at, (rng.random(len(at)) * widths[at]).astype(int)]
    assert visits[9] == n_walks
    # A vertex that one walk in ten visits has a standard error of 0.007 at a deviation of one step.
    often = visits > n_walks / 10
    assert often.sum() >= 5
    walk = random_walk(Pool.of([graph]))
    assert np.abs(steps / np.maximum(visits, 1) - walk)[often].max() < 0.01


def test_walks_lie_between_shortest_and_longest_paths() -> None:
    rng = np.random.default_rng(1)
    pool = Pool.of([random_dag(rng, n) for n in range(3, 40)])
    ones = np.ones((pool.n_vertices, 1))
    longest, shortest = largest_sums(pool, np.hstack([ones, -ones])).T
    walk = random_walk(pool)
    assert (-shortest - 1 <= walk + 1e-12).all()
    assert (walk <= longest - 1 + 1e-12).all()


def test_renaming_vertices_changes_nothing() -> None:
    rng = np.random.default_rng(2)
    graphs = [random_dag(rng, int(n)) for n in rng.integers(3, 30, size=20)]
    twins = [renamed(rng, graph) for graph in graphs]
    np.testing.assert_allclose(Cnn56().compute(graphs), Cnn56().compute(twins), rtol=0, atol=1e-9)


def test_labels_of_other_spaces_count_as_their_operation() -> None:
    other = LabelledGraph(
        ["input", "nor_conv_3x3", "avg_pool_3x3", "skip_connect", "summary", "output"],
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)],
    )
    row = features(other)
    lengths = {op: row[f"longest_path_{op}_mean"] for op in ("conv", "avg_pool", "skip", "sum")}
    assert lengths == {"conv": 1, "avg_pool": 2, "skip": 3, "sum": 0}


@pytest.mark.parametrize(
    "graph",
    [
        LabelledGraph([], []),
        LabelledGraph(["input", "output"], []),
        LabelledGraph(["input", "conv3x3", "output"], [(0, 1)]),
        LabelledGraph(["neuron"] * 3, []),
        LabelledGraph(["neuron"], [(0, 0)], directed=False),
        LabelledGraph(["neuron"] * 3, [(0, 1), (1, 2), (0, 2)], directed=False),
    ],
)
def test_graphs_without_live_paths_have_an_answer(graph: LabelledGraph) -> None:
    assert np.isfinite(Cnn56().compute([graph])).all()
