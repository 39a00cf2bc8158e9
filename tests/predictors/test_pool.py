from __future__ import annotations

import numpy as np
import pytest
from contracts.live_part import live_part
from contracts.random_graphs import random_dag

from predictors.features.distances import CELLS, blocks
from predictors.features.pool import Pool
from predictors.features.segments import segment_max, segment_mean_std
from search_spaces import LabelledGraph


def some_graph(rng: np.random.Generator) -> LabelledGraph:
    """A random DAG with dead parts, with any number of labelled ends, or an undirected graph with self-loops."""
    n, directed = int(rng.integers(1, 14)), bool(rng.random() < 0.7)
    labels = ["a", "b", "c"] + (["input", "output"] if rng.random() < 0.8 else [])
    place = rng.permutation(n)
    pairs = [(int(place[i]), int(place[j])) for i in range(n) for j in range(i + (1 if directed else 0), n)]
    edges = [pair for pair in pairs if rng.random() < 2 / n]
    if not directed:
        edges = sorted({(min(edge), max(edge)) for edge in edges})
    numbers = {"size": tuple(rng.normal(size=n))} if rng.random() < 0.5 else {}
    return LabelledGraph(tuple(rng.choice(labels, size=n)), tuple(edges), numbers, directed, {"n": n})


GRAPHS = [some_graph(np.random.default_rng(seed)) for seed in range(400)]
EDGELESS = [LabelledGraph([], []), LabelledGraph(["a"], []), LabelledGraph(["input", "output"], [])]


def told(pool: Pool, number: int) -> tuple[object, ...]:
    """One graph of a pool, to compare."""
    low, high = pool.first[number : number + 2]
    edges = pool.edge_graph == number
    return (
        [pool.labels[label] for label in pool.label[low:high]],
        sorted(zip((pool.tail[edges] - low).tolist(), (pool.head[edges] - low).tolist(), strict=True)),
        {name: row[low:high].tolist() for name, row in pool.attributes.items() if not np.isnan(row[low:high]).any()},
        {name: row[number] for name, row in pool.info.items() if not np.isnan(row[number])},
    )


def test_a_pool_holds_the_live_parts() -> None:
    pool = Pool.of([*GRAPHS, *EDGELESS])
    assert pool.n_graphs == len(GRAPHS) + 3
    for number, graph in enumerate([*GRAPHS, *EDGELESS]):
        live = live_part(graph)
        expected = (
            list(live.ops),
            sorted(live.edges),
            {k: list(v) for k, v in live.attributes.items()},
            dict(live.info),
        )
        if not len(live):
            expected[2].clear()
            assert told(pool, number)[:2] == expected[:2]
        else:
            assert told(pool, number) == expected
    assert sum(len(live_part(graph)) < len(graph) for graph in GRAPHS) > 50


def test_every_vertex_comes_after_its_predecessors() -> None:
    pool = Pool.of(GRAPHS)
    for levels, before, after in ((pool.forward, pool.tail, pool.head), (pool.backward, pool.head, pool.tail)):
        visited = np.ones(pool.n_vertices, dtype=bool)
        visited[after] = False
        seen = 0
        for level in levels:
            assert visited[level.neighbours].all()
            visited[level.vertices] = True
            seen += len(level.neighbours)
            assert level.starts[0] == 0
        assert visited.all()
        assert seen == len(before)


def test_a_block_is_the_pool_of_its_graphs() -> None:
    pool = Pool.of(GRAPHS).block(100, 180)
    assert pool.n_graphs == 80
    whole = Pool.of(GRAPHS)
    for number in range(80):
        assert told(pool, number) == told(whole, 100 + number)


def test_blocks_share_out_the_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("predictors.features.distances.CELLS", 500)
    assert CELLS > 500
    parts = list(blocks(Pool.of(GRAPHS)))
    assert len(parts) > 20
    assert sum(part.n_graphs for part in parts) == len(GRAPHS)
    assert all(part.n_graphs == 1 or part.sizes.max() * part.n_vertices <= 500 for part in parts)


def test_segments_without_rows_are_zero() -> None:
    values, segment = np.array([1.0, 3.0, -2.0]), np.array([0, 0, 2])
    np.testing.assert_array_equal(segment_max(values, segment, 4), [3, 0, -2, 0])
    np.testing.assert_array_equal(segment_max(values[::-1], segment[::-1], 4), [3, 0, -2, 0])
    mean, std = segment_mean_std(values, segment, 4)
    np.testing.assert_array_equal(mean, [2, 0, -2, 0])
    np.testing.assert_array_equal(std, [1, 0, 0, 0])


def test_graphs_of_a_thousand_vertices_in_a_chain() -> None:
    chain = LabelledGraph(["a"] * 1000, [(i, i + 1) for i in range(999)])
    pool = Pool.of([chain, random_dag(np.random.default_rng(0), 20)])
    assert len(pool.forward) == 999
