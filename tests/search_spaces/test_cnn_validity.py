"""Every violation is named, and the options of the space are checked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from search_spaces import TrainableSpace, get_space
from search_spaces.cnn import CnnGenotype, CnnSpace, Limits, Op
from search_spaces.cnn.validity import validate

LIMITS = Limits((3, 8, 8), 10, 1, 4, 8, 64, 10_000, 1_000_000)
INPUT, OUTPUT, C, S, P = Op("input"), Op("output"), Op("conv", 3, 16), Op("sum"), Op("max_pool")
VALID = CnnGenotype((INPUT, C, S, OUTPUT), ((0, 1), (0, 2), (1, 2), (2, 3)))


def test_a_valid_genotype_has_no_violation() -> None:
    assert validate(VALID, LIMITS) == []


@pytest.mark.parametrize(
    ("ops", "edges", "message"),
    [
        ((), (), "one input, found 0"),
        ((INPUT, INPUT, S, OUTPUT), ((0, 2), (1, 2), (2, 3)), "one input, found 2"),
        ((INPUT, C), ((0, 1),), "one output, found 0"),
        ((INPUT, C, OUTPUT, OUTPUT), ((0, 1), (1, 2), (1, 3)), "one output, found 2"),
        ((INPUT, C, C, OUTPUT), ((0, 1), (0, 2), (1, 3)), "found off it: 2"),
        ((INPUT, C, S, OUTPUT), ((0, 1), (1, 2), (2, 3)), "vertex 2 (sum) must have two inputs or more, found 1"),
        ((INPUT, C, C, OUTPUT), ((0, 1), (1, 2), (0, 2), (2, 3)), "vertex 2 (conv3x3:16) must have one input, found 2"),
        ((INPUT, C, OUTPUT), ((0, 1), (0, 2), (1, 2)), "vertex 2 (output) must have one input, found 2"),
        ((INPUT, C, S, OUTPUT), ((0, 1), (1, 2), (0, 2), (2, 3), (3, 2)), "(output) must have no reader, found 1"),
        ((INPUT, C, S, OUTPUT), ((0, 1), (1, 2), (0, 2), (2, 3), (2, 0)), "(input) must have no input, found 1"),
        ((INPUT, C, S, OUTPUT), ((0, 1), (1, 2), (1, 2), (2, 3)), "edge (1, 2) is listed 2 times"),
        ((INPUT, S, OUTPUT), ((0, 1), (1, 1), (1, 2)), "edge (1, 1) joins a vertex to itself"),
        ((INPUT, S, C, OUTPUT), ((0, 1), (1, 2), (2, 1), (2, 3)), "directed cycle"),
        ((INPUT, OUTPUT), ((0, 1),), "the depth must be in 1..4, found 0"),
        ((INPUT, C, C, C, C, C, OUTPUT), tuple((i, i + 1) for i in range(6)), "the depth must be in 1..4, found 5"),
        ((INPUT, Op("conv", 9, 16), OUTPUT), ((0, 1), (1, 2)), "kernel of 3, 5 or 7, found 9"),
        ((INPUT, Op("conv", 3, 12), OUTPUT), ((0, 1), (1, 2)), "multiple of 8 channels up to 256, found 12"),
        ((INPUT, Op("conv", 3, 264), OUTPUT), ((0, 1), (1, 2)), "multiple of 8 channels up to 256, found 264"),
        ((INPUT, Op("conv", 3, 72), OUTPUT), ((0, 1), (1, 2)), "at most 64 channels, found 72"),
        ((INPUT, Op("conv", 7, 64), C, OUTPUT), ((0, 1), (1, 2), (2, 3)), "at most 10000 parameters, found"),
        ((INPUT, *[C] * 7, OUTPUT), ((0, 1), *((i, i + 1) for i in range(1, 8))), "at most 8 vertices, found 9"),
    ],
)
def test_violations_are_named(ops: tuple[Op, ...], edges: Any, message: str) -> None:
    assert any(message in violation for violation in validate(CnnGenotype(ops, edges), LIMITS))


def test_macs_are_capped_and_excess_poolings_are_legal() -> None:
    assert "at most 10 multiply-accumulates" in validate(VALID, replace(LIMITS, max_macs=10))[0]
    assert "at most 10 param" in validate(VALID, replace(LIMITS, max_parameters=10))[0]
    assert validate(CnnGenotype((INPUT, P, P, P, P, OUTPUT), tuple((i, i + 1) for i in range(5))), LIMITS) == []


def test_images_of_more_channels_than_layers_may_have_are_legal() -> None:
    assert (
        CnnSpace(input_shape=(600, 8, 8), depth=(1, 3)).validate(CnnGenotype((INPUT, C, OUTPUT), ((0, 1), (1, 2))))
        == []
    )


def test_the_space_is_trainable_and_made_again_from_its_options() -> None:
    space = get_space("cnn", input_shape=[1, 8, 8], depth=[2, 4], mutations=["insert"], pairing="layer_mean")
    assert isinstance(space, TrainableSpace)
    options = json.loads(json.dumps(space.options()))
    again = CnnSpace(**options)
    assert again.options() == options == space.options()
    assert (again.limits, again.depth) == (space.limits, (2, 4))
    assert repr(again) == repr(space)
    assert set(CnnSpace.__init__.__annotations__) - {"return"} == set(options)


@pytest.mark.parametrize(
    "options",
    [
        {"input_shape": (3, 32)},
        {"input_shape": (0, 32, 32)},
        {"input_shape": "abc"},
        {"input_shape": 32},
        {"n_classes": 0},
        {"n_classes": 2.0},
        {"n_classes": True},
        {"depth": (12, 6)},
        {"depth": (6, 40)},
        {"depth": 6},
        {"max_vertices": 13},
        {"max_vertices": 257},
        {"max_macs": -1},
        {"max_parameters": "many"},
        {"mutations": ()},
        {"mutations": "insert"},
        {"mutations": ["delete"]},
        {"crossovers": ["uniform"]},
        {"pairing": "random"},
    ],
)
def test_bad_options_are_refused_with_their_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must .*found"):
        CnnSpace(**options)
