"""A Gaussian process for few rows and many columns: smooth in all columns together, and additive in each of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from predictors.models.standardised import Standardised

Floats = NDArray[np.float64]

KNOTS = 8
"""At most so many values of a column have a weight of their own in the additive part; between them it is linear."""

CENTRES = np.log([0.5, 1.0, 0.5, 0.3, 0.1])
WIDTHS = np.array([1.5, 1.0, 1.5, 1.5, 1.0])
"""Of the normal priors of the five logarithms: variance and length scale of the smooth part, the variances of the
additive and the linear part, and that of the noise. The targets have variance 1, the columns too."""

BOUNDS = np.column_stack([CENTRES - 8 * WIDTHS, CENTRES + 8 * WIDTHS])
"""Of the logarithms: farther out, where a search along a line may leap, exponentials overflow."""


class GaussianProcessModel(Standardised):
    """A GP whose kernel is the sum of a Matern 5/2 kernel over all columns, an additive and a linear one.

    The additive part is a sum of functions of one column each, piecewise linear between quantiles and smooth by a
    Matern 3/2 prior on its values there: what an op or a length is worth, whatever the rest. Five numbers are fitted by
    the marginal likelihood with priors that matter for few rows alone (Rasmussen and Williams 2006, sec. 5.4).
    """

    MOST_ROWS = 1000
    """The latest rows are learned from; a decomposition of more takes seconds."""

    def _fit(self, Z: Floats, t: Floats) -> None:
        from scipy.linalg import cho_solve, cholesky
        from scipy.optimize import minimize

        Z, t = Z[-self.MOST_ROWS :], t[-self.MOST_ROWS :]
        self._mean, self._scale_of = Z.mean(axis=0), np.maximum(Z.std(axis=0), 1e-12)
        U = self._scaled(Z)
        # the same column twice would only weigh more
        _, first = np.unique(np.round(U, 9), axis=1, return_index=True)
        self._distinct = np.sort(first)
        U = U[:, self._distinct]
        self._curves = [_Curve(U[:, column]) for column in range(U.shape[1])]
        self._rows = U
        self._linear, self._additive = U / np.sqrt(U.shape[1]), self._embedded(U)
        distances = _squared_distances(U, U) / U.shape[1]
        parts = _Parts(distances, self._additive @ self._additive.T, self._linear @ self._linear.T)
        options = {"maxiter": 60}
        found = minimize(_loss, CENTRES, (parts, t), method="L-BFGS-B", jac=True, bounds=BOUNDS, options=options)
        self._logs = found.x
        kernel, _ = parts.kernel(self._logs)
        self._factor = cholesky(kernel, lower=True)
        self._weights = cho_solve((self._factor, True), t)

    def _scaled(self, Z: Floats) -> Floats:
        # far outside the rows a polynomial of the column would run away
        return np.asarray(np.clip((Z - self._mean) / self._scale_of, -5.0, 5.0))

    def _embedded(self, U: Floats) -> Floats:
        parts = [curve.embedded(U[:, column]) for column, curve in enumerate(self._curves)]
        return np.asarray(np.hstack(parts) / np.sqrt(len(parts)))

    def posterior(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean of each row's target and what is not known of it, two arrays of shape (n,).

        The noise, by which two trainings of one network differ, is left out: no further row would lessen it.
        """
        mean, variance = self._posterior(self._prepared(X))
        return self._center + self._scale * mean, self._scale * np.sqrt(variance)

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        mean, variance = self._posterior(Z)
        return mean, np.sqrt(variance + np.exp(self._logs[-1]))

    def _posterior(self, Z: Floats) -> tuple[Floats, Floats]:
        from scipy.linalg import solve_triangular

        smooth, length, additive, linear, _ = np.exp(self._logs)
        U = self._scaled(Z)[:, self._distinct]
        E, L = self._embedded(U), U / np.sqrt(U.shape[1])
        distances = _squared_distances(U, self._rows) / U.shape[1]
        cross = smooth * _matern(np.sqrt(5 * distances) / length)
        cross += additive * (E @ self._additive.T) + linear * (L @ self._linear.T)
        mean = cross @ self._weights
        explained = solve_triangular(self._factor, cross.T, lower=True)
        prior = smooth + additive * (E**2).sum(axis=1) + linear * (L**2).sum(axis=1)
        return mean, np.maximum(prior - (explained**2).sum(axis=0), 0.0)


class _Curve:
    """Functions of one column: piecewise linear between knots, their values there correlated by distance."""

    def __init__(self, column: Floats) -> None:
        from scipy.linalg import cholesky

        values = np.unique(column)
        if len(values) > KNOTS:
            values = np.unique(np.quantile(column, np.linspace(0, 1, KNOTS)))
        self.knots = values
        gaps = np.sqrt(3) * np.abs(values[:, None] - values)
        self.root = cholesky((1 + gaps) * np.exp(-gaps) + 1e-9 * np.eye(len(values)), lower=True)

    def embedded(self, column: Floats) -> Floats:
        """Rows whose products are the covariances, shape (n, knots); constant beyond the knots."""
        if len(self.knots) == 1:
            return np.asarray(np.ones((len(column), 1)) @ self.root)
        inside = np.clip(column, self.knots[0], self.knots[-1])
        right = np.clip(np.searchsorted(self.knots, inside), 1, len(self.knots) - 1)
        share = (inside - self.knots[right - 1]) / (self.knots[right] - self.knots[right - 1])
        return np.asarray((1 - share)[:, None] * self.root[right - 1] + share[:, None] * self.root[right])


class _Parts:
    """The kernel of the rows as a function of its logarithms, with its derivatives."""

    def __init__(self, squared_distances: Floats, additive: Floats, linear: Floats) -> None:
        self.scaled = np.sqrt(5 * np.maximum(squared_distances, 0.0))
        self.additive, self.linear = additive, linear
        self.unit = np.eye(len(additive))

    def kernel(self, logs: Floats) -> tuple[Floats, list[Floats]]:
        """The matrix with the noise, and its derivatives by each of the five logarithms."""
        smooth, length, additive, linear, noise = np.exp(logs)
        r = self.scaled / length
        parts = [
            smooth * _matern(r),
            smooth * (r**2 * (1 + r) / 3) * np.exp(-r),
            additive * self.additive,
            linear * self.linear,
            noise * self.unit,
        ]
        return parts[0] + parts[2] + parts[3] + parts[4] + 1e-8 * self.unit, parts


def _loss(logs: Floats, parts: _Parts, t: Floats) -> tuple[float, Floats]:
    """Minus the logarithm of marginal likelihood times prior, and its gradient."""
    from scipy.linalg import cho_factor, cho_solve

    kernel, derivatives = parts.kernel(logs)
    off = (logs - CENTRES) / WIDTHS
    try:
        factor = cho_factor(kernel, lower=True)
    except np.linalg.LinAlgError:
        return 1e25, np.zeros_like(logs)
    weights = cho_solve(factor, t)
    inverse = cho_solve(factor, parts.unit)
    value = 0.5 * t @ weights + np.log(np.diag(factor[0])).sum() + 0.5 * (off**2).sum()
    slope = 0.5 * (inverse - np.outer(weights, weights))
    gradient = np.array([(slope * derivative).sum() for derivative in derivatives]) + off / WIDTHS
    return float(value), gradient


def _matern(r: Floats) -> Floats:
    return np.asarray((1 + r + r**2 / 3) * np.exp(-r))


def _squared_distances(one: Floats, other: Floats) -> Floats:
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * (one @ other.T)
    return np.asarray(np.maximum(squares, 0.0))
