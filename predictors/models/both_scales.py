"""Regressors on both scales side by side: for graphs without ops, whose few columns say much the same."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from predictors.models.blend import mean_of_members
from predictors.models.failure import FailureThenValueModel, gap_between_heaps
from predictors.models.gp import GaussianProcessModel
from predictors.models.latent import Latent
from predictors.models.linear import BayesianRidgeModel
from predictors.models.trees import ExtraTreesModel, SmoothTreesModel

Floats = NDArray[np.float64]

ON_TARGETS = (ExtraTreesModel, GaussianProcessModel, BayesianRidgeModel)
ON_RANKS = (SmoothTreesModel, GaussianProcessModel, BayesianRidgeModel)
OF_FAILURE = (SmoothTreesModel, BayesianRidgeModel, GaussianProcessModel)
"""Regressors on each scale and of the odds of failure. On ranks, rows that only noise tells apart differ as others do:
trees must not learn them by heart."""


class BothScalesModel:
    """The mean of what regressors say of the targets as they are and what they say of the ranks.

    On ranks one failure does not outweigh the rest; on the targets themselves an error counts as much as it is. Where
    the targets lie in two heaps, failure first, then value has a third part.

    Parameters
    ----------
    random_state
        Seed of all parts.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        self._latents = Latent.straight(y), Latent.of(y)
        self._regressors = [
            [make(self.random_state).fit(X, latent.scores_of(y)) for make in makers]
            for latent, makers in zip(self._latents, (ON_TARGETS, ON_RANKS), strict=True)
        ]
        heaps = gap_between_heaps(y) is not None
        self._failure = FailureThenValueModel(self.random_state, classifiers=OF_FAILURE).fit(X, y) if heaps else None
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean of each row's target and how uncertain it is, two arrays of shape (n,); the second is not calibrated."""
        parts = [
            latent.moments(*mean_of_members([member.predict(X) for member in members]))
            for latent, members in zip(self._latents, self._regressors, strict=True)
        ]
        if self._failure is not None:
            parts.append(self._failure.predict(X))
        means, stds = (np.array(rows) for rows in zip(*parts, strict=True))
        return means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0))
