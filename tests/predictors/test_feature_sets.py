from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
from contracts.random_graphs import random_dag, renamed

from predictors.features import FEATURE_SETS, FeatureRows, FeatureSet, PathFeatures, get_features, live_part
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
    np.testing.assert_allclose(fitted.compute(POOL), fitted.compute(twins), rtol=0, atol=1e-9)


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


def test_live_part_keeps_what_paths_use_and_the_labelled_ends() -> None:
    live = live_part(DEAD)
    assert live.ops == ("input", "conv3x3", "output")
    assert live.edges == ((0, 1), (1, 2))
    assert live.attributes["channels"] == (3, 8, 8)
    assert live.info == DEAD.info
    assert live_part(live) is live
    assert live_part(ODD[2]).ops == ("input", "output")
    assert live_part(ODD[3]).edges == ((0, 1), (1, 2))


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
        "count[a]": 3,
        "first[a]": 2,
        "last[b]": 1,
        "in_max[a]": 1,
        "out_mean[a]": 4 / 3,
        "most[a]": 2,
        "fewest[a]": 0,
        "most[b]": 1,
        "longest[a]": 3,
        "longest[b]": 1,
        "shortest[a]": 1,
        "mean[channels]": 3,
        "max[channels]": 5,
        "std[channels]": (10 / 6) ** 0.5,
        "log[gain]": -1,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_path_features_equal_those_of_all_paths_listed() -> None:
    for graph in POOL[:10]:
        fitted = PathFeatures().fit(POOL)
        row = dict(zip(fitted.names, fitted.compute([graph])[0].tolist(), strict=True))
        paths = list(nx.all_simple_paths(graph.to_networkx(), 0, len(graph) - 1))
        inner = [[graph.ops[vertex] for vertex in path[1:-1]] for path in paths]
        assert row["paths"] == pytest.approx(np.log1p(len(paths)))
        for op in fitted.ops:
            counts = [ops.count(op) for ops in inner]
            assert (row[f"most[{op}]"], row[f"fewest[{op}]"]) == (max(counts), min(counts))
        for subset in fitted.subsets:
            lengths = [len(ops) + 1 for ops in inner if set(ops) <= set(subset)] or [0]
            assert row[f"longest[{'+'.join(subset)}]"] == max(lengths)
            assert row[f"shortest[{'+'.join(subset)}]"] == min(lengths)


def test_numbers_that_a_graph_does_not_know_are_nan() -> None:
    fitted = PathFeatures().fit(POOL)
    row = dict(zip(fitted.names, fitted.compute([ODD[1]])[0], strict=True))
    assert np.isnan([row["mean[channels]"], row["log[parameters]"]]).all()


def test_growing_rows_equal_those_computed_at_once() -> None:
    rows = FeatureRows(get_features("default"))
    for part in (POOL[:5], POOL[5:6], [DEAD], POOL[6:]):
        rows.extend(part)
    together = [*POOL[:6], DEAD, *POOL[6:]]
    fitted = get_features("default").fit(together)
    assert len(rows) == len(together)
    assert rows.features == fitted
    np.testing.assert_array_equal(rows.values, fitted.compute(together))


def test_growing_rows_are_computed_once_while_the_vocabulary_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = FeatureRows(PathFeatures())
    rows.extend(POOL)
    computed: list[int] = []
    compute = PathFeatures.compute

    def counting(self: PathFeatures, graphs: list[LabelledGraph]) -> object:
        computed.append(len(graphs))
        return compute(self, graphs)

    monkeypatch.setattr(PathFeatures, "compute", counting)
    rows.extend(POOL[:2])
    rows.extend([LabelledGraph(["input", "new", "output"], [(0, 1), (1, 2)])])
    assert computed == [2, len(POOL) + 3]
