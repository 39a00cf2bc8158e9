"""Sums, maxima and means of the rows of an array by segment, and where runs of equal numbers begin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def segment_sum(values: Floats, segment: Ints, n_segments: int) -> Floats:
    """Sums of rows by segment, shape (n_segments, ...); ``segment`` says which one each row belongs to."""
    if values.ndim == 1:
        return np.bincount(segment, weights=values, minlength=n_segments).astype(np.float64)
    width = values.shape[1]
    cells = (segment[:, None] * width + np.arange(width)).ravel()
    sums: Floats = np.bincount(cells, weights=values.ravel(), minlength=n_segments * width).astype(np.float64)
    return sums.reshape(n_segments, width)


def segment_max(values: Floats, segment: Ints, n_segments: int, empty: float = 0.0) -> Floats:
    """Maxima of rows by segment, shape (n_segments, ...); ``empty`` for a segment without rows."""
    result = np.full((n_segments, *values.shape[1:]), -np.inf)
    if len(segment):
        ordered = bool((segment[1:] >= segment[:-1]).all())
        order = slice(None) if ordered else np.argsort(segment, kind="stable")
        begin = runs(segment[order])
        result[segment[order][begin]] = np.maximum.reduceat(values[order], begin, axis=0)
    return np.where(np.isneginf(result), empty, result)


def segment_mean(values: Floats, segment: Ints, n_segments: int) -> Floats:
    """Means of rows by segment, shape (n_segments, ...); zeros for a segment without rows."""
    count = np.maximum(np.bincount(segment, minlength=n_segments), 1)
    return segment_sum(values, segment, n_segments) / (count if values.ndim == 1 else count[:, None])


def segment_mean_std(values: Floats, segment: Ints, n_segments: int) -> tuple[Floats, Floats]:
    """Means and population standard deviations of rows by segment, shape (n_segments, ...); zeros where none are."""
    mean = segment_mean(values, segment, n_segments)
    return mean, np.sqrt(segment_mean((values - mean[segment]) ** 2, segment, n_segments))


def runs(values: Ints) -> Ints:
    """Where runs of equal numbers begin, shape (n_runs,)."""
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return np.flatnonzero(first)
