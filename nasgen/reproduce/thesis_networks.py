"""The authors' recurrent networks, loaded from their files and scored on strings as they scored them.

They read a network after the longest string of a batch, and shuffled the strings that they tested on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError

if TYPE_CHECKING:
    from search_spaces.rnn.thesis import ThesisNetwork

Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]

ORDERS = 200
"""Orders of the test strings that a score is the mean over."""

_AT_ONCE = 500


def load_network(path: Path, cell: str, size: int = 0, edges: Sequence[tuple[int, int]] = ()) -> ThesisNetwork:
    """The network of a file, whose cell is called as in files; without a graph its layers are dense.

    Of what pickle can hold, torch reads tensors alone.

    Raises
    ------
    InputError
        If the file holds something else.
    """
    import torch

    from search_spaces.rnn.thesis import stored_thesis_network

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zipfile, pickle, EOF and torch's own: they share no base
        raise InputError(f"{path}: expected tensors that torch has saved, found {type(error).__name__}") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{path}: expected tensors by name, found a {type(state).__name__}")
    try:
        return stored_thesis_network(cell.removeprefix("rnn_"), state, size, edges)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def scores_by_order(network: ThesisNetwork, codes: Codes, labels: Ints, batch: int) -> NDArray[np.float64]:
    """The accuracies of a network on strings in the order of the file, and in ``ORDERS`` others."""
    n = len(codes)
    right = _right_by_step(network, codes, labels)
    others = np.random.default_rng(0).permuted(np.tile(np.arange(n), (ORDERS, 1)), axis=1)
    read = steps_read((codes != 0).sum(axis=1), batch, np.vstack([np.arange(n), others]))
    return np.asarray(right[read, np.arange(n)].mean(axis=1))


def steps_read(lengths: Ints, batch: int, orders: Ints) -> Ints:
    """The last step, from 0, of the batch that every string is in, in each of some orders; shape (orders, n)."""
    starts = np.arange(0, len(lengths), batch)
    longest = np.maximum.reduceat(lengths[orders], starts, axis=1)
    in_order = np.repeat(longest, np.diff([*starts, len(lengths)]), axis=1) - 1
    read = np.empty_like(in_order)
    np.put_along_axis(read, orders, in_order, axis=1)
    return read


def _right_by_step(network: ThesisNetwork, codes: Codes, labels: Ints) -> NDArray[np.bool_]:
    """Whether each string would be classified rightly if it were read after each step; shape (steps, n)."""
    import torch

    wanted = torch.from_numpy(labels.copy())
    right = []
    with torch.inference_mode():
        for start in range(0, len(codes), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            right.append(network.by_step(torch.from_numpy(codes[rows])).argmax(dim=2) == wanted[rows])
    return np.asarray(torch.cat(right, dim=1))
