"""MaskGenotype: which node reads which, which inputs each node owns, how many weights are kept; and its line of text.

You, Leskovec, He, Xie 2020, "Graph Structure of Neural Networks": every node owns a share of the units of every layer,
and an edge lets the units of one node read those of another.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.texts import read_bytes, read_fields, shortened

SPACE = "mask"
MAX_NODES = 256  # an owner is a byte
MAX_KEPT = 2**53  # whole numbers beyond are no exact floats, and graphs hold floats

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MaskGenotype:
    """A graph of ``nodes`` nodes, the owners of the input features, and the number of weights that are kept.

    Attributes
    ----------
    nodes
        2..256.
    rows
        The matrix as bits, row after row, eight a byte, the first one highest; the last byte is filled with zeros.
    owners
        For each input feature the node that owns it, a byte each.
    kept
        Exact number of weights over all masked layers.

    Raises
    ------
    ValueError
        On a value of a wrong length, an owner that is no node and a number out of its range. All else is for
        ``validate`` to say.
    """

    nodes: int
    rows: bytes
    owners: bytes
    kept: int

    def __post_init__(self) -> None:
        if type(self.nodes) is not int or not 2 <= self.nodes <= MAX_NODES:
            raise ValueError(f"a genotype must have 2..{MAX_NODES} nodes, found {shortened(self.nodes)}")
        if type(self.kept) is not int or not 1 <= self.kept <= MAX_KEPT:
            raise ValueError(f"kept must be a whole number of 1..{MAX_KEPT}, found {shortened(self.kept)}")
        bits = self.nodes**2
        if len(self.rows) != -(-bits // 8):
            raise ValueError(f"rows must have {bits} bits in {-(-bits // 8)} bytes, found {len(self.rows)} bytes")
        if self.rows[-1] & (1 << -bits % 8) - 1:
            raise ValueError(f"rows must end in {-bits % 8} bits of zero after {bits} bits, found others")
        if not self.owners or max(self.owners) >= self.nodes:
            found = f"node {max(self.owners)}" if self.owners else "no owner"
            raise ValueError(f"owners must be nodes 0..{self.nodes - 1}, one an input feature, found {found}")

    @classmethod
    def of(cls, matrix: Bools, owners: Sequence[int] | NDArray[Any], kept: int) -> MaskGenotype:
        """The genotype of a matrix of shape (nodes, nodes), row = reader, column = read, and of owners."""
        return cls(len(matrix), np.packbits(matrix).tobytes(), bytes(np.asarray(owners).tolist()), int(kept))

    @property
    def matrix(self) -> Bools:
        """Which node (row) reads which (column); shape (nodes, nodes)."""
        bits = np.unpackbits(np.frombuffer(self.rows, dtype=np.uint8), count=self.nodes**2)
        return bits.reshape(self.nodes, self.nodes).astype(np.bool_)

    @property
    def owned(self) -> Ints:
        """The owners as an array, shape (input features,)."""
        return np.frombuffer(self.owners, dtype=np.uint8).astype(np.int64)


def key(genotype: MaskGenotype) -> str:
    """Thirty-two hexadecimal digits that are equal exactly for equal texts (up to a hash collision)."""
    return hashlib.blake2b(encode(genotype).encode(), digest_size=16).hexdigest()


def encode(genotype: MaskGenotype) -> str:
    """The genotype as one line of compact JSON, bytes in base64."""
    values = {
        "space": SPACE,
        "nodes": genotype.nodes,
        "kept": genotype.kept,
        "rows": base64.b64encode(genotype.rows).decode(),
        "owners": base64.b64encode(genotype.owners).decode(),
    }
    return json.dumps(values, separators=(",", ":"))


def decode(text: str) -> MaskGenotype:
    """The genotype of a text; whether it is valid is another question.

    Raises
    ------
    ValueError
        One line that says what was expected and what was found.
    """
    values = read_fields(text, SPACE, ("nodes", "kept", "rows", "owners"))
    rows, owners = (read_bytes(name, values[name]) for name in ("rows", "owners"))
    return MaskGenotype(values["nodes"], rows, owners, values["kept"])
