"""Targets on a scale that a model learns well: ranks as normal quantiles, and the way back.

Fitness has a long lower tail: a structure that learns nothing lies further below a good one than a good one below the
best, and a squared error looks at little else. Ranks spread the good ones out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankGauss:
    """A monotone map from targets to normal quantiles of their ranks, linear between targets and beyond the ends.

    Attributes
    ----------
    values, quantiles
        The distinct targets, ascending, and the quantile of each, shape (m,).
    """

    values: Floats
    quantiles: Floats

    @classmethod
    def of(cls, targets: ArrayLike) -> RankGauss:
        """The map of these targets: equal ones share the mean of their ranks."""
        from scipy.stats import norm, rankdata

        targets = np.asarray(targets, dtype=np.float64)
        values, first = np.unique(targets, return_index=True)
        quantiles = norm.ppf(rankdata(targets)[first] / (len(targets) + 1))
        return cls(values, quantiles)

    def forward(self, targets: ArrayLike) -> Floats:
        """Quantiles of targets that the map was made of, or between them."""
        return np.interp(np.asarray(targets, dtype=np.float64), self.values, self.quantiles)

    def back(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation in the targets' units, of predictions among the quantiles."""
        low, high = self._value(mean - std), self._value(mean + std)
        return self._value(mean), (high - low) / 2

    def _value(self, quantiles: Floats) -> Floats:
        if len(self.values) == 1:
            return np.full_like(quantiles, self.values[0])
        inside = np.interp(quantiles, self.quantiles, self.values)
        slopes = np.diff(self.values) / np.diff(self.quantiles)
        k = max(1, len(slopes) // 10)  # a tenth at each end tells how the targets go on there
        below = np.minimum(quantiles - self.quantiles[0], 0.0) * float(np.median(slopes[:k]))
        above = np.maximum(quantiles - self.quantiles[-1], 0.0) * float(np.median(slopes[-k:]))
        return inside + below + above
