"""The model behind most names: a calibrated blend of regressors, one or several, chosen or given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from predictors.models.blend import mean_of_members, told
from predictors.models.choice import Candidate, Choice, choose
from predictors.models.gp import GaussianProcessModel
from predictors.models.registry import MEMBERS

Floats = NDArray[np.float64]


class Ensemble:
    """The mean of some regressors, with a calibrated spread.

    Parameters
    ----------
    candidates
        What is chosen from on held-out rows; a single one is calibrated alone.
    random_state
        The seed of all that is drawn.
    choice
        One that was made before, on some of the rows; without it, fitting makes one.

    Attributes
    ----------
    choice_
        The choice that the fitted model stands on.
    """

    def __init__(self, candidates: Sequence[Candidate], random_state: int = 0, choice: Choice | None = None) -> None:
        self.candidates = candidates
        self.random_state = random_state
        self.choice = choice

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        self.choice_ = self.choice or choose(self.candidates, X, y, self.random_state)
        candidate = self.choice_.candidate
        self._latent = candidate.latent(y)
        t = self._latent.scores_of(y)
        self._fitted = [MEMBERS[name](self.random_state).fit(X, t) for name in candidate.members]
        self._process = next((member for member in self._fitted if isinstance(member, GaussianProcessModel)), None)
        self._rows = X, t
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each row's target, two arrays of shape (n,)."""
        return told(self._latent, *self._blend(X), self.choice_.calibration)

    def scores(self, X: Floats) -> tuple[Floats, Floats]:
        """What to expect, and how much is not known of it, on the scale on which it learns; two arrays of shape (n,).

        The spread is that of a Gaussian process without its noise, whichever members there are: how far trees disagree
        says little of what they have not seen. The mean lies halfway between the members' and that of the process:
        the members predict better, but where bounds are compared, mean and spread of one process belong together.
        """
        if self._process is None:
            self._process = GaussianProcessModel(self.random_state).fit(*self._rows)
        mean, unknown = self._process.posterior(X)
        return (self._blend(X)[0] + mean) / 2, unknown

    def score_of(self, y: Floats) -> Floats:
        """Targets on the scale on which it learns, shape (n,)."""
        return self._latent.scores_of(y)

    def _blend(self, X: Floats) -> tuple[Floats, Floats]:
        return mean_of_members([member.predict(X) for member in self._fitted])
