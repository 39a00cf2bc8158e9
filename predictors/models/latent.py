"""The scale on which models learn: the normal scores of the targets' ranks, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 0.1
"""Share of the distinct targets at either end whose slope goes on beyond the last."""

_HERMITE = np.polynomial.hermite_e.hermegauss(9)
NODES, WEIGHTS = _HERMITE[0], _HERMITE[1] / _HERMITE[1].sum()
"""Expectations under the standard normal distribution, by quadrature."""


@dataclass(frozen=True)
class Latent:
    """A rising map between targets and the normal scores of their ranks, linear between the rows and beyond them.

    Accuracies crowd together at the top and lie far apart at the bottom, where networks did not learn. On this scale
    the best differ as much as the worst.

    Attributes
    ----------
    scores, targets
        The corners of the map, rising, shape (k,) each.
    """

    scores: Floats
    targets: Floats

    @classmethod
    def straight(cls, y: Floats) -> Latent:
        """A straight line instead: standardised targets, for those that are sums of what is in a graph."""
        center, scale = float(y.mean()), float(y.std()) or 1.0
        targets = np.unique([y.min(), y.max()])
        return cls((targets - center) / scale, targets)

    @classmethod
    def of(cls, y: Floats) -> Latent:
        """The map for targets of shape (n,)."""
        from scipy.stats import norm, rankdata

        ranks = rankdata(y)  # equal targets share the mean of their ranks
        scores = norm.ppf((ranks - 0.5) / len(y))
        targets, first = np.unique(y, return_index=True)
        return cls(scores[first], targets)

    def scores_of(self, y: Floats) -> Floats:
        """The scores of some targets among those of the map, shape (n,)."""
        scores: Floats = np.interp(y, self.targets, self.scores)
        return scores

    def targets_of(self, scores: Floats) -> Floats:
        """The targets at some scores, shape (n,)."""
        inside = np.interp(scores, self.scores, self.targets)
        below = np.minimum(scores - self.scores[0], 0.0) * self._slope(0)
        above = np.maximum(scores - self.scores[-1], 0.0) * self._slope(-1)
        return np.asarray(inside + below + above)

    def moments(self, mean: Floats, std: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the targets of normally distributed scores, shape (n,) each."""
        targets = self.targets_of(mean + std * NODES[:, None])
        center = WEIGHTS @ targets
        return center, np.sqrt(WEIGHTS @ (targets - center) ** 2)

    def _slope(self, end: int) -> float:
        """Targets a score at the lower (0) or the upper (-1) end."""
        k = len(self.scores)
        if k < 2:
            return 0.0
        reach = max(1, round(TAIL * k))
        far = reach if end == 0 else -1 - reach
        return float((self.targets[end] - self.targets[far]) / (self.scores[end] - self.scores[far]))
