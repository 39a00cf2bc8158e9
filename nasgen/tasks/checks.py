"""From what a user brings to a Task: every way in which arrays can be wrong is named here, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.tasks.sequence_checks import are_sequences, codes_of
from nasgen.tasks.task import Codes, Integers, Pixels, Task

SMALLEST_SIDE = 4
LARGEST_SIDE = 1024
MOST_CHANNELS = 64
MOST_CLASSES = 10_000


def task_of(
    name: str,
    x_train: Any,
    y_train: Any,
    x_test: Any,
    y_test: Any,
    *,
    classes: Sequence[str] | None = None,
    augmentation: str = "auto",
    text: bool = False,
) -> Task:
    """A checked task out of four arrays.

    Parameters
    ----------
    name
        Of the task; begins every error message.
    x_train, x_test
        Images of shape (n, H, W), (n, H, W, C), or (n, C, H, W) where C is below 4 (which is told apart by
        images being at least 4 pixels high); integers or finite floats on any scale, the same in both. Or sequences:
        integer codes of shape (n, steps), 0 after the end of each and nowhere else.
    y_train, y_test
        Integers of shape (n,) or (n, 1), 0..K-1, with at least two training rows of each.
    classes
        One name a label; the labels themselves where there are none.
    augmentation
        The default of images: ``none`` or ``auto``.
    text
        Whether the codes of sequences are those of ASCII characters.

    Raises
    ------
    InputError
        Says which array is wrong, what was expected, what was found and what to do.
    """
    first = _array(name, "x_train", x_train)
    second = _array(name, "x_test", x_test)
    parts: tuple[Pixels | Codes, Pixels | Codes]
    if are_sequences(first):
        parts = codes_of(name, first, second, text)
        augmentation = "none"
    else:
        parts = _pixels(name, first, second)
        text = False
    labels = _labels(name, "y_train", y_train), _labels(name, "y_test", y_test)
    for part, x, y in zip(("train", "test"), parts, labels, strict=True):
        if len(x) != len(y):
            raise InputError(
                f"{name}: x_{part} and y_{part} must have the same number of rows, found {len(x)} and {len(y)}"
            )
    n_classes = _count_classes(name, *labels)
    if classes is not None and len(classes) != n_classes:
        raise InputError(f"{name}: classes must name each of the {n_classes} labels, found {len(classes)} names")
    names = tuple(classes) if classes is not None else tuple(map(str, range(n_classes)))
    return Task(name, parts[0], labels[0], parts[1], labels[1], names, augmentation, text)


def _array(name: str, key: str, values: Any) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: {key} must be an array of numbers, found {array.dtype.name}")
    if len(np.atleast_1d(array)) == 0:
        raise InputError(f"{name}: {key} must have at least one row, found none")
    return array


def _pixels(name: str, x_train: NDArray[Any], x_test: NDArray[Any]) -> tuple[Pixels, Pixels]:
    """Both with shape (n, C, H, W)."""
    first, second = _images(name, "x_train", x_train), _images(name, "x_test", x_test)
    if first.shape[1:] != second.shape[1:]:
        raise InputError(
            f"{name}: training and test images must have one shape, found {_shape(first)} and "
            f"{_shape(second)} (channels x height x width)"
        )
    return _same_type(name, first, second)


def _images(name: str, key: str, array: NDArray[Any]) -> NDArray[Any]:
    """The images with shape (n, C, H, W), of the type they came in."""
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim != 4:
        raise InputError(
            f"{name}: {key} must have shape (rows, height, width) or (rows, height, width, channels), or hold "
            f"integers of shape (rows, steps), which are sequences; found {array.shape} of {array.dtype}"
        )
    elif array.shape[1] >= SMALLEST_SIDE:
        array = array.transpose(0, 3, 1, 2)
    channels, height, width = array.shape[1:]
    if min(height, width) < SMALLEST_SIDE or not 1 <= channels <= MOST_CHANNELS:
        raise InputError(
            f"{name}: images must be at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels of 1 to "
            f"{MOST_CHANNELS} channels, found {key} with {height} x {width} pixels of {channels}; "
            "channels go last"
        )
    if max(height, width) > LARGEST_SIDE:
        raise InputError(
            f"{name}: images must be at most {LARGEST_SIDE} pixels high and wide, found {key} with "
            f"{height} x {width}; make them smaller first"
        )
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and found so
            array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise InputError(f"{name}: {key} must be finite, found NaN or infinity (or more than float32 holds)")
    return array


def _same_type(name: str, x_train: NDArray[Any], x_test: NDArray[Any]) -> tuple[Pixels, Pixels]:
    """Both as uint8 if they are integers in 0..255, else as float32."""
    if (x_train.dtype.kind == "f") != (x_test.dtype.kind == "f"):
        raise InputError(
            f"{name}: x_train and x_test must have the same type, found {x_train.dtype} and {x_test.dtype}; "
            "bring them to one scale"
        )
    # copies, even where nothing changes: the task seals its arrays, and the user's stay writable
    if all(x.dtype.kind != "f" and x.min() >= 0 and x.max() <= 255 for x in (x_train, x_test)):
        return x_train.astype(np.uint8, order="C"), x_test.astype(np.uint8, order="C")
    return x_train.astype(np.float32, order="C"), x_test.astype(np.float32, order="C")


def _labels(name: str, key: str, values: Any) -> Integers:
    array = _array(name, key, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hint = "; use argmax(axis=1) on one-hot rows" if array.ndim == 2 else ""
        raise InputError(f"{name}: {key} must have shape (rows,) or (rows, 1), found {array.shape}{hint}")
    if array.dtype.kind == "f":
        raise InputError(f"{name}: {key} must be integers, found {array.dtype}; use {key}.astype(int)")
    if not 0 <= array.min() <= array.max() < MOST_CLASSES:
        raise InputError(
            f"{name}: {key} must lie in 0..K-1 for K classes (at most {MOST_CLASSES:,}), found "
            f"{array.min()}..{array.max()}"
        )
    return array.astype(np.int64)


def _count_classes(name: str, y_train: Integers, y_test: Integers) -> int:
    counts = np.bincount(y_train)
    if len(counts) < 2:
        raise InputError(f"{name}: y_train must have at least two classes, found only label 0")
    if not counts.all():
        raise InputError(
            f"{name}: labels must be 0..K-1 without gaps, found no {np.flatnonzero(counts == 0)[0]} among "
            f"0..{len(counts) - 1} in y_train; renumber them"
        )
    if counts.min() < 2:
        raise InputError(
            f"{name}: every class must have at least 2 training rows (one is for validation), found 1 of "
            f"class {counts.argmin()}"
        )
    if y_test.max() >= len(counts):
        raise InputError(f"{name}: y_test must lie in 0..{len(counts) - 1} as y_train does, found {y_test.max()}")
    return len(counts)


def _shape(pixels: NDArray[Any]) -> str:
    return " x ".join(map(str, pixels.shape[1:]))
