"""What the regressors have in common: the columns that vary, nan filled in, and targets of mean 0 and deviation 1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Standardised(ABC):
    """A regressor that sees prepared columns Z and targets t of mean 0 and, unless constant, standard deviation 1.

    Columns that do not vary are left out; nan becomes the column's mean.

    Parameters
    ----------
    random_state
        Seed of whatever is drawn. Everything runs on one thread and depends on the rows, their order and the seed.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    @abstractmethod
    def _fit(self, Z: Floats, t: Floats) -> None: ...

    @abstractmethod
    def _predict(self, Z: Floats) -> tuple[Floats, Floats]: ...

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        known = ~np.isnan(X)
        typical = np.where(known, X, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, X, typical)
        varies = filled.max(axis=0) > filled.min(axis=0)
        self._columns = np.flatnonzero(varies) if varies.any() else np.array([0])
        self._typical = typical[self._columns]
        self._center, scale = float(np.mean(y)), float(np.std(y))
        self._scale = scale if scale > 1e-12 * max(1.0, abs(self._center)) else 0.0
        # Of a constant target nothing is left but the mean: a scale of 0 takes any prediction back to it.
        self._fit(self._prepared(X), (y - self._center) / (self._scale or 1.0))
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean of each row's target and how uncertain it is, two arrays of shape (n,); the second is not calibrated."""
        mean, std = self._predict(self._prepared(X))
        return self._center + self._scale * mean, self._scale * std

    def _prepared(self, X: Floats) -> Floats:
        kept = X[:, self._columns]
        return np.where(np.isnan(kept), self._typical, kept)
