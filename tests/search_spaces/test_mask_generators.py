"""Generators: exactly the kept weights for each, what they promise of graphs, and how widely properties differ."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from predictors.features import get_features
from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.masks.generators import (
    GENERATORS,
    Frame,
    attached_graph,
    ba,
    focused,
    geometric,
    one_way,
    regular,
    ring,
    sbm,
    ws_flex_graph,
)
from search_spaces.masks.validity import kept_weights

SPARSITIES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
#: Of 784-128-10: the share of 101,632 weights that stays, without the 1,280 of the classifier.
KEPT = {0.15: 85107, 0.3: 69862, 0.45: 54618, 0.6: 39373, 0.75: 24128, 0.9: 8883}
SYMMETRIC = [name for name in GENERATORS if name != "er"]


def undirected(matrix: np.ndarray) -> nx.Graph[int]:
    graph: nx.Graph[int] = nx.from_numpy_array(matrix | matrix.T)
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    return graph


def frame(degree: float, nodes: int = 40) -> Frame:
    side = np.arange(nodes)
    return Frame(degree, np.stack([side // 8, side % 8], axis=1).astype(np.float64))


def edges_of(ranks: np.ndarray, pairs: int) -> np.ndarray:
    """The symmetric graph of the first pairs."""
    tails, heads = np.triu_indices(len(ranks), 1)
    first = np.argsort(ranks[tails, heads], kind="stable")[:pairs]
    graph = np.zeros(ranks.shape, dtype=np.bool_)
    graph[tails[first], heads[first]] = graph[heads[first], tails[first]] = True
    return graph


def test_the_kept_weights_of_the_papers_network_by_hand() -> None:
    assert {s: kept_weights(784, (128,), 1280, s) for s in SPARSITIES} == KEPT
    assert KEPT[0.9] + 1280 == round(0.1 * (784 * 128 + 128 * 10)) == 10163


@pytest.mark.parametrize("sparsity", SPARSITIES)
@pytest.mark.parametrize("generator", GENERATORS)
def test_masks_have_exactly_the_kept_weights(generator: str, sparsity: float) -> None:
    space = MaskSpace(sparsities=(sparsity,), input_spread=np.random.default_rng(0).random(784).tolist())
    for seed, placement in enumerate(space.placements):
        genotype = space.draw(np.random.default_rng(seed), generator, placement, KEPT[sparsity])
        assert space.validate(genotype) == []
        (mask,) = space.masks(genotype)
        assert mask.shape == (128, 784)
        assert mask.sum() == genotype.kept == KEPT[sparsity]
        assert genotype.matrix.diagonal().all()


@pytest.mark.parametrize("generator", GENERATORS)
def test_deep_networks_keep_exactly_as_many_over_all_layers(generator: str) -> None:
    space = MaskSpace((1, 9, 9), 3, hidden=(20, 31, 17), nodes=13, sparsities=(0.5,))
    (kept,) = space.limits.kept
    assert kept == round(0.5 * (81 * 20 + 20 * 31 + 31 * 17 + 17 * 3)) - 17 * 3
    for seed in range(5):
        genotype = space.draw(np.random.default_rng(seed), generator, "random", kept)
        assert space.validate(genotype) == []
        masks = space.masks(genotype)
        assert [mask.shape for mask in masks] == [(20, 81), (31, 20), (17, 31)]
        assert sum(int(mask.sum()) for mask in masks) == kept


@pytest.mark.parametrize("generator", SYMMETRIC)
def test_graphs_are_symmetric_but_for_one_edge_where_all_pairs_are_mutual(generator: str) -> None:
    for sparsity in (0.9, 0.3):
        space = MaskSpace(sparsities=(sparsity,), mutual=(1, 1))
        matrix = space.draw(np.random.default_rng(1), generator, "tiles", KEPT[sparsity]).matrix
        assert (matrix != matrix.T).sum() <= 2


@pytest.mark.parametrize("generator", SYMMETRIC)
def test_no_pair_is_mutual_where_none_may_be(generator: str) -> None:
    space = MaskSpace(mutual=(0, 0))
    matrix = space.draw(np.random.default_rng(1), generator, "tiles", KEPT[0.9]).matrix
    np.fill_diagonal(matrix, False)
    assert (matrix & matrix.T).sum() <= 0.02 * matrix.sum()
    assert 0.45 < np.tril(matrix).sum() / matrix.sum() < 0.55  # directions are random


def test_one_direction_of_a_pair_comes_last_by_hand() -> None:
    ranks = np.array([[0.0, 1.0], [1.0, 0.0]])
    once = one_way(np.random.default_rng(0), ranks, 0.0)
    assert sorted([once[0, 1], once[1, 0]]) == [1.0, 3.0]
    assert (one_way(np.random.default_rng(0), ranks, 1.0) == ranks).all()


def test_rings_join_the_nearest_numbers() -> None:
    graph = edges_of(ring(np.random.default_rng(0), frame(6)), 3 * 40)
    assert (graph == nx.to_numpy_array(nx.circulant_graph(40, [1, 2, 3]))).all()
    more = edges_of(ring(np.random.default_rng(0), frame(6.5)), 130)
    assert (more >= graph).all()
    assert {min(j - i, 40 - j + i) for i, j in undirected(more & ~graph).edges} == {4}


def test_regular_graphs_have_equal_degrees_and_random_neighbours() -> None:
    graphs = [edges_of(regular(np.random.default_rng(seed), frame(6)), 3 * 40) for seed in range(20)]
    # an offset of 20, half of the ring, joins each node once and not twice
    assert all(set(graph.sum(axis=0)) <= {5, 6, 7} for graph in graphs)
    assert sum(set(graph.sum(axis=0)) == {6} for graph in graphs) > 10
    assert len({graph.tobytes() for graph in graphs}) == 20
    offset = np.concatenate([np.abs(np.diff(np.argwhere(graph), axis=1)).ravel() for graph in graphs])
    assert 10 < offset.mean() < 17  # 13.7 where neighbours have random numbers


def test_ws_flex_graphs_have_any_mean_degree_and_are_lattices_until_they_are_rewired() -> None:
    for pairs in (40, 100, 130, 400):
        for odds in (0.0, 0.3, 1.0):
            graph = ws_flex_graph(np.random.default_rng(pairs), 40, pairs, odds)
            assert (graph == graph.T).all()
            assert not graph.diagonal().any()
            assert graph.sum() == 2 * pairs  # the mean degree is 2 pairs / nodes, a real number
            lengths = [min(j - i, 40 - j + i) for i, j in undirected(graph).edges]
            if odds == 0:
                assert max(lengths) <= -(-pairs // 40)
            elif odds == 1:
                assert np.mean(lengths) > 8  # 10.3 in a random graph
    clustering = [
        nx.average_clustering(undirected(ws_flex_graph(np.random.default_rng(0), 40, 160, p))) for p in (0, 1)
    ]
    assert clustering[0] == pytest.approx(9 / 14)  # 3 (k - 2) / 4 (k - 1) for k = 8
    assert clustering[1] < 0.35


def test_complete_graphs_are_not_rewired() -> None:
    graph = ws_flex_graph(np.random.default_rng(0), 10, 45, 1.0)
    assert (graph | np.eye(10, dtype=bool)).all()


def test_attachment_makes_hubs_the_more_the_larger_its_exponent() -> None:
    for pairs in (60, 150, 390):
        largest = []
        for exponent in (0.0, 1.0, 2.0):
            graphs = [attached_graph(np.random.default_rng(seed), 40, pairs, exponent) for seed in range(10)]
            assert np.mean([graph.sum() / 2 for graph in graphs]) == pytest.approx(pairs, rel=0.06)
            assert all((graph == graph.T).all() and not graph.diagonal().any() for graph in graphs)
            largest.append(np.mean([graph.sum(axis=0).max() for graph in graphs]))
        assert largest == sorted(largest)


def test_dense_attached_graphs_are_complements_which_have_nodes_of_few_edges() -> None:
    graphs = [edges_of(ba(np.random.default_rng(seed), frame(30)), 600) for seed in range(20)]
    spread = np.mean([graph.sum(axis=0).std() for graph in graphs])
    uniform = np.mean(
        [edges_of(np.random.default_rng(seed).random((40, 40)), 600).sum(axis=0).std() for seed in range(20)]
    )
    assert spread > 1.5 * uniform
    assert np.mean([graph.sum(axis=0).min() for graph in graphs]) < 20


def test_blocks_are_denser_or_sparser_within() -> None:
    near = [edges_of(sbm(np.random.default_rng(seed), frame(6)), 120) for seed in range(60)]
    lengths = [np.abs(np.diff(np.argwhere(graph), axis=1)).mean() for graph in near]
    assert min(lengths) < 8  # within blocks, whose nodes have near numbers
    assert max(lengths) > 15  # between them


def test_geometric_graphs_join_near_nodes_with_more_noise_or_less() -> None:
    grid = frame(6)
    distances = np.hypot(*(grid.centres[:, None] - grid.centres[None]).transpose(2, 0, 1))
    graphs = [edges_of(geometric(np.random.default_rng(seed), grid), 120) for seed in range(40)]
    lengths = [distances[graph].mean() for graph in graphs]
    assert 1.0 < min(lengths) < 1.4
    assert 1.7 < max(lengths) < distances.mean()


def test_samples_differ_far_more_than_uniform_random_masks() -> None:
    """At .90 no node has more than twenty neighbours, and so the connectivity differs at most thrice as much."""
    features = get_features("relational5")
    for sparsity in (0.3, 0.6, 0.9):
        space = MaskSpace(sparsities=(sparsity,))
        uniform = MaskSpace(sparsities=(sparsity,), generators=("er",), placements=("contiguous",))
        spread, narrow = (
            features.compute([each.to_graph(each.sample(np.random.default_rng(seed))) for seed in range(100)]).std(
                axis=0
            )
            for each in (space, uniform)
        )
        wanted = [5.0, 5.0, 5.0, 2.5 if sparsity == 0.9 else 4.5, 5.0]
        assert (spread >= wanted * narrow).all(), (sparsity, spread / narrow)


def test_graphs_without_self_edges() -> None:
    space = MaskSpace(self_edges=False, sparsities=(0.9,))
    drawn = [space.draw(np.random.default_rng(seed), "er", "random", KEPT[0.9]) for seed in range(5)]
    assert all(space.validate(genotype) == [] for genotype in drawn)
    assert any(not genotype.matrix.diagonal().all() for genotype in drawn)
    assert isinstance(drawn[0], MaskGenotype)


def test_edges_to_nodes_whose_inputs_spread_little_come_later() -> None:
    ranks = np.array([[1.0, 2.0], [3.0, 4.0]])
    later = focused(ranks, np.array([0.5, 1.0]), 2.0)
    assert later == pytest.approx(np.array([[0.004, 1.001], [8.004, 3.001]]))
    assert (focused(ranks, np.array([0.5, 1.0]), 0.0).argsort(axis=None) == ranks.argsort(axis=None)).all()


def test_a_focus_on_inputs_that_spread_is_seen_in_the_weights_that_are_kept() -> None:
    spread = np.r_[np.full(392, 0.1), np.full(392, 1.0)].tolist()
    found = []
    for focus in ((0, 0), (2, 2)):
        space = MaskSpace(input_spread=spread, focus=focus, placements=["tiles"], generators=["geometric"])
        graphs = [space.to_graph(space.sample(np.random.default_rng(seed))) for seed in range(10)]
        found.append(float(np.mean([graph.info["input_spread"] for graph in graphs])))
    assert 0.4 < found[0] < 0.7
    assert found[1] > 0.75
