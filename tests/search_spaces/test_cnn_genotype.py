"""The value and its text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.cnn.genotype import KINDS, CnnGenotype, Op, canonical, decode, encode, renumbered

CHAIN = CnnGenotype((Op("input"), Op("conv", 3, 64), Op("output")), ((1, 2), (0, 1)))


def nested_concats(number: int) -> str:
    """Concats of the two vertices before each: channels grow like the Fibonacci numbers."""
    edges = [[max(0, head - back), head] for head in range(2, number + 1) for back in (1, 2)]
    kinds = ["input", "skip", *["concat"] * (number - 1), "output"]
    return json.dumps({"space": "cnn", "ops": kinds, "edges": [[0, 1], *edges, [number, number + 1]]})


ops = st.one_of(
    st.sampled_from([Op(kind) for kind in KINDS if kind != "conv"]),
    st.builds(Op, st.just("conv"), st.integers(1, 9999), st.integers(1, 999_999)),
)


@st.composite
def genotypes(draw: st.DrawFn) -> CnnGenotype:
    """Any genotype, most of them invalid."""
    labels = draw(st.lists(ops, min_size=2, max_size=8))
    vertices = st.integers(0, len(labels) - 1)
    edges = draw(st.lists(st.tuples(vertices, vertices), max_size=12))
    return CnnGenotype(tuple(labels), tuple(edges))


def test_the_text_is_one_line_of_compact_json() -> None:
    assert encode(CHAIN) == '{"space":"cnn","ops":["input","conv3x3:64","output"],"edges":[[0,1],[1,2]]}'


@given(genotypes())
def test_every_genotype_survives_its_text(genotype: CnnGenotype) -> None:
    assert decode(encode(genotype)) == genotype


@given(st.text())
def test_arbitrary_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        decode(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(ops=JSON, edges=JSON)
def test_any_values_are_decoded_or_refused(ops: Any, edges: Any) -> None:
    text = json.dumps({"space": "cnn", "ops": ops, "edges": edges})
    try:
        genotype = decode(text)
    except ValueError:
        return  # any other error fails the test
    assert decode(encode(genotype)) == genotype


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"space":"rnn"}', '"space":"cnn", found \'rnn\''),
        ('{"ops":[],"edges":[]}', '"space":"cnn", found None'),
        ('{"space":"cnn","ops":[]}', "must have space, ops and edges"),
        ('{"space":"cnn","ops":[],"edges":[],"more":1}', "must have space, ops and edges"),
        ('{"space":"cnn","ops":"input","edges":[]}', "ops must be a list of texts"),
        ('{"space":"cnn","ops":[1],"edges":[]}', "ops must be a list of texts"),
        ('{"space":"cnn","ops":[],"edges":[]}', "must have 2..256 ops, input and output among them, found 0"),
        ('{"space":"cnn","ops":["input"],"edges":[]}', "must have 2..256 ops, input and output among them, found 1"),
        (nested_concats(255), "must have 2..256 ops, input and output among them, found 257"),
        (nested_concats(1100), "must have 2..256 ops, input and output among them, found 1102"),
        ('{"space":"cnn","ops":["input","dense"],"edges":[]}', "found 'dense'"),
        ('{"space":"cnn","ops":["input","conv"],"edges":[]}', "found 'conv'"),
        ('{"space":"cnn","ops":["input","conv3x5:8"],"edges":[]}', "found 'conv3x5:8'"),
        ('{"space":"cnn","ops":["input","conv3x3:064"],"edges":[]}', "found 'conv3x3:064'"),
        ('{"space":"cnn","ops":["input","conv3x3:9999999"],"edges":[]}', "found 'conv3x3:9999999'"),
        ('{"space":"cnn","ops":["input","output"],"edges":{}}', "edges must be a list of pairs"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0]]}', "a pair of vertex indices"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0,0.0]]}', "a pair of vertex indices"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0,true]]}', "a pair of vertex indices"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0,2]]}', "must join vertices 0..1"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0,-1]]}', "must join vertices 0..1"),
        ('{"space":"cnn","ops":["input","output"],"edges":[[0,1' + "0" * 5000 + "]]}", "one line of JSON"),
    ],
)
def test_bad_texts_are_refused_with_what_was_found(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        decode(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [None, b"{}", 3])
def test_only_text_is_decoded(text: Any) -> None:
    with pytest.raises(ValueError, match="one line of JSON"):
        decode(text)


@pytest.mark.parametrize("values", [("dense",), ("sum", 3), ("skip", 0, 8), ("conv",), ("conv", 3, 0), ("conv", -3, 8)])
def test_impossible_ops_are_refused(values: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match="found"):
        Op(*values)


def test_canonical_forms_are_equal_for_renumberings_and_start_at_the_input() -> None:
    ops = (Op("output"), Op("sum"), Op("conv", 3, 8), Op("skip"), Op("input"))
    genotype = CnnGenotype(ops, ((4, 2), (4, 3), (2, 1), (3, 1), (1, 0)))
    rng = np.random.default_rng(0)
    forms = {canonical(renumbered(genotype, rng.permutation(5).tolist())) for _ in range(20)}
    assert len(forms) == 1
    form = forms.pop()
    assert (form.ops[0].kind, form.ops[-1].kind) == ("input", "output")
    assert all(tail < head for tail, head in form.edges)
