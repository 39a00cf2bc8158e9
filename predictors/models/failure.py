"""Failure first, then the value: for fitness in two heaps, of networks that learned and networks that did not."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from predictors.models.choice import Candidate
from predictors.models.ensemble import Ensemble
from predictors.models.registry import MEMBERS

Floats = NDArray[np.float64]

CLASSIFIERS = ("extra-trees", "gp", "bayesian-ridge")
VALUES = Candidate(("extra-trees", "xgboost", "gp"), ranks=True)

SMALLEST_HEAP = 0.05
"""Share of the rows that a heap has at least."""

APART = 0.7
"""Share of the variance that has to lie between two heaps for them to count as such; 0.64 of a normal distribution does."""


class FailureThenValueModel:
    """The odds that a network fails, and what it is worth if it does not.

    Parameters
    ----------
    random_state
        Seed of all parts.
    below
        Targets below this are failures; without it, the gap that divides the rows best, if they are in two heaps
        (Otsu 1979), and no failures otherwise.
    """

    def __init__(self, random_state: int = 0, below: float | None = None) -> None:
        self.random_state = random_state
        self.below = below

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        below = gap_between_heaps(y) if self.below is None else self.below
        failed = y < below if below is not None else np.zeros(len(y), dtype=bool)
        self._rate = float(failed.mean())
        self._mixed = 0 < failed.sum() < len(y)
        self._failures = float(y[failed].mean()) if failed.any() else 0.0
        if self._mixed:
            self._odds = [MEMBERS[name](self.random_state).fit(X, failed.astype(float)) for name in CLASSIFIERS]
        self._failure_std = float(y[failed].std()) if failed.any() else 0.0
        self._values = None if failed.all() else Ensemble([VALUES], self.random_state).fit(X[~failed], y[~failed])
        return self

    def failure_probability(self, X: Floats) -> Floats:
        """The odds that each row fails, shape (n,)."""
        if not self._mixed:
            return np.full(len(X), self._rate)
        odds = np.mean([member.predict(X)[0] for member in self._odds], axis=0)
        return np.clip(odds, 0.01, 0.99)

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each row's target, two arrays of shape (n,)."""
        odds = self.failure_probability(X)
        if self._values is None:
            return np.full(len(X), self._failures), np.full(len(X), self._failure_std)
        value, std = self._values.predict(X)
        mean = odds * self._failures + (1 - odds) * value
        variance = odds * self._failure_std**2 + (1 - odds) * std**2 + odds * (1 - odds) * (value - self._failures) ** 2
        return mean, np.sqrt(variance)


def gap_between_heaps(y: Floats) -> float | None:
    """The middle of the gap that divides targets into two heaps; None where they are one."""
    values = np.sort(y)
    n = len(values)
    least = max(2, int(np.ceil(SMALLEST_HEAP * n)))
    if n < 2 * least or np.ptp(values) == 0:
        return None
    sizes = np.arange(least, n - least + 1)
    sums = np.cumsum(values)
    low, high = sums[sizes - 1] / sizes, (sums[-1] - sums[sizes - 1]) / (n - sizes)
    between = sizes * (n - sizes) / n**2 * (high - low) ** 2 / values.var()
    best = int(between.argmax())
    if between[best] < APART:
        return None
    return float((values[sizes[best] - 1] + values[sizes[best]]) / 2)
