"""The value, its text and its key."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.sparse import SparseGenotype
from search_spaces.sparse.genotype import MAX_WEIGHTS, decode, encode, key
from search_spaces.texts import MAX_TEXT

#: Three inputs, two hidden units that read the first and the last of them, and one class that reads the second unit.
SMALL = SparseGenotype.of([np.array([[1, 0, 0], [0, 0, 1]]), np.array([[0, 1]])])


def base64_of(*values: int) -> str:
    return base64.b64encode(bytes(values)).decode()


def text_of(**values: Any) -> str:
    fields = {"space": "sparse", "widths": [3, 2, 1], "kept": [2, 1], "masks": [base64_of(0x90), base64_of(0x40)]}
    return json.dumps({name: value for name, value in {**fields, **values}.items() if value is not ...})


@st.composite
def genotypes(draw: st.DrawFn) -> SparseGenotype:
    """Any genotype of few units."""
    widths = tuple(draw(st.lists(st.integers(1, 9), min_size=2, max_size=4)))
    size = sum(below * above for below, above in pairwise(widths))
    return SparseGenotype.of_flat(widths, np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size))))


def test_the_text_is_one_line_of_compact_json() -> None:
    assert SMALL.masks == (bytes([0b10000100]), bytes([0b01000000]))
    # gaps of 0 and 4: their halves in unary, 1 001, and remainders 0 0; then a gap of 1 in unary, 01
    assert base64_of(0b10010000) == "kA=="
    assert encode(SMALL) == '{"space":"sparse","widths":[3,2,1],"kept":[2,1],"masks":["kA==","QA=="]}'
    assert decode(text_of()) == SMALL


@given(genotypes())
def test_every_genotype_survives_its_text(genotype: SparseGenotype) -> None:
    again = decode(encode(genotype))
    assert again == genotype
    assert hash(again) == hash(genotype)
    assert again == SparseGenotype.of(genotype.arrays()) == SparseGenotype.of_flat(genotype.widths, genotype.flat)
    assert sum(genotype.kept) == genotype.flat.sum()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
MASK = st.binary(max_size=2).map(lambda code: base64.b64encode(code).decode())


@given(
    widths=st.just([3, 2, 1]) | JSON,
    kept=st.lists(st.integers(0, 6), min_size=2, max_size=2) | JSON,
    masks=st.lists(MASK, min_size=2, max_size=2) | JSON,
)
def test_any_values_are_decoded_or_refused(**values: Any) -> None:
    text = text_of(**values)
    try:
        genotype = decode(text)
    except ValueError:
        return  # any other error fails the test
    assert json.loads(encode(genotype)) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (text_of(space="mask"), '"space":"sparse", found \'mask\''),
        (text_of(kept=...), "must have space, widths, kept and masks, found ["),
        (text_of(more=1), "must have space, widths, kept and masks"),
        (text_of(widths=3), "widths must be a list, found 3"),
        (text_of(widths=[3]), "widths must be 2..101 positive integers, found [3]"),
        (text_of(widths=[3] * 102), "widths must be 2..101 positive integers"),
        (text_of(widths=[3, 0, 1]), "widths must be 2..101 positive integers, found [3, 0, 1]"),
        (text_of(widths=[3, True, 1]), "widths must be 2..101 positive integers, found [3, True, 1]"),
        (text_of(widths=[3, 2.0, 1]), "widths must be 2..101 positive integers"),
        (
            text_of(widths=[10**9, 10**9]),
            "widths must have at most 4000000 weights between them, found [1000000000, 1000000000]",
        ),
        (text_of(widths=[10**400, 2, 1]), "widths must have at most 4000000 weights between them, found [1000"),
        (text_of(kept=2), "kept must be a list, found 2"),
        (text_of(kept=[2]), "must be 2 whole numbers and 2 texts, one between two widths, found [2] and 2 masks"),
        (text_of(kept=[2, True]), "must be 2 whole numbers and 2 texts"),
        (text_of(kept=[2, 3]), "kept must be 0..2 of 2 weights, found 3"),
        (text_of(kept=[10**400, 1]), "kept must be 0..6 of 6 weights, found 1000"),
        (text_of(masks={}), "masks must be a list, found {}"),
        (text_of(masks=[base64_of(0x90)]), "found [2, 1] and 1 masks"),
        (text_of(masks=[base64_of(0x90), 3]), "a mask must be bytes in base64, found 3"),
        (text_of(masks=["kA", "QA=="]), "a mask must be bytes in base64, found 'kA'"),
        (text_of(masks=["kB==", "QA=="]), "a mask must be bytes in base64, found 'kB=='"),
        (text_of(masks=[base64_of(0x90, 0), "QA=="]), "and zeros, found 2 bytes"),
        (text_of(masks=["", "QA=="]), "a mask must have the codes of 2 kept weights, found 0"),
    ],
)
def test_bad_texts_are_refused_with_what_was_found(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        decode(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


def test_what_would_be_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(ValueError, match="at most 4000000 weights"):
        decode(text_of(widths=[200_000, 200_000], kept=[1], masks=[base64_of(0x80)]))


def test_the_largest_genotypes_have_texts_that_are_read() -> None:
    flat = np.zeros(MAX_WEIGHTS, dtype=np.bool_)
    flat[: MAX_WEIGHTS // 2 - 1] = True  # side by side, which takes the most where just under half are kept
    for kept in (flat, np.random.default_rng(0).permutation(flat)):
        genotype = SparseGenotype.of_flat((2000, 2000), kept)
        assert len(encode(genotype)) < MAX_TEXT
        assert decode(encode(genotype)) == genotype


@pytest.mark.parametrize(
    ("widths", "masks", "message"),
    [
        ((3, 2), (), "there must be 1 masks, one between two widths, found 0"),
        ((3, 2), (b"", b""), "there must be 1 masks, one between two widths, found 2"),
        ((3, 3), (b"\x00",), "a mask must have 9 bits in 2 bytes, found 1 bytes"),
        ((3, 2), (b"\x01",), "a mask must end in 2 bits of zero after 6 bits, found others"),
        ((3, -2), (b"\x00",), "widths must be 2..101 positive integers, found [3, -2]"),
    ],
)
def test_values_that_are_no_genotype_are_refused(
    widths: tuple[int, ...], masks: tuple[bytes, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        SparseGenotype(widths, masks)


def test_masks_that_do_not_fit_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match="must read 2 channels, as the last has, found 3"):
        SparseGenotype.of([np.ones((2, 3)), np.ones((1, 3))])
    with pytest.raises(ValueError, match=r"masks must have the shape \(out, in\), found \[\(2, 3, 1, 1\)\]"):
        SparseGenotype.of([np.ones((2, 3, 1, 1))])


def test_tensors_are_masks_too() -> None:
    assert SparseGenotype.of([torch.tensor([[1.0, 0, 0], [0, 0, -2.0]]), torch.tensor([[False, True]])]) == SMALL


def test_keys_are_equal_for_equal_texts_and_for_no_others() -> None:
    assert key(SMALL) == key(decode(encode(SMALL)))
    assert len(key(SMALL)) == 32
    others = [SparseGenotype(SMALL.widths, (SMALL.masks[0], b"\x80")), SparseGenotype((2, 3, 1), (b"\x84", b"\x40"))]
    assert len({key(SMALL), *map(key, others)}) == 3


def test_values_are_frozen_and_hand_out_copies() -> None:
    for mask in (*SMALL.arrays(), SMALL.flat):
        mask[:] = True
    assert SMALL.kept == (2, 1)
    with pytest.raises(AttributeError):
        SMALL.widths = (1, 1)  # type: ignore[misc]  # frozen, as the test shows
