"""Every violation is named, the options of the space are checked, and its graphs say what they cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from search_spaces import SourceSpace, TrainableSpace, get_space
from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.masks.validity import Limits, validate

LIMITS = Limits((1, 3, 4), 2, (6,), 3, (32, 44), True)
OWNERS = (0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2)  # and two units each: an edge keeps eight weights
MATRIX = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.bool_)
VALID = MaskGenotype.of(MATRIX, OWNERS, 32)
DIAGONAL = np.eye(3, dtype=np.bool_)


def test_a_valid_genotype_has_no_violation() -> None:
    assert validate(VALID, LIMITS) == []


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        (MaskGenotype.of(np.eye(2, dtype=np.bool_), (0, 1) * 6, 32), "there must be 3 nodes, found 2"),
        (MaskGenotype.of(MATRIX, OWNERS[:-1], 32), "there must be 12 owners, one an input feature, found 11"),
        (MaskGenotype.of(MATRIX, (0, 2) * 6, 32), "every node must own an input feature, found none of nodes [1]"),
        (MaskGenotype.of(MATRIX, OWNERS, 31), "kept must be 32 or 44, found 31"),
        (MaskGenotype.of(MATRIX, OWNERS, 44), "edges must have 44..51 weights, of which 44 are kept, found 32"),
        (
            MaskGenotype.of(~MATRIX | DIAGONAL, OWNERS, 44),
            "edges must have 44..51 weights, of which 44 are kept, found 64",
        ),
        (MaskGenotype.of(~DIAGONAL, OWNERS, 44), "every node must read itself, found that nodes [0, 1, 2] do not"),
    ],
)
def test_violations_are_named(genotype: MaskGenotype, message: str) -> None:
    assert any(message in violation for violation in validate(genotype, LIMITS)), validate(genotype, LIMITS)


def test_all_violations_are_named_at_once() -> None:
    assert len(validate(MaskGenotype.of(~DIAGONAL, OWNERS, 7), LIMITS)) == 3
    assert len(validate(MaskGenotype.of(np.eye(4, dtype=np.bool_), OWNERS[:-1], 7), LIMITS)) == 3


def test_nodes_need_not_read_themselves_where_the_space_says_so() -> None:
    limits = Limits((1, 3, 4), 2, (6,), 3, (48,), False)
    assert validate(MaskGenotype.of(~DIAGONAL, OWNERS, 48), limits) == []
    assert validate(MaskGenotype.of(~DIAGONAL & False, OWNERS, 48), limits) == [
        "edges must have 48..48 weights, of which 48 are kept, found 0"
    ]


def test_the_space_is_trainable_reads_images_and_is_made_again_from_its_options() -> None:
    space = get_space(
        "mask",
        input_shape=[1, 8, 8],
        hidden=[32, 20],
        nodes=10,
        sparsities=[0.5, 0.25],
        generators=["ring", "er"],
        placements=["spread"],
        input_spread=[0.0] * 32 + [1.0] * 32,
        mutual=[0.5, 1],
        focus=[1, 2],
        masked_classifier=True,
        init="fan-in",
    )
    assert isinstance(space, TrainableSpace)
    assert isinstance(space, SourceSpace)
    assert MaskSpace.reads == "images"
    options = json.loads(json.dumps(space.options()))
    again = MaskSpace(**options)
    assert again.options() == options == space.options()
    assert again.limits == space.limits
    assert repr(again) == repr(space)
    assert set(MaskSpace.__init__.__annotations__) - {"return"} == set(options)
    rngs = np.random.default_rng(3), np.random.default_rng(3)
    assert again.sample(rngs[0]) == space.sample(rngs[1])


def test_the_defaults_are_those_of_the_paper() -> None:
    space = get_space("mask", input_shape=(1, 28, 28))
    assert space.limits == Limits((1, 28, 28), 10, (128,), 128, (8883,), True)
    assert space.sparsities == (0.9,)
    assert space.placements == ("contiguous", "random", "tiles")
    assert MaskSpace(input_spread=[1.0] * 784).placements[-1] == "spread"
    assert MaskSpace(hidden=(1000, 300)).limits.nodes == 256
    assert MaskSpace((20,), hidden=(64,)).limits.nodes == 20


def test_the_sparsity_is_lower_where_the_classifier_leaves_no_room() -> None:
    # 64 * 128 + 1280 weights: a tenth of them is fewer than the classifier has
    assert MaskSpace((1, 8, 8)).sparsities == (0.75,)
    assert MaskSpace((1, 8, 8)).limits.kept == (round(0.25 * 9472) - 1280,)
    assert MaskSpace(nodes=2).sparsities == (0.45,)  # half of all weights are self edges


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": 784}, "input_shape and hidden must have a number or more, found 784 and (128,)"),
        ({"input_shape": []}, "input_shape and hidden must have a number or more"),
        ({"input_shape": (1, 0, 8)}, "input_shape must be 3 positive integers, found (1, 0, 8)"),
        ({"hidden": (3, -1)}, "hidden must be 2 positive integers, found (3, -1)"),
        ({"n_classes": 2.5}, "n_classes must be a positive integer, found 2.5"),
        ({"nodes": 129}, "nodes must be 2..128, no more than the narrowest layer has units, found 129"),
        ({"nodes": 1}, "nodes must be 2..128"),
        ({"nodes": 12.0}, "nodes must be 2..128, no more than the narrowest layer has units, found 12.0"),
        ({"hidden": (1,)}, "nodes must be 2..1"),
        ({"sparsities": ()}, "sparsities must be different numbers from 0 up to below 1, found ()"),
        ({"sparsities": 0.9}, "sparsities must be different numbers from 0 up to below 1, found 0.9"),
        ({"sparsities": (0.5, 0.5)}, "sparsities must be different numbers"),
        ({"sparsities": (1.0,)}, "sparsities must be different numbers from 0 up to below 1, found (1.0,)"),
        ({"sparsities": (float("nan"),)}, "sparsities must be different numbers"),
        (
            {"sparsities": (0.99,)},
            "sparsities must leave room for the 1280 weights of the dense classifier and 784 weights of nodes that "
            "read themselves, found 0.99, which leaves 1016 of 101632: lower it, or take more nodes",
        ),
        ({"masked_classifier": True, "n_classes": 1}, "masked_classifier needs two classes or more, found 1"),
        ({"masked_classifier": 1}, "masked_classifier must be true or false, found 1"),
        ({"masked_classifier": True, "nodes": 11}, "nodes must be 2..10, no more than the narrowest layer has units"),
        (
            {"masked_classifier": True, "sparsities": (0.9,)},
            "room for 10320 weights of nodes that read themselves, found 0.9, which leaves 10163 of 101632: lower it",
        ),
        ({"nodes": 10, "sparsities": (0.9,)}, "and 10192 weights of nodes that read themselves, found 0.9"),
        ({"generators": ("er", "tree")}, "generators must be some of er, ws-flex, ba"),
        ({"placements": "tiles"}, "placements must be some of contiguous, random, tiles, spread, found 'tiles'"),
        ({"placements": ("spread",)}, "input_spread must have a number an input feature for the placement 'spread'"),
        ({"input_spread": [1.0] * 783}, "input_spread must be 784 finite numbers of at least 0"),
        ({"input_spread": [0.0] * 784}, "one an input feature and not all of them 0"),
        ({"input_spread": [-1.0] * 784}, "input_spread must be 784 finite numbers of at least 0"),
        ({"input_spread": [float("inf")] * 784}, "input_spread must be 784 finite numbers"),
        ({"input_spread": ["x"] * 784}, "input_spread must be 784 finite numbers"),
        ({"input_spread": 3}, "input_spread must be 784 finite numbers"),
        ({"mutual": (0.5,)}, "mutual must be two numbers that ascend from 0 or more to 1 or less, found (0.5,)"),
        ({"focus": (0, 11)}, "focus must be two numbers that ascend from 0 or more to 10 or less, found (0, 11)"),
        ({"mutual": (1, 0)}, "mutual must be two numbers"),
        ({"mutual": (0, 1.5)}, "mutual must be two numbers"),
        ({"self_edges": 1}, "self_edges must be true or false, found 1"),
        ({"init": "zeros"}, "init must be one of 'dense', 'fan-in', found 'zeros'"),
        ({"mutations": ("grow",)}, "mutations must be some of rewire, rewire-locally, swap-inputs, sparsity"),
        ({"crossovers": ()}, "crossovers must be some of uniform, cut, owners, found ()"),
    ],
)
def test_options_out_of_their_domain_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        MaskSpace(**options)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_a_graph_by_hand() -> None:
    space = MaskSpace((1, 3, 4), 2, hidden=(6,), nodes=3, sparsities=(44 / 84,), input_spread=[1.0] * 8 + [4.0] * 4)
    graph = space.to_graph(MaskGenotype.of(MATRIX, OWNERS, 28))
    assert graph.ops == ("node",) * 3
    assert graph.edges == ((0, 1),)
    assert not graph.directed
    assert dict(graph.attributes) == {"inputs": (4, 4, 4)}
    # rows of four pixels: two of one row are 2.5 apart, squared, and two of neighbouring rows 3.5
    assert dict(graph.info) == pytest.approx(
        {
            "parameters": 28 + 6 + 12 + 2,
            "macs": 40,
            "kept": 28,
            "sparsity": 1 - 40 / 84,
            "reads": 4 / 9,
            "locality": (2.5 + 3.5 + 2.5 + 2.5) / 4,
            "input_spread": (1 * 4 + 1 * 8 + 4 * 4)
            / 16,  # two of the units that read a node's inputs, but four of node 1
        }
    )


@pytest.mark.parametrize("make", [MaskSpace, lambda: MaskSpace((30,), hidden=(12,), sparsities=(0.3,))])
def test_graphs_join_who_reads_or_is_read(make: Callable[[], MaskSpace]) -> None:
    space = make()
    for seed in range(5):
        genotype = space.sample(np.random.default_rng(seed))
        graph = space.to_graph(genotype)
        matrix = genotype.matrix
        expected = {
            (i, j) for i in range(len(matrix)) for j in range(i + 1, len(matrix)) if matrix[i, j] or matrix[j, i]
        }
        assert set(graph.edges) == expected
        assert len(graph) == genotype.nodes
        assert sum(graph.attributes["inputs"]) == len(genotype.owners)
        assert "input_spread" not in graph.info


def test_drawing_and_describing_masks_loads_nothing_heavy() -> None:
    code = (
        "import sys, numpy; from search_spaces import get_space; space = get_space('mask');"
        "g = space.mutate(numpy.random.default_rng(0), space.sample(numpy.random.default_rng(0))).children[0];"
        "space.to_graph(space.decode(space.encode(g))); space.validate(g);"
        "print({'torch', 'networkx', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
