"""Graphs of masks on three levels, the masks back from them, and how sparse masks are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import LabelledGraph
from search_spaces.masks import MaskSpace
from search_spaces.sparse.graphs import graph_of_masks, masks_of_graph
from search_spaces.sparse.measures import density, sparsity, xi

#: Three inputs, two units, one output; the second unit reads nothing.
SMALL = [np.array([[1, 0, 1], [0, 0, 0]]), np.array([[1, 1]])]


def convolutions() -> list[np.ndarray]:
    """One channel to two and on to two, kernels of 3 x 3; then two units that read both at two places."""
    first, second = np.zeros((2, 1, 3, 3)), np.zeros((2, 2, 3, 3))
    first[0, 0, 1, 1] = first[1, 0, 0, :] = 1
    second[0, 0, 2, 2] = second[1, 1] = 1
    return [first, second, np.array([[1, 1, 0, 0], [0, 0, 0, 1]])]


def test_neurons_by_hand() -> None:
    graph = graph_of_masks(SMALL)
    assert graph.ops == ("input",) * 3 + ("hidden",) * 2 + ("output",)
    assert graph.edges == ((0, 3), (2, 3), (3, 5), (4, 5))
    assert graph.directed
    assert dict(graph.attributes) == {"layer": (0, 0, 0, 1, 1, 2)}


def test_channels_by_hand() -> None:
    graph = graph_of_masks(convolutions(), "channel")
    assert graph.ops == ("input",) + ("hidden",) * 4 + ("output",) * 2
    # channel 0 of the images to both; each of those to one of the next; and these, places taken together, to a unit
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6)}
    assert graph.attributes["layer"] == (0, 1, 1, 2, 2, 3, 3)


def test_kernels_by_hand() -> None:
    graph = graph_of_masks(convolutions(), "kernel")
    assert graph.ops == ("kernel",) * 6
    assert dict(graph.attributes) == {
        "layer": (1, 1, 2, 2, 3, 3),
        "reads": (0, 0, 0, 1, 0, 1),
        "writes": (0, 1, 0, 1, 0, 1),
        "kept": (1, 3, 1, 9, 2, 1),
    }
    assert graph.edges == ((0, 2), (1, 3), (2, 4), (3, 5))


def test_kernels_share_channels() -> None:
    dense = [np.ones((2, 3, 3, 3)), np.ones((4, 2, 3, 3))]
    graph = graph_of_masks(dense, "kernel")
    assert len(graph) == 2 * 3 + 4 * 2
    assert len(graph.edges) == 2 * 3 * 4  # each channel between is written by three kernels and read by four


def test_kernels_of_linear_layers_are_weights() -> None:
    graph = graph_of_masks(SMALL, "kernel")
    assert len(graph) == 4
    assert graph.edges == ((0, 2), (1, 2))  # the weight from the second unit follows none
    assert graph_of_masks(SMALL, "channel") == graph_of_masks(SMALL, "neuron")


@st.composite
def consecutive_masks(draw: st.DrawFn) -> list[np.ndarray]:
    widths = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.floats(0, 1))
    return [rng.random((above, below)) < share for below, above in pairwise(widths)]


@given(consecutive_masks())
def test_masks_come_back_from_their_graphs_and_graphs_from_their_masks(masks: list[np.ndarray]) -> None:
    graph = graph_of_masks(masks)
    again = masks_of_graph(graph)
    assert all((one == other).all() for one, other in zip(again, masks, strict=True))
    assert graph_of_masks(again) == graph
    assert len(graph.edges) == sum(int(mask.sum()) for mask in masks)


def test_channels_come_back_as_masks_of_channels() -> None:
    graph = graph_of_masks(convolutions(), "channel")
    masks = masks_of_graph(graph)
    assert [mask.astype(int).tolist() for mask in masks] == [[[1], [1]], [[1, 0], [0, 1]], [[1, 0], [0, 1]]]
    assert graph_of_masks(masks, "channel") == graph


def test_masks_of_the_mask_space_and_of_torch_become_graphs() -> None:
    space = MaskSpace((1, 6, 6), 3, hidden=(12, 9), sparsities=(0.5,))
    genotype = space.sample(np.random.default_rng(0))
    network = space.build(genotype, (1, 6, 6), 3)
    graph = graph_of_masks([*network.masks(), torch.ones(3, 9)])
    assert len(graph) == 36 + 12 + 9 + 3
    assert len(graph.edges) == genotype.kept + 27
    assert all((one == other).all() for one, other in zip(masks_of_graph(graph), space.masks(genotype), strict=False))
    assert sparsity([*space.masks(genotype), np.ones((3, 9))]) == pytest.approx(
        space.to_graph(genotype).info["sparsity"]
    )


@pytest.mark.parametrize(
    ("masks", "level", "message"),
    [
        (SMALL, "layer", "level must be one of neuron, channel, kernel, found 'layer'"),
        ([], "neuron", r"must have the shape \(out, in\) or \(out, in, height, width\), found \[\]"),
        ([np.ones(3)], "neuron", r"found \[\(3,\)\]"),
        ([np.ones((0, 3))], "neuron", r"found \[\(0, 3\)\]"),
        ([np.ones((2, 3)), np.ones((4, 3))], "neuron", "must read 2 channels, as the last has, found 3"),
        ([np.ones((2, 3, 1, 1)), np.ones((4, 3))], "channel", "must read a multiple of 2 channels"),
        ([np.ones((2, 3)), np.ones((4, 4, 1, 1))], "channel", "must read 2 channels, as the last has, found 4"),
        (convolutions(), "neuron", "on the level 'neuron', found one of a convolution"),
    ],
)
def test_masks_that_do_not_fit_are_refused(masks: list[np.ndarray], level: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_of_masks(masks, level)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (LabelledGraph(["a", "b"], [(0, 1)]), r"have the attribute 'layer', found attributes \[\]"),
        (graph_of_masks(convolutions(), "kernel"), "one of neurons or channels"),
        (LabelledGraph(["a", "b"], [(0, 1)], {"layer": [1, 0]}), "must go by layers"),
        (LabelledGraph(["a", "b"], [], {"layer": [0, 0]}), "must go by layers"),
        (LabelledGraph(["a", "b"], [(0, 1)], {"layer": [0, 2]}), "one or more in each"),
        (LabelledGraph(["a"] * 3, [(0, 2)], {"layer": [0, 1, 2]}), "from a layer to the next, found .* from 0 to 2"),
    ],
)
def test_graphs_of_no_masks_are_refused(graph: LabelledGraph, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        masks_of_graph(graph)


def test_density_counts_weights_and_xi_counts_layers() -> None:
    masks = [np.array([[1, 0, 0, 0], [0, 0, 0, 0]]), np.array([[0.5, -2.0]])]  # one of eight, and both of two
    assert density(masks) == 3 / 10
    assert sparsity(masks) == 7 / 10
    assert xi(masks) == (1 / 8 + 2 / 2) / 2
    assert density(masks[:1]) == xi(masks[:1]) == 1 / 8
    assert (density([np.ones(3)]), sparsity([np.ones(3)]), xi([np.ones(3)])) == (1, 0, 1)
    assert density([np.zeros(3)]) == xi([np.zeros(3)]) == 0
    assert xi([torch.tensor([1.0, 0.0])]) == 0.5


@pytest.mark.parametrize("measure", [density, sparsity, xi])
@pytest.mark.parametrize("masks", [[], [np.ones(2), np.ones((0, 3))]])
def test_there_is_no_density_of_nothing(measure: object, masks: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="there must be a mask or more, each of some weights"):
        measure(masks)  # type: ignore[operator]  # one of the three functions
