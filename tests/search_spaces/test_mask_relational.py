"""Relational graphs: slices, blow-ups, masks of an exact number of weights, and the graph back from a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.masks import MaskGenotype
from search_spaces.masks.edges import first_edges
from search_spaces.masks.relational import blow_up, edge_weights, layer_owners, masks_of, node_matrix, slices

WIDTHS = (784, 128, 64, 10)


def random_matrix(seed: int, nodes: int) -> np.ndarray:
    matrix = np.random.default_rng(seed).random((nodes, nodes)) < 0.3
    np.fill_diagonal(matrix, True)
    return matrix


def test_slices_spread_what_remains() -> None:
    assert slices(10, 4).tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]
    assert np.bincount(slices(784, 128)).tolist().count(7) == 16  # 784 = 16 * 7 + 112 * 6
    assert np.bincount(slices(784, 128)).tolist().count(6) == 112
    longer = np.flatnonzero(np.bincount(slices(784, 128)) == 7)
    assert set(np.diff(longer)) == {8}  # evenly, not all in front


def test_slices_of_random_nodes_have_the_same_sizes() -> None:
    drawn = [np.bincount(slices(784, 128, np.random.default_rng(seed))).tolist() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(sorted(sizes) == sorted(np.bincount(slices(784, 128)).tolist()) for sizes in drawn)
    assert (np.diff(slices(784, 128, np.random.default_rng(0))) >= 0).all()


@pytest.mark.parametrize(("width", "nodes"), [(10, 11), (10, 0), (0, 1)])
def test_there_are_no_more_nodes_than_units(width: int, nodes: int) -> None:
    with pytest.raises(ValueError, match=f"must be 1..{width} nodes where a layer has {width} units, found {nodes}"):
        slices(width, nodes)


def test_a_blow_up_by_hand() -> None:
    matrix = np.array([[1, 0], [1, 1]], dtype=np.bool_)
    mask = blow_up(matrix, slices(3, 2), np.array([1, 0, 0, 1]))
    # unit 0 is of node 0, which reads itself: inputs 1 and 2; units 1 and 2 are of node 1, which reads both
    assert mask.astype(int).tolist() == [[0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize("nodes", [2, 7, 10])
def test_blow_ups_repeat_the_matrix_as_in_the_code_of_the_paper(nodes: int) -> None:
    for above in WIDTHS:
        for below in WIDTHS:
            matrix = random_matrix(above + below, nodes)
            out_owners, in_owners = slices(above, nodes), slices(below, nodes)
            sizes = np.bincount(out_owners), np.bincount(in_owners)
            mask = blow_up(matrix, out_owners, in_owners)
            assert mask.shape == (above, below)
            assert (mask == np.repeat(np.repeat(matrix, sizes[0], 0), sizes[1], 1)).all()
            assert mask.sum() == (matrix * np.outer(*sizes)).sum()


@given(st.integers(0, 2**32), st.integers(2, 12))
def test_the_matrix_comes_back_from_a_mask_whoever_owns_what(seed: int, nodes: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((nodes, nodes)) < 0.5
    out_owners, in_owners = (rng.permutation(slices(int(rng.integers(nodes, 40)), nodes)) for _ in range(2))
    mask = blow_up(matrix, out_owners, in_owners)
    for share in (0.0, 0.5, 0.99):
        assert (node_matrix(mask, out_owners, in_owners, nodes, share=share) == matrix).all()


def test_an_edge_is_where_more_than_a_share_of_the_weights_is_kept() -> None:
    owners = slices(4, 2)
    mask = np.zeros((4, 4), dtype=np.bool_)
    mask[0, :2] = True  # two of the four weights by which node 0 reads itself
    mask[2, 1] = True  # one of those by which node 1 reads node 0
    assert node_matrix(mask, owners, owners, 2).tolist() == [[True, False], [True, False]]
    assert node_matrix(mask, owners, owners, 2, share=0.25).tolist() == [[True, False], [False, False]]
    assert not node_matrix(mask, owners, owners, 2, share=0.5).any()


def test_hidden_layers_have_slices_and_the_same_graph() -> None:
    owners = np.array([1, 0, 0, 1, 1])
    layers = layer_owners(owners, (4, 2), 2)
    assert [[side.tolist() for side in layer] for layer in layers] == [
        [[0, 0, 1, 1], [1, 0, 0, 1, 1]],
        [[0, 1], [0, 0, 1, 1]],
    ]
    # node 0 owns 2 inputs, 2 units and 1 unit: it reads itself by 2 * 2 + 1 * 2 weights, and node 1 by 2 * 3 + 1 * 2
    assert edge_weights(owners, (4, 2), 2).tolist() == [[6, 8], [6, 8]]


def test_the_surplus_is_left_out_of_the_last_edge_of_the_most_weights() -> None:
    matrix = np.array([[1, 1], [0, 1]], dtype=np.bool_)
    # edges (0, 0), (0, 1) and (1, 1) keep 6, 8 and 8 weights: 22 in all, and of the last one 2 more are in layer two
    whole = masks_of(MaskGenotype.of(matrix, [1, 0, 0, 1, 1], 22), (4, 2))
    assert [mask.astype(int).tolist() for mask in whole] == [
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1]],
        [[1, 1, 1, 1], [0, 0, 1, 1]],
    ]
    fewer = masks_of(MaskGenotype.of(matrix, [1, 0, 0, 1, 1], 19), (4, 2))
    assert [mask.astype(int).tolist() for mask in fewer] == [
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1], [1, 0, 0, 1, 0]],
        [[1, 1, 1, 1], [0, 0, 0, 0]],
    ]
    least = masks_of(MaskGenotype.of(matrix, [1, 0, 0, 1, 1], 15), (4, 2))
    assert sum(int(mask.sum()) for mask in least) == 15
    assert node_matrix(least[0], *layer_owners(np.array([1, 0, 0, 1, 1]), (4, 2), 2)[0], 2).tolist() == matrix.tolist()


@pytest.mark.parametrize(("kept", "found"), [(23, 22), (14, 22), (1, 22)])
def test_masks_of_another_number_of_weights_are_refused(kept: int, found: int) -> None:
    matrix = np.array([[1, 1], [0, 1]], dtype=np.bool_)
    with pytest.raises(ValueError, match=f"edges must have {kept}..{kept + 7} weights.*found {found}"):
        masks_of(MaskGenotype.of(matrix, [1, 0, 0, 1, 1], kept), (4, 2))


def test_first_edges_by_hand() -> None:
    ranks = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 3.0, 0.0]])
    weights = np.full((3, 3), 2)
    # the three of rank 0, then (0, 2) and (2, 0), then (0, 1) alone: twelve weights for eleven
    assert first_edges(ranks, weights, 11).astype(int).tolist() == [[1, 1, 1], [0, 1, 0], [1, 0, 1]]
    assert first_edges(ranks, weights, 6).tolist() == np.eye(3, dtype=bool).tolist()
    assert first_edges(ranks, weights, 18).all()
    assert first_edges(ranks, weights, 10**6).all()


@given(st.integers(0, 2**32), st.integers(2, 10), st.floats(0, 1))
def test_first_edges_have_as_many_weights_as_it_takes_and_both_directions_of_a_pair(
    seed: int, nodes: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, 9, (nodes, nodes))
    ranks = rng.integers(0, 4, (nodes, nodes)).astype(np.float64)
    ranks += ranks.T  # many ties
    kept = max(1, round(share * weights.sum()))
    edges = first_edges(ranks, weights, kept)
    assert 0 <= weights[edges].sum() - kept < weights[edges].max()
    assert (edges & ~edges.T).sum() <= 1
    assert ranks[edges].max() <= ranks[~edges].min(initial=np.inf)
