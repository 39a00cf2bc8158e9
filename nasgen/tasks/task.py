"""Task: named images or sequences with labels, cut into training, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SMALL = 5_000
"""Below this many training rows a fifth goes to validation, from here on a tenth."""

LARGEST_VALIDATION = 10_000

_BLOCK = 1_000  # rows at a time, so that float64 sums over uint8 images stay small in memory

Pixels = NDArray[np.uint8] | NDArray[np.float32]
Codes = NDArray[np.uint8] | NDArray[np.int32]
Integers = NDArray[np.int64]
Kind = Literal["images", "sequences"]

ASCII = 128
"""Codes that a text may hold."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation of each channel, on the scale of the raw pixels.

    A channel without variation has standard deviation 1.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, pixels: Pixels | Codes) -> Normalisation:
        """The constants of images of shape (n, C, H, W)."""

        def blocks() -> Iterator[NDArray[np.float64]]:
            for start in range(0, len(pixels), _BLOCK):
                yield pixels[start : start + _BLOCK].astype(np.float64)

        count = pixels.size / pixels.shape[1]
        mean = sum(block.sum(axis=(0, 2, 3)) for block in blocks()) / count
        centred = (block - mean[:, None, None] for block in blocks())
        variance = sum((block**2).sum(axis=(0, 2, 3)) for block in centred) / count
        std = np.where(variance > 0, np.sqrt(variance), 1.0)
        return cls(tuple(mean.tolist()), tuple(std.tolist()))


@dataclass(frozen=True, eq=False)
class Task:
    """Labelled images or sequences to search on; the test part is for the winner alone.

    The arrays cannot be written to. ``nasgen.tasks.get_task`` checks and converts what users bring.

    Attributes
    ----------
    name
        For people; two tasks are the same data when ``data_hash`` is equal.
    x_train, x_test
        Images: raw pixels of shape (n, C, H, W), contiguous, uint8 or float32. Sequences: integer codes of shape
        (n, steps), contiguous, uint8 or int32, with 0 after the end alone and as many steps as the longest has.
    y_train, y_test
        Labels of shape (n,), int64 in 0..n_classes - 1; every class has two training rows or more.
    classes
        One name a label.
    augmentation
        What ``--augment auto`` means here: ``none``, or ``auto`` where a probe is to decide.
    text
        Whether the codes are those of ASCII characters.
    """

    name: str
    x_train: Pixels | Codes
    y_train: Integers
    x_test: Pixels | Codes
    y_test: Integers
    classes: tuple[str, ...]
    augmentation: str = "auto"
    text: bool = False

    def __post_init__(self) -> None:
        for array in self._arrays():
            array.flags.writeable = False

    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return (self.x_train, self.y_train, self.x_test, self.y_test)

    @property
    def kind(self) -> Kind:
        """What the rows are."""
        return "images" if self.x_train.ndim == 4 else "sequences"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image; the steps of the longest sequence."""
        return self.x_train.shape[1:]

    @property
    def vocabulary(self) -> int:
        """How many codes a network for these sequences has to know, 0 and those of test included."""
        return ASCII if self.text else 1 + int(max(self.x_train.max(), self.x_test.max()))

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return len(self.classes)

    @cached_property
    def normalisation(self) -> Normalisation:
        """Constants of the training images, test never; TypeError for sequences, which have none.

        Rows held out for validation count too: the constants read no label, and the search and the final
        training then share one scale whatever the seed of the split.
        """
        if self.kind != "images":
            raise TypeError(f"{self.name}: sequences have no normalisation")
        return Normalisation.of(self.x_train)

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 of shapes, types and contents of the four arrays, in hexadecimal."""
        digest = hashlib.sha256()
        for array in self._arrays():
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def split(self, seed: int) -> tuple[Integers, Integers]:
        """Positions of the training and the validation rows within the training part, both ascending.

        Stratified by label. Validation takes a fifth of fewer than 5,000 rows and a tenth of more, at most
        10,000 rows; every class keeps a row in both.
        """
        rows = len(self.y_train)
        fraction = 0.2 if rows < SMALL else min(0.1, LARGEST_VALIDATION / rows)
        return stratified_split(np.random.default_rng(seed), self.y_train, fraction)


def stratified_split(rng: np.random.Generator, labels: Integers, fraction: float) -> tuple[Integers, Integers]:
    """Positions of the rows kept and of those held out: ``fraction`` of each class, rounded down.

    Of every class at least one row is held out and at least one kept; each class needs two rows.
    """
    held = []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        held.append(rows[: min(max(1, int(fraction * len(rows))), len(rows) - 1)])
    mask = np.zeros(len(labels), dtype=bool)
    mask[np.concatenate(held)] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)
