"""Held-out predictions of some regressors, their blend, and what brings it back to the targets: a line and a width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from predictors.models.latent import Latent

Floats = NDArray[np.float64]

LEVEL = 0.9
NORMAL_QUANTILE = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution: nine of ten values lie within so many deviations."""

FOLDS = 5

FEWEST = 4
"""Rows from which something can be held out."""

SLOPES = (0.05, 1.5)
"""What the slope of a calibration may be: the order of scores stays, and extrapolation has an end."""

SURE = 2.0
"""Standard errors by which a slope differs from 1."""

LEAST_UNCERTAINTY = 0.2
"""Members that agree are not certain: what their spread is at least, in deviations of the targets."""


class Member(Protocol):
    """A regressor that is blended with others (see ``Standardised``)."""

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows."""
        ...

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean of each row's target, and how uncertain it is, not calibrated."""
        ...


@dataclass(frozen=True)
class Calibration:
    """How a score of the blend becomes a prediction: found on held-out rows.

    Attributes
    ----------
    slope, intercept
        From the members' mean to the scale of ranks: shrinks what promises too much.
    width
        From the members' uncertainty to a standard deviation.
    """

    slope: float = 1.0
    intercept: float = 0.0
    width: float = 1.0


def told(latent: Latent, score: Floats, uncertainty: Floats, calibration: Calibration) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the targets that scores stand for."""
    mean, std = latent.moments(calibration.intercept + calibration.slope * score, uncertainty)
    return mean, calibration.width * std


def calibrated(latent: Latent, score: Floats, uncertainty: Floats, y: Floats) -> Calibration:
    """The line and the width that held-out predictions of some targets ask for."""
    t = latent.scores_of(y)
    slope = _slope(score, t)
    line = Calibration(slope, float(t.mean() - slope * score.mean()))
    mean, std = told(latent, score, uncertainty, line)
    ratio = np.abs(y - mean) / np.maximum(std, 1e-12 * np.ptp(y))
    rank = min(len(y), math.ceil(LEVEL * (len(y) + 1)))  # conformal: as if there were one more row
    return replace(line, width=float(np.sort(ratio)[rank - 1] / NORMAL_QUANTILE))


def _slope(score: Floats, t: Floats) -> float:
    """The slope of the targets over the scores, within ``SLOPES``; 1 unless the rows speak against it.

    Where they do not, by two standard errors, a slope of their own is noise that costs more than it mends.
    """
    spread = score.var()
    if spread <= 1e-12:
        return 1.0
    slope = ((score - score.mean()) * (t - t.mean())).mean() / spread
    error = np.sqrt((t - t.mean() - slope * (score - score.mean())).var() / (len(t) * spread))
    return float(np.clip(slope, *SLOPES)) if abs(slope - 1) > SURE * error else 1.0


def mean_of_members(predictions: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Mean of the members, and the uncertainty of each and between them, shape (n,) each."""
    means, stds = (np.array(rows) for rows in zip(*predictions, strict=True))
    variance = (stds**2).mean(axis=0) + means.var(axis=0)
    return means.mean(axis=0), np.sqrt(variance + LEAST_UNCERTAINTY**2)


def held_out(
    members: Sequence[Callable[[int], Member]], X: Floats, t: Floats, random_state: int
) -> list[tuple[Floats, Floats]]:
    """What each member predicts for each row from the other folds: a mean and an uncertainty, shape (n,) each."""
    from sklearn.model_selection import KFold

    predictions = [(np.empty(len(t)), np.empty(len(t))) for _ in members]
    for rows, others in KFold(min(FOLDS, len(t)), shuffle=True, random_state=random_state).split(X):
        for make, (mean, std) in zip(members, predictions, strict=True):
            mean[others], std[others] = make(random_state).fit(X[rows], t[rows]).predict(X[others])
    return predictions
