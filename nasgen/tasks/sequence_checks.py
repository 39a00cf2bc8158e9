"""Sequences that a user brings: every way in which their codes can be wrong is named here, once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.tasks.task import ASCII, Codes

MOST_CODES = 65_536
MOST_STEPS = 10_000


def are_sequences(x_train: NDArray[Any]) -> bool:
    """Whether an array holds sequences rather than images: integers of shape (rows, steps)."""
    return x_train.ndim == 2 and x_train.dtype.kind in "iu"


def codes_of(name: str, x_train: NDArray[Any], x_test: NDArray[Any], text: bool) -> tuple[Codes, Codes]:
    """The codes of both, with as many steps as the longest sequence of the two has.

    They are uint8 where none is above 255, else int32.

    Raises
    ------
    InputError
        Says which array is wrong, what was expected, what was found and what to do.
    """
    if not are_sequences(x_test):
        raise InputError(
            f"{name}: x_test must be integers of shape (rows, steps) as x_train is, found {x_test.shape} of "
            f"{x_test.dtype}"
        )
    steps = max(_longest(name, key, x, text) for key, x in (("x_train", x_train), ("x_test", x_test)))
    small = max(x_train.max(), x_test.max()) <= np.iinfo(np.uint8).max
    return _padded(x_train, steps, small), _padded(x_test, steps, small)


def _longest(name: str, key: str, array: NDArray[Any], text: bool) -> int:
    """Steps of the longest of some sequences, which are checked."""
    held = array != 0
    empty = ~held.any(axis=1)
    if empty.any():
        raise InputError(
            f"{name}: a sequence must have at least one step, found none in row {empty.argmax()} of {key} (counted "
            "from 0); leave it out"
        )
    least, most, codes = int(array.min()), int(array.max()), ASCII if text else MOST_CODES
    if not 0 <= least <= most < codes:
        what = "ASCII characters" if text else "steps"
        raise InputError(f"{name}: codes of {what} must lie in 1..{codes - 1}, found {least}..{most} in {key}")
    before_the_end = (~held[:, :-1] & held[:, 1:]).any(axis=1)
    if before_the_end.any():
        raise InputError(
            f"{name}: 0 stands after the end of a sequence alone, found one before a step in row "
            f"{before_the_end.argmax()} of {key} (counted from 0); number the codes from 1, and pad at the end"
        )
    longest = int(held.sum(axis=1).max())
    if longest > MOST_STEPS:
        raise InputError(
            f"{name}: sequences must have at most {MOST_STEPS:,} steps, found {longest:,} in {key}; cut them first"
        )
    return longest


def _padded(array: NDArray[Any], steps: int, small: bool) -> Codes:
    """A copy with so many steps: the task seals its arrays, and the user's stay writable."""
    shape, kept = (len(array), steps), array[:, :steps]
    codes: Codes = np.zeros(shape, np.uint8) if small else np.zeros(shape, np.int32)
    codes[:, : kept.shape[1]] = kept
    return codes
