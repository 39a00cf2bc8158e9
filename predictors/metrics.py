"""How good predictions are: ranking, regret of the choice made by them, and coverage of their intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def kendall_tau(y: ArrayLike, predicted: ArrayLike) -> float:
    """Kendall's tau-b between targets and predictions, from -1 to 1; 0 where either is constant."""
    from scipy.stats import kendalltau

    y, predicted = _same_length(y, predicted)
    if len(y) < 2 or np.ptp(y) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(kendalltau(y, predicted).statistic)


def top_k_regret(y: ArrayLike, predicted: ArrayLike, k: int) -> float:
    """The best target of all minus the best among the k of the highest predictions, in units of the target.

    Of equal predictions the earlier comes first.
    """
    y, predicted = _same_length(y, predicted)
    if not 1 <= k <= len(y):
        raise ValueError(f"k must lie in 1..{len(y)}, the number of targets, found {k}")
    chosen = np.argsort(-predicted, kind="stable")[:k]
    return float(y.max() - y[chosen].max())


def coverage(y: ArrayLike, mean: ArrayLike, std: ArrayLike, level: float = 0.9) -> float:
    """The share of targets within the normal intervals of a nominal level around the predictions."""
    from scipy.stats import norm

    y, mean = _same_length(y, mean)
    return float(np.mean(np.abs(y - mean) <= norm.ppf((1 + level) / 2) * np.asarray(std)))


def _same_length(y: ArrayLike, predicted: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(
            f"targets and predictions must be two rows of one length, found {first.shape} and {second.shape}"
        )
    return first, second
