"""The value, its text and its key."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.rnn.genotype import GATES, MAX_VERTICES, RnnGenotype, canonical, decode, encode, key, renumbered

FORK = RnnGenotype("lstm", 16, 4, ((1, 3), (0, 2), (0, 1)))


def text_of(**values: Any) -> str:
    fields = {"space": "rnn", "cell": "gru", "embedding": 16, "vertices": 3, "edges": [[0, 1], [1, 2]], **values}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


@st.composite
def genotypes(draw: st.DrawFn) -> RnnGenotype:
    """Any genotype, most of them invalid."""
    size = draw(st.integers(2, 12))
    vertices = st.integers(0, size - 1)
    edges = draw(st.lists(st.tuples(vertices, vertices), max_size=20))
    return RnnGenotype(draw(st.sampled_from([*GATES])), draw(st.integers()), size, tuple(edges))


def test_the_text_is_one_line_of_compact_json() -> None:
    expected = '{"space":"rnn","cell":"lstm","embedding":16,"vertices":4,"edges":[[0,1],[0,2],[1,3]]}'
    assert encode(FORK) == expected


@given(genotypes())
def test_every_genotype_survives_its_text(genotype: RnnGenotype) -> None:
    assert decode(encode(genotype)) == genotype


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(cell=st.sampled_from([*GATES]) | JSON, embedding=JSON, vertices=st.integers(2, 5) | JSON, edges=JSON)
def test_any_values_are_decoded_or_refused(**values: Any) -> None:
    try:
        genotype = decode(text_of(**values))
    except ValueError:
        return  # any other error fails the test
    assert decode(encode(genotype)) == genotype


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_of(space="cnn"), '"space":"rnn", found \'cnn\''),
        (text_of(cell=...), "must have space, cell, embedding, vertices and edges, found ["),
        (text_of(more=1), "must have space, cell, embedding, vertices and edges"),
        (text_of(cell=3), "cell must be a text, found 3"),
        (text_of(cell="LSTM"), "cell must be one of tanh, relu, lstm, gru, found 'LSTM'"),
        (text_of(cell="x" * 500), "found 'xxx"),
        (text_of(embedding=16.0), "embedding must be a whole number, found 16.0"),
        (text_of(embedding=True), "embedding must be a whole number, found True"),
        (text_of(embedding=None), "embedding must be a whole number, found None"),
        (text_of(vertices=3.0), "must have 2..256 vertices, found 3.0"),
        (text_of(vertices=True), "must have 2..256 vertices, found True"),
        (text_of(vertices=1, edges=[]), "must have 2..256 vertices, found 1"),
        (text_of(vertices=MAX_VERTICES + 1), "must have 2..256 vertices, found 257"),
        (text_of(vertices=10**400), "must have 2..256 vertices, found 1000"),
        (text_of(edges={}), "edges must be a list of pairs"),
        (text_of(edges=[[0]]), "a pair of vertex indices"),
        (text_of(edges=[[0, 1.0]]), "a pair of vertex indices"),
        (text_of(edges=[[False, 1]]), "a pair of vertex indices"),
        (text_of(edges=[[0, 3]]), "edge [0, 3] must join vertices 0..2"),
        (text_of(edges=[[-1, 1]]), "must join vertices 0..2"),
        (text_of().replace("16", "1" + "0" * 5000), "one line of JSON"),
    ],
)
def test_bad_texts_are_refused_with_what_was_found(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        decode(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


def test_canonical_forms_are_equal_for_renumberings_and_go_by_layers() -> None:
    rng = np.random.default_rng(0)
    forms = {canonical(renumbered(FORK, rng.permutation(4).tolist())) for _ in range(20)}
    # One source, one of whose readers is read in turn.
    assert forms == {canonical(FORK)}
    with pytest.raises(ValueError, match="cycle"):
        canonical(replace(FORK, edges=((0, 1), (1, 0))))


def test_an_embedding_as_wide_as_the_first_layer_has_the_key_of_its_width() -> None:
    vee = RnnGenotype("gru", 0, 3, ((0, 2), (1, 2)))
    assert vee.embedding_width == 2
    assert key(vee) == key(replace(vee, embedding=2)) != key(replace(vee, embedding=1))
    assert key(vee) != key(replace(vee, embedding=2, cell="lstm"))


def test_keys_follow_edges_where_counting_them_is_not_enough() -> None:
    # Two graphs of which every vertex has the same numbers of tails and heads: a ring of eight, and two of four.
    ring = tuple((tail, head) for tail in range(4) for head in (4 + tail, 4 + (tail + 1) % 4))
    rings = ((0, 4), (0, 5), (1, 4), (1, 5), (2, 6), (2, 7), (3, 6), (3, 7))
    assert key(RnnGenotype("tanh", 0, 8, ring)) != key(RnnGenotype("tanh", 0, 8, rings))


def test_values_are_frozen_and_sorted() -> None:
    assert RnnGenotype("lstm", 16, 4, ((0, 1), (0, 2), (1, 3))) == FORK
    assert len({FORK, replace(FORK)}) == 1
    with pytest.raises(AttributeError):
        FORK.cell = "gru"  # type: ignore[misc]  # frozen, as the test shows
