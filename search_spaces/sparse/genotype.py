"""SparseGenotype: the widths of a multilayer perceptron and a mask for each of its layers; and its line of text."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from search_spaces.sparse.coding import decode_mask, encode_mask
from search_spaces.sparse.layers import Bools, check_consecutive
from search_spaces.texts import read_bytes, read_fields, shortened

SPACE = "sparse"
MAX_WEIGHTS = 4_000_000  # kept or not: the text of any mask of so many is one that is read
MAX_LAYERS = 100


@dataclass(frozen=True, slots=True)
class SparseGenotype:
    """Which weights of a multilayer perceptron are kept, the classifier's included.

    Attributes
    ----------
    widths
        Input features, the units of each hidden layer, and classes.
    masks
        Of each layer the matrix of shape (out, in) as bits, row after row, eight a byte, the first one highest; the
        last byte is filled with zeros.

    Raises
    ------
    ValueError
        On widths that are none or have more than ``MAX_WEIGHTS`` weights, and masks of other sizes. All else is for
        ``validate`` to say.
    """

    widths: tuple[int, ...]
    masks: tuple[bytes, ...]

    def __post_init__(self) -> None:
        check_widths(self.widths)
        if len(self.masks) != len(self.sizes):
            raise ValueError(f"there must be {len(self.sizes)} masks, one between two widths, found {len(self.masks)}")
        for size, mask in zip(self.sizes, self.masks, strict=True):
            if len(mask) != -(-size // 8):
                raise ValueError(f"a mask must have {size} bits in {-(-size // 8)} bytes, found {len(mask)} bytes")
            if mask[-1] & (1 << -size % 8) - 1:
                raise ValueError(f"a mask must end in {-size % 8} bits of zero after {size} bits, found others")

    @classmethod
    def of(cls, masks: Sequence[Any]) -> SparseGenotype:
        """The genotype of masks of shape (out, in), arrays or tensors, the first layer first.

        What is not zero is kept. ValueError where they do not fit one another.
        """
        layers = check_consecutive(masks)
        if any(mask.ndim != 2 for mask in layers):
            raise ValueError(f"masks must have the shape (out, in), found {[mask.shape for mask in layers]}")
        return cls((layers[0].shape[1], *map(len, layers)), tuple(np.packbits(mask).tobytes() for mask in layers))

    @classmethod
    def of_flat(cls, widths: tuple[int, ...], kept: Bools) -> SparseGenotype:
        """The genotype of all weights in a row, shape (weights,), layer after layer and row after row."""
        ends = np.cumsum(layer_sizes(widths))[:-1]
        return cls(widths, tuple(np.packbits(mask).tobytes() for mask in np.split(kept, ends)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The weights of each layer, kept or not."""
        return layer_sizes(self.widths)

    @property
    def kept(self) -> tuple[int, ...]:
        """How many weights each layer keeps."""
        return tuple(int.from_bytes(mask).bit_count() for mask in self.masks)

    @property
    def flat(self) -> Bools:
        """Whether each weight is kept, layer after layer and row after row, shape (weights,)."""
        return np.concatenate([mask.ravel() for mask in self.arrays()])

    def arrays(self) -> list[Bools]:
        """The masks, each of shape (out, in); copies."""
        return [
            _bits(mask, above * below).reshape(above, below)
            for mask, (below, above) in zip(self.masks, pairwise(self.widths), strict=True)
        ]


def layer_sizes(widths: Sequence[int]) -> tuple[int, ...]:
    """The weights of each layer of a multilayer perceptron that has all of them."""
    return tuple(below * above for below, above in pairwise(widths))


def check_widths(widths: Sequence[Any]) -> None:
    """Refuse what are no widths, before anything is made of that size; ValueError."""
    if not 2 <= len(widths) <= MAX_LAYERS + 1 or not all(type(width) is int and width > 0 for width in widths):
        raise ValueError(f"widths must be 2..{MAX_LAYERS + 1} positive integers, found {shortened(list(widths))}")
    if sum(layer_sizes(widths)) > MAX_WEIGHTS:
        found = shortened(list(widths))
        raise ValueError(f"widths must have at most {MAX_WEIGHTS} weights between them, found {found}")


def key(genotype: SparseGenotype) -> str:
    """Thirty-two hexadecimal digits that are equal exactly for equal texts (up to a hash collision)."""
    return hashlib.blake2b(encode(genotype).encode(), digest_size=16).hexdigest()


def encode(genotype: SparseGenotype) -> str:
    """The genotype as one line of compact JSON: of each mask the weights kept, and its code in base64."""
    values = {
        "space": SPACE,
        "widths": list(genotype.widths),
        "kept": list(genotype.kept),
        "masks": [base64.b64encode(encode_mask(mask)).decode() for mask in genotype.arrays()],
    }
    return json.dumps(values, separators=(",", ":"))


def decode(text: str) -> SparseGenotype:
    """The genotype of a text; whether it is valid is another question.

    Raises
    ------
    ValueError
        One line that says what was expected and what was found.
    """
    values = read_fields(text, SPACE, ("widths", "kept", "masks"))
    widths, kept, masks = (_read_list(name, values[name]) for name in ("widths", "kept", "masks"))
    check_widths(widths)
    sizes = layer_sizes(widths)
    if not len(kept) == len(masks) == len(sizes) or not all(type(number) is int for number in kept):
        expected = f"{len(sizes)} whole numbers and {len(sizes)} texts, one between two widths"
        raise ValueError(f"kept and masks must be {expected}, found {shortened(kept)} and {len(masks)} masks")
    layers = (
        decode_mask(read_bytes("a mask", mask), size, number)
        for mask, size, number in zip(masks, sizes, kept, strict=True)
    )
    return SparseGenotype(tuple(widths), tuple(np.packbits(layer).tobytes() for layer in layers))


def _read_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, found {shortened(value)}")
    return value


def _bits(packed: bytes, size: int) -> Bools:
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=size).astype(np.bool_)
