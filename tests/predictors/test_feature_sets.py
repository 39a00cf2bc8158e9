from __future__ import annotations

import json
from itertools import product
from typing import Any

import networkx as nx
import numpy as np
import pytest
from contracts.live_part import live_part
from contracts.random_graphs import random_dag, renamed

from predictors.features import FEATURE_SETS, DefaultFeatures, FeatureSet, PathFeatures, get_features
from predictors.features.layers import NAMES as LAYER_NAMES
from search_spaces import LabelledGraph

RNG = np.random.default_rng(0)
POOL = [random_dag(RNG, int(n)) for n in RNG.integers(3, 25, size=20)]
ODD = [
    LabelledGraph([], []),
    LabelledGraph(["input", "output"], []),
    LabelledGraph(["input", "conv3x3", "output"], [(0, 1)]),
    LabelledGraph(["neuron"] * 4, [(0, 1), (1, 2), (2, 2)], directed=False),
]
DEAD = LabelledGraph(
    ["input", "conv3x3", "skip", "sum", "max_pool", "output"],
    [(0, 1), (1, 5), (0, 2), (3, 5), (2, 4)],
    {"channels": [3, 8, 8, 8, 8, 8]},
    info={"macs": 10.0},
)
ORDERED = {"cycle_length"}
"""What depends on the order of vertices: which cycle is found first."""


@pytest.fixture(params=FEATURE_SETS)
def features(request: pytest.FixtureRequest) -> FeatureSet:
    return get_features(request.param)


def test_sets_keep_the_protocol(features: FeatureSet) -> None:
    assert isinstance(features, FeatureSet)
    assert FEATURE_SETS[features.name]() == features
    fitted = features.fit(POOL)
    assert len(set(fitted.names)) == len(fitted.names)
    assert fitted.fit(POOL[:3]) == fitted
    assert features.fit(POOL[::-1]) == fitted
    assert features.fit(POOL[:10]).fit(POOL[10:]) == fitted


def test_rows_are_numbers_of_their_own_graph_alone(features: FeatureSet) -> None:
    fitted = features.fit(POOL)
    values = fitted.compute(POOL)
    assert values.dtype == np.float64
    assert values.shape == (len(POOL), len(fitted.names))
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(values[7:9], fitted.compute(POOL[7:9]))
    assert fitted.compute([]).shape == (0, len(fitted.names))


def test_renaming_vertices_changes_nothing(features: FeatureSet) -> None:
    fitted = features.fit(POOL)
    twins = [renamed(np.random.default_rng(1), graph) for graph in POOL]
    columns = [place for place, name in enumerate(fitted.names) if name not in ORDERED]
    np.testing.assert_allclose(fitted.compute(POOL)[:, columns], fitted.compute(twins)[:, columns], rtol=0, atol=1e-9)


def test_vocabulary_survives_json(features: FeatureSet) -> None:
    fitted = features.fit(POOL)
    assert features.with_vocabulary(json.loads(json.dumps(fitted.vocabulary()))) == fitted


def test_odd_graphs_have_an_answer(features: FeatureSet) -> None:
    assert not np.isinf(features.fit(ODD).compute(ODD)).any()
    assert not np.isinf(features.fit(POOL).compute(ODD)).any()


def test_dead_parts_count_for_nothing(features: FeatureSet) -> None:
    fitted = features.fit([DEAD])
    np.testing.assert_array_equal(fitted.compute([DEAD]), fitted.compute([live_part(DEAD)]))


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(ValueError, match=r"features must be one of cnn56, .*, found 'cnn57'"):
        get_features("cnn57")


def test_path_features_worked_out_by_hand() -> None:
    graph = LabelledGraph(
        ["input", "a", "b", "a", "a", "output"],
        [(0, 1), (1, 2), (2, 5), (0, 3), (3, 4), (4, 5), (0, 5), (1, 5)],
        {"channels": [1, 2, 3, 4, 5, 3]},
        info={"gain": -(np.e - 1)},
    )
    fitted = PathFeatures().fit([graph])
    row = dict(zip(fitted.names, fitted.compute([graph])[0].tolist(), strict=True))
    expected = {
        "vertices": 6,
        "edges": 8,
        "paths": np.log(1 + 4),
        "longest_path": 3,
        "shortest_path": 1,
        "mean_path": (3 + 3 + 1 + 2) / 4,
        "count[a]": 3,
        "first[a]": 2,
        "last[b]": 1,
        "in_max[a]": 1,
        "out_mean[a]": 4 / 3,
        "most[a]": 2,
        "fewest[a]": 0,
        "most[b]": 1,
        "usual[a]": (1 + 2 + 0 + 1) / 4,
        "keeping[a]": np.log(1 + 3),
        "keeping[b]": np.log(1 + 1),
        "follows[a>b]": 1,
        "follows[a>a]": 1,
        "follows[b>a]": 0,
        "longest[a]": 3,
        "longest[b]": 1,
        "shortest[a]": 1,
        "mean[channels]": 3,
        "max[channels]": 5,
        "std[channels]": (10 / 6) ** 0.5,
        "final[channels]": (2 + 3 + 5 + 1) / 4,
        "heaviest[channels]": np.log([2, 5, 6, 4]).sum(),
        "mean[channels|a]": np.log([3, 5, 6]).mean(),
        "log[gain]": -1,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_an_op_and_an_attribute_of_one_name_have_columns_of_their_own() -> None:
    names = PathFeatures().fit([LabelledGraph(["input", "a", "output"], [(0, 1), (1, 2)], {"a": [1, 2, 3]})]).names
    assert len(set(names)) == len(names)


def test_with_more_paths_than_can_be_counted_their_mean_is_bounded() -> None:
    # 1,100 diamonds in a row: 2**1100 paths of 2,200 edges over 3,301 vertices
    diamonds = [(3 * k, 3 * k + side) for k in range(1100) for side in (1, 2)]
    diamonds += [(3 * k + side, 3 * k + 3) for k in range(1100) for side in (1, 2)]
    graph = LabelledGraph(["input", *["a"] * 3299, "output"], diamonds)
    fitted = PathFeatures().fit([graph])
    row = dict(zip(fitted.names, fitted.compute([graph])[0].tolist(), strict=True))
    assert row["longest_path"] == row["shortest_path"] == 2200
    assert 0 < row["mean_path"] <= 3300, "not exact any more: at most every vertex is on every path"


def test_kinds_of_few_ops_worked_out_by_hand() -> None:
    # 0 -> conv3x3 -> conv5x5 -> skip -> 6, 0 -> skip -> 6, and a convolution that leads nowhere
    graph = LabelledGraph(
        ["input", "conv3x3", "conv5x5", "skip", "skip", "conv3x3", "output"],
        [(0, 1), (1, 2), (2, 3), (3, 6), (0, 4), (4, 6), (0, 5)],
    )
    fitted = PathFeatures().fit([graph])
    row = dict(zip(fitted.names, fitted.compute([graph])[0].tolist(), strict=True))
    # a kind of two ops is a group though there are few ops: both convolutions lie on one path
    assert [row[f"{what}[conv*]"] for what in ("count", "most", "fewest", "usual")] == [2, 2, 0, 1]
    assert row["follows[conv3x3>conv5x5]"] == 1


def test_kinds_stand_in_for_ops_when_there_are_many() -> None:
    few = PathFeatures().fit([LabelledGraph(["conv3x3", "conv5x5", "pool", "skip"], [])])
    many = few.fit([LabelledGraph(["concat"], [])])
    assert few.kinds == {"conv": ("conv3x3", "conv5x5"), "pool": ("pool",), "skip": ("skip",)}
    assert few.classes == {op: (op,) for op in few.ops}
    assert many.classes == many.kinds == {"concat": ("concat",), **few.kinds}
    for fitted in (few, many):
        assert fitted.groups == {**{op: (op,) for op in fitted.ops}, "conv*": ("conv3x3", "conv5x5")}
    assert set(many.sets) == {*many.groups, *(f"not {kind}" for kind in many.kinds)}
    assert len(few.sets) == 2**4 - 2
    assert "follows[conv3x3>pool]" in few.names
    assert "follows[conv>pool]" in many.names


def test_path_features_equal_those_of_all_paths_listed() -> None:
    fitted = PathFeatures().fit(POOL)
    assert {"conv*", "not conv"} < set(fitted.sets)
    assert fitted.classes == fitted.kinds
    for graph in POOL[:10]:
        row = dict(zip(fitted.names, fitted.compute([graph])[0].tolist(), strict=True))
        paths = list(nx.all_simple_paths(graph.to_networkx(), 0, len(graph) - 1))
        inner = [[graph.ops[vertex] for vertex in path[1:-1]] for path in paths]
        assert row["paths"] == pytest.approx(np.log1p(len(paths)))
        assert row["mean_path"] == pytest.approx(np.mean([len(ops) + 1 for ops in inner]))
        for group, members in fitted.groups.items():
            counts = [sum(op in members for op in ops) for ops in inner]
            assert (row[f"most[{group}]"], row[f"fewest[{group}]"]) == (max(counts), min(counts))
            assert row[f"usual[{group}]"] == pytest.approx(np.mean(counts))
        for name, subset in fitted.sets.items():
            lengths = [len(ops) + 1 for ops in inner if set(ops) <= set(subset)]
            assert row[f"longest[{name}]"] == max(lengths, default=0)
            assert row[f"shortest[{name}]"] == min(lengths, default=0)
            assert row[f"keeping[{name}]"] == pytest.approx(np.log1p(len(lengths)))
        for tails, heads in product(fitted.classes.items(), repeat=2):
            edges = sum(graph.ops[tail] in tails[1] and graph.ops[head] in heads[1] for tail, head in graph.edges)
            assert row[f"follows[{tails[0]}>{heads[0]}]"] == edges


def test_numbers_that_a_graph_does_not_know_are_nan() -> None:
    fitted = PathFeatures().fit(POOL)
    row = dict(zip(fitted.names, fitted.compute([ODD[1]])[0], strict=True))
    assert np.isnan([row["mean[channels]"], row["log[parameters]"]]).all()


ONE_OP = [LabelledGraph(["unit"] * 4, [(0, 1), (1, 2), (0, 2), (2, 3)]), LabelledGraph(["unit"] * 2, [(0, 1)])]
TWO_OPS = LabelledGraph(["input", "unit", "gate", "output"], [(0, 1), (1, 2), (2, 3)])


def test_default_features_are_paths_where_there_are_several_ops() -> None:
    fitted, paths = DefaultFeatures().fit([TWO_OPS]), PathFeatures().fit([TWO_OPS])
    assert fitted.names == paths.names
    np.testing.assert_array_equal(fitted.compute([TWO_OPS, *ONE_OP]), paths.compute([TWO_OPS, *ONE_OP]))


def test_default_features_are_layers_where_there_is_one_op() -> None:
    fitted = DefaultFeatures().fit(ONE_OP)
    assert fitted.names == LAYER_NAMES
    np.testing.assert_array_equal(fitted.compute(ONE_OP), get_features("layers").compute(ONE_OP))


@pytest.mark.parametrize("numbers", [{"attributes": {"size": [1, 2, 3]}}, {"info": {"macs": 3.0}}], ids=str)
def test_default_features_are_both_where_there_is_one_op_and_numbers(numbers: dict[str, Any]) -> None:
    graphs = [*ONE_OP, LabelledGraph(["unit"] * 3, [(0, 1), (1, 2)], **numbers)]
    fitted, paths = DefaultFeatures().fit(graphs), PathFeatures().fit(graphs)
    assert fitted.names == (*LAYER_NAMES, *paths.names)
    both = np.hstack([get_features("layers").compute(graphs), paths.compute(graphs)])
    np.testing.assert_array_equal(fitted.compute(graphs), both)


def test_a_second_op_turns_rows_of_layers_into_rows_of_paths() -> None:
    features = get_features("default").fit(ONE_OP)
    assert features.compute(ONE_OP).shape == (2, len(LAYER_NAMES))
    features, paths = features.fit([TWO_OPS]), PathFeatures().fit([*ONE_OP, TWO_OPS])
    assert features.names == paths.names
    np.testing.assert_array_equal(features.compute([*ONE_OP, TWO_OPS]), paths.compute([*ONE_OP, TWO_OPS]))
