"""Masks of consecutive layers: whether they fit one another, and how many weights each kernel keeps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def check_consecutive(masks: Sequence[Any]) -> list[Bools]:
    """The masks as arrays of truth values.

    Raises
    ------
    ValueError
        If there are none, one has neither two axes nor four, or reads other channels than the last one writes.
    """
    layers = [np.asarray(mask) != 0 for mask in masks]
    if not layers or any(mask.ndim not in (2, 4) or not mask.size for mask in layers):
        shapes = [mask.shape for mask in layers]
        raise ValueError(f"masks must have the shape (out, in) or (out, in, height, width), found {shapes}")
    for below, above in pairwise(layers):
        flattened = below.ndim == 4 and above.ndim == 2  # all places of a channel are inputs then
        if above.shape[1] % len(below) if flattened else above.shape[1] != len(below):
            number = f"a multiple of {len(below)}" if flattened else f"{len(below)}"
            raise ValueError(f"a mask must read {number} channels, as the last has, found {above.shape[1]}")
    return layers


def kept_counts(layers: Sequence[Bools]) -> list[Ints]:
    """How many weights each kernel keeps, shape (out, in) for each layer.

    What a unit of a linear layer reads of one channel of a convolution before it is a kernel too.
    """
    counts = []
    for number, mask in enumerate(layers):
        channels = len(layers[number - 1]) if number else mask.shape[1]
        counts.append(mask.reshape(len(mask), channels, -1).sum(axis=2, dtype=np.int64))
    return counts
