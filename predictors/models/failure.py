"""Failure first, then the value: for fitness in two heaps, of networks that learned and networks that did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from predictors.models.blend import mean_of_members
from predictors.models.gp import GaussianProcessModel
from predictors.models.latent import Latent
from predictors.models.linear import BayesianRidgeModel
from predictors.models.standardised import Standardised
from predictors.models.trees import BoostedTreesModel, ExtraTreesModel

Floats = NDArray[np.float64]

CLASSIFIERS: Sequence[type[Standardised]] = (ExtraTreesModel, BayesianRidgeModel, GaussianProcessModel)
REGRESSORS = (ExtraTreesModel, BoostedTreesModel, GaussianProcessModel)

SMALLEST_HEAP = 0.05
"""Share of the rows that a heap has at least."""

FLAT = 0.75
"""Share of the variance that lies between the halves of a uniform distribution; of a normal one 0.64 does."""


class FailureThenValueModel:
    """The odds that a network fails, and what it is worth if it does not.

    Parameters
    ----------
    random_state
        Seed of all parts.
    below
        Targets below this are failures; without it, the gap that divides the rows best, if they are in two heaps
        (Otsu 1979), and no failures otherwise.
    classifiers
        Whose mean is the odds.
    """

    def __init__(
        self,
        random_state: int = 0,
        below: float | None = None,
        classifiers: Sequence[type[Standardised]] = CLASSIFIERS,
    ) -> None:
        self.random_state = random_state
        self.below = below
        self.classifiers = classifiers

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        below = gap_between_heaps(y) if self.below is None else self.below
        failed = np.zeros(len(y), dtype=bool) if below is None else y < below
        self._rate = float(failed.mean())
        self._mixed = 0 < failed.sum() < len(y)
        self._failure = float(y[failed].mean()) if failed.any() else 0.0
        self._failure_std = float(y[failed].std()) if failed.any() else 0.0
        if self._mixed:
            target = failed.astype(np.float64)
            self._classifiers = [make(self.random_state).fit(X, target) for make in self.classifiers]
        if not failed.all():
            self._latent = Latent.of(y[~failed])
            scores = self._latent.scores_of(y[~failed])
            self._regressors = [make(self.random_state).fit(X[~failed], scores) for make in REGRESSORS]
        return self

    def failure_probability(self, X: Floats) -> Floats:
        """The odds that each row fails, shape (n,)."""
        if not self._mixed:
            return np.full(len(X), self._rate)
        odds, _ = mean_of_members([member.predict(X) for member in self._classifiers])
        return np.clip(odds, 0.01, 0.99)

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean of each row's target and how uncertain it is, two arrays of shape (n,); the second is not calibrated."""
        odds = self.failure_probability(X)
        if self._rate == 1:
            return np.full(len(X), self._failure), np.full(len(X), self._failure_std)
        value, std = self._latent.moments(*mean_of_members([member.predict(X) for member in self._regressors]))
        mean = odds * self._failure + (1 - odds) * value
        variance = odds * self._failure_std**2 + (1 - odds) * std**2 + odds * (1 - odds) * (value - self._failure) ** 2
        return mean, np.sqrt(variance)


def gap_between_heaps(y: Floats) -> float | None:
    """The middle of the gap that divides targets into two heaps; None where they are one.

    More of the variance must lie between them than between the halves of a uniform distribution, and by more than
    chance: of n uniform targets 0.75 + 0.5 / sqrt(n) is exceeded one time in twenty (n from 8 to 1,000, simulated).
    """
    values = np.sort(y)
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return None
    sizes = np.arange(1, n)
    sums = np.cumsum(values)
    low, high = sums[sizes - 1] / sizes, (sums[-1] - sums[sizes - 1]) / (n - sizes)
    between = sizes * (n - sizes) / n**2 * (high - low) ** 2 / values.var()
    best = int(between.argmax())
    apart = FLAT + 0.5 / np.sqrt(n)
    if between[best] < apart or min(sizes[best], n - sizes[best]) < max(2, SMALLEST_HEAP * n):
        return None
    return float((values[sizes[best] - 1] + values[sizes[best]]) / 2)
