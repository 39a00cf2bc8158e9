"""How sparse masks are, by all their weights and as the average of layers; and how many weights are left at a rate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike


def density(masks: Sequence[ArrayLike]) -> float:
    """The share of all weights that are kept: those that are not zero, over all masks together.

    Raises
    ------
    ValueError
        If there is no mask, or one without weights.
    """
    counts = _counts(masks)
    return sum(kept for kept, _ in counts) / sum(size for _, size in counts)


def sparsity(masks: Sequence[ArrayLike]) -> float:
    """The share of all weights that are left out, ``1 - density(masks)``; raises what :func:`density` does."""
    return 1 - density(masks)


def xi(masks: Sequence[ArrayLike]) -> float:
    """The measure that Stier, Darji, Granitzer 2021, sec. 2 call sparsity: the mean over masks of kept / size.

    It is a density, and every layer counts the same, however few weights it has.

    Raises
    ------
    ValueError
        If there is no mask, or one without weights.
    """
    return float(np.mean([kept / size for kept, size in _counts(masks)]))


def kept_at(rate: float | Fraction, total: int) -> int:
    """How many of a number of weights are left at a rate, to the nearest (half up).

    A float counts as the decimal number that it is written as: of 1,000 weights, .9 leaves 100.
    """
    return int((1 - exact(rate)) * total + Fraction(1, 2))


def exact(rate: float | Fraction) -> Fraction:
    """The rate as the decimal number that it is written as."""
    return rate if isinstance(rate, Fraction) else Fraction(str(rate))


def _counts(masks: Sequence[ArrayLike]) -> list[tuple[int, int]]:
    """Weights kept, and size, of each mask."""
    counts = [(int(np.count_nonzero(mask)), int(np.size(mask))) for mask in map(np.asarray, masks)]
    if not counts or not all(size for _, size in counts):
        raise ValueError(f"there must be a mask or more, each of some weights, found sizes {[s for _, s in counts]}")
    return counts
