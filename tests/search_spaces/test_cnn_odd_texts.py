"""Texts that are well-formed and make no sense: refused at decode or by a list of violations, never by a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search_spaces import LabelledGraph
from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.cnn.genotype import KINDS, MAX_VERTICES

SPACE = CnnSpace()
LABELS = st.sampled_from([*KINDS, "conv3x3:16", "conv5x5:32", "conv7x7:256", "conv9999x9999:999999", "conv3x3:0", ""])
EDGES = st.tuples(st.integers(-1, 12), st.integers(-1, 12))

Edges = list[tuple[int, int]]


def text_of(ops: list[str], edges: Edges) -> str:
    return json.dumps({"space": "cnn", "ops": ops, "edges": edges})


def attempt(function: Callable[[Any], Any], value: object) -> tuple[Any, str]:
    """What a function returns, or the message of its ValueError; the test fails on any other exception."""
    try:
        return function(value), ""
    except ValueError as error:
        return None, str(error)


def is_a_valid_genotype(text: str) -> bool:
    """Whether a text is one; the test fails where that is not found out in an orderly way."""
    genotype, refusal = attempt(SPACE.decode, text)
    assert len(refusal.splitlines()) == (genotype is None)
    if refusal:
        return False
    violations = SPACE.validate(genotype)
    assert all(len(violation.splitlines()) == 1 for violation in violations)
    graph, refusal = attempt(SPACE.to_graph, genotype)
    assert len(refusal.splitlines()) == (graph is None)
    assert violations or isinstance(graph, LabelledGraph)
    assert violations or SPACE.key(genotype)
    return not violations


@given(st.lists(LABELS, max_size=12), st.lists(EDGES, max_size=20))
@example([], [])
@example(["input", "output"], [])
@example(["output", "input"], [(0, 1)])
@example(["input", "concat", "output"], [(0, 1)] * 1000 + [(1, 2)])
@example(["input", "sum", "skip", "output"], [(0, 1), (2, 1), (1, 2), (1, 3)])
def test_arbitrary_ops_and_edges_are_refused_in_order(ops: list[str], edges: Edges) -> None:
    is_a_valid_genotype(text_of(ops, edges))


@given(st.integers(0, 200), st.lists(st.tuples(st.integers(0, 30), LABELS), max_size=2), st.lists(EDGES, max_size=2))
def test_nearly_valid_texts_are_accepted_or_refused_in_order(
    seed: int, labels: list[tuple[int, str]], edges: Edges
) -> None:
    values = json.loads(SPACE.encode(SPACE.sample(np.random.default_rng(seed))))
    for vertex, label in labels:
        values["ops"][vertex % len(values["ops"])] = label
    accepted = is_a_valid_genotype(text_of(values["ops"], [*values["edges"], *edges]))
    assert accepted or labels or edges


def nested_concats(vertices: int, widest: int) -> tuple[list[str], Edges]:
    """Concats of up to ``widest`` vertices before each: channels may double at every step."""
    last = vertices - 1
    edges = [(tail, head) for head in range(2, last) for tail in range(max(0, head - widest), head)]
    ops = ["input", "conv9999x9999:999999", *["concat"] * (last - 3), "conv9999x9999:999999", "output"]
    return ops, [(0, 1), *(edge for edge in edges if edge[1] < last - 1), (last - 2, last - 1), (last - 1, last)]


@pytest.mark.parametrize("widest", [2, MAX_VERTICES])
def test_the_costliest_texts_have_a_graph(widest: int) -> None:
    genotype = SPACE.decode(text_of(*nested_concats(MAX_VERTICES, widest)))
    assert SPACE.validate(genotype)
    assert SPACE.to_graph(genotype).info["parameters"] > 10**50


def test_costs_beyond_all_floats_are_a_value_error() -> None:
    """No text holds as many vertices, but a genotype may be made without one."""
    ops, edges = nested_concats(1600, 2)
    genotype = CnnGenotype(tuple(map(Op.parse, ops)), tuple(edges))
    assert SPACE.validate(genotype)
    with pytest.raises(ValueError, match="must be finite numbers: int too large"):
        SPACE.to_graph(genotype)
