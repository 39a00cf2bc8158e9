"""The value, its text and its key."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.masks.genotype import MAX_KEPT, MAX_NODES, MaskGenotype, decode, encode, key

#: Three nodes that read themselves; node 0 reads node 2 as well. Five inputs, the first and the last of node 2.
THREE = MaskGenotype.of(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], dtype=np.bool_), owners=(2, 0, 1, 1, 2), kept=6)


def base64_of(*values: int) -> str:
    return base64.b64encode(bytes(values)).decode()


def text_of(**values: Any) -> str:
    fields = {"space": "mask", "nodes": 3, "kept": 6, "rows": base64_of(0xA8, 0x80), "owners": base64_of(2, 0, 1, 1, 2)}
    return json.dumps({name: value for name, value in {**fields, **values}.items() if value is not ...})


@st.composite
def genotypes(draw: st.DrawFn) -> MaskGenotype:
    """Any genotype, most of them invalid."""
    nodes = draw(st.integers(2, 20))
    bits = draw(st.lists(st.booleans(), min_size=nodes**2, max_size=nodes**2))
    owners = draw(st.lists(st.integers(0, nodes - 1), min_size=1, max_size=40))
    return MaskGenotype.of(np.array(bits).reshape(nodes, nodes), owners, draw(st.integers(1, MAX_KEPT)))


def test_the_text_is_one_line_of_compact_json() -> None:
    # 101 010 001 and seven zeros are the bytes 10101000 10000000
    assert THREE.rows == bytes([0b10101000, 0b10000000])
    assert encode(THREE) == '{"space":"mask","nodes":3,"kept":6,"rows":"qIA=","owners":"AgABAQI="}'
    assert decode(text_of()) == THREE


@given(genotypes())
def test_every_genotype_survives_its_text(genotype: MaskGenotype) -> None:
    again = decode(encode(genotype))
    assert again == genotype
    assert hash(again) == hash(genotype)
    assert (again.matrix == genotype.matrix).all()
    assert again == MaskGenotype.of(genotype.matrix, genotype.owned, genotype.kept)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(
    nodes=st.integers(2, 4) | JSON, kept=JSON, rows=JSON | st.binary(max_size=3), owners=JSON | st.binary(max_size=4)
)
def test_any_values_are_decoded_or_refused(**values: Any) -> None:
    fields = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value for name, value in values.items()
    }
    text = text_of(**fields)
    try:
        genotype = decode(text)
    except ValueError:
        return  # any other error fails the test
    assert json.loads(encode(genotype)) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_of(space="rnn"), '"space":"mask", found \'rnn\''),
        (text_of(owners=...), "must have space, nodes, kept, rows and owners, found ["),
        (text_of(more=1), "must have space, nodes, kept, rows and owners"),
        (text_of(nodes=1), "must have 2..256 nodes, found 1"),
        (text_of(nodes=3.0), "must have 2..256 nodes, found 3.0"),
        (text_of(nodes=True), "must have 2..256 nodes, found True"),
        (text_of(nodes=MAX_NODES + 1), "must have 2..256 nodes, found 257"),
        (text_of(nodes=10**400), "must have 2..256 nodes, found 1000"),
        (text_of(kept=0), "kept must be a whole number of 1..9007199254740992, found 0"),
        (text_of(kept=6.0), "kept must be a whole number"),
        (text_of(kept=MAX_KEPT + 1), "found 9007199254740993"),
        (text_of(rows=3), "rows must be bytes in base64, found 3"),
        (text_of(rows="qIA"), "rows must be bytes in base64, found 'qIA'"),
        (text_of(rows="qIB="), "rows must be bytes in base64, found 'qIB='"),  # bits of no byte that are not zero
        (text_of(rows="qI A="), "rows must be bytes in base64"),
        (text_of(rows="ä"), "rows must be bytes in base64, found 'ä'"),
        (text_of(rows=base64_of(0xA8)), "rows must have 9 bits in 2 bytes, found 1 bytes"),
        (text_of(rows=base64_of(0xA8, 0x80, 0)), "rows must have 9 bits in 2 bytes, found 3 bytes"),
        (text_of(rows=base64_of(0xA8, 0x81)), "rows must end in 7 bits of zero after 9 bits, found others"),
        (text_of(owners=[2, 0, 1, 1, 2]), "owners must be bytes in base64, found [2, 0, 1, 1, 2]"),
        (text_of(owners=base64_of(0, 3)), "owners must be nodes 0..2, one an input feature, found node 3"),
        (text_of(owners=""), "owners must be nodes 0..2, one an input feature, found no owner"),
    ],
)
def test_bad_texts_are_refused_with_what_was_found(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        decode(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


def test_keys_are_equal_for_equal_texts_and_for_no_others() -> None:
    assert key(THREE) == key(decode(text_of()))
    assert len(key(THREE)) == 32
    others = [replace(THREE, kept=7), replace(THREE, owners=bytes([2, 0, 1, 2, 1])), replace(THREE, rows=b"\xa9\x80")]
    assert len({key(THREE), *map(key, others)}) == 4


def test_values_are_frozen_and_hand_out_copies() -> None:
    matrix = THREE.matrix
    matrix[:] = False
    assert THREE.matrix.sum() == 4
    assert THREE.owned.tolist() == [2, 0, 1, 1, 2]
    with pytest.raises(AttributeError):
        THREE.kept = 5  # type: ignore[misc]  # frozen, as the test shows
