"""The code of masks: a bijection, the same on every machine, and short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.sparse.coding import decode_mask, encode_mask


def entropy(share: float) -> float:
    """Bits that a weight takes at least, where each is kept with some odds."""
    return float(-share * np.log2(share) - (1 - share) * np.log2(1 - share))


def test_a_code_by_hand() -> None:
    mask = np.zeros(40, dtype=np.bool_)
    mask[[2, 12, 30]] = True  # gaps of 2, 9 and 17, of which 40 / 3 weights a kept one give three bits each
    # quotients 0, 1, 2 are 1 01 001, remainders 2, 1, 1 are 010 001 001, and a bit of zero
    assert encode_mask(mask) == bytes([0b10100101, 0b00010010])
    assert encode_mask(mask.reshape(4, 10)) == encode_mask(mask)
    assert (decode_mask(bytes([0b10100101, 0b00010010]), 40, 3) == mask).all()


def test_where_half_or_more_are_kept_the_code_is_the_mask() -> None:
    mask = np.random.default_rng(0).random(800) < 0.7
    code = encode_mask(mask)
    last = int(np.flatnonzero(mask)[-1])
    assert code == np.packbits(mask[: last + 1]).tobytes()
    assert encode_mask(np.ones(9, dtype=np.bool_)) == b"\xff\x80"
    assert encode_mask(np.zeros(9, dtype=np.bool_)) == b""


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(1, 40))
def test_every_mask_survives_its_code(bits: list[bool], apart: int) -> None:
    mask = np.zeros(len(bits) * apart, dtype=np.bool_)
    mask[::apart] = bits
    assert (decode_mask(encode_mask(mask), mask.size, int(mask.sum())) == mask).all()


@given(st.binary(max_size=12), st.integers(1, 60), st.integers(-1, 61))
def test_any_bytes_are_the_code_of_one_mask_or_refused(code: bytes, size: int, kept: int) -> None:
    try:
        mask = decode_mask(code, size, kept)
    except ValueError:
        return  # any other error fails the test
    assert mask.shape == (size,)
    assert mask.sum() == kept
    assert encode_mask(mask) == code


@pytest.mark.parametrize(("share", "most"), [(0.5, 1.001), (0.25, 1.04), (0.1, 1.03), (0.05, 1.02), (0.004, 1.06)])
def test_random_masks_take_little_more_than_their_entropy(share: float, most: float) -> None:
    mask = np.zeros(79_400, dtype=np.bool_)
    mask[np.random.default_rng(0).choice(79_400, round(share * 79_400), replace=False)] = True
    assert 8 * len(encode_mask(mask)) < most * entropy(share) * 79_400 + 8


@pytest.mark.parametrize("kept", [1, 9, 130, 249, 250, 333, 499])
def test_no_mask_takes_more_than_a_quarter_over_a_bit_a_weight(kept: int) -> None:
    mask = np.zeros(1000, dtype=np.bool_)
    for places in (np.arange(kept), 999 - np.arange(kept), np.linspace(0, 999, kept).astype(int)):
        mask[:] = False
        mask[places] = True
        assert 8 * len(encode_mask(mask)) <= 1.25 * 1000 + 8


@pytest.mark.parametrize(
    ("code", "size", "kept", "message"),
    [
        (b"", 8, 9, "kept must be 0..8 of 8 weights, found 9"),
        (b"\xff\x80", 9, -1, "kept must be 0..9 of 9 weights, found -1"),
        (b"\x80", 9, 2, "a mask must have the codes of 2 kept weights, found 1"),
        (b"\x80\x00", 9, 1, "a mask must have 4 bits in 1 bytes and zeros, found 2 bytes"),
        (b"\x81", 9, 1, "a mask must have 4 bits in 1 bytes and zeros, found 1 bytes"),
        (b"\x00", 9, 0, "a mask must have 0 bits in 0 bytes and zeros, found 1 bytes"),
        (b"\x20", 9, 1, "a mask must keep weights 0..8, found weight 16"),
        (b"\x01", 9, 1, "a mask must have 11 bits in 2 bytes"),
    ],
)
def test_codes_of_no_mask_are_refused(code: bytes, size: int, kept: int, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        decode_mask(code, size, kept)
    assert message in str(caught.value)
