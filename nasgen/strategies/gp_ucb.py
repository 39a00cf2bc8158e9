"""Bayesian optimisation over the unit box: a Gaussian process and its upper confidence bound (Srinivas et al. 2010)."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KAPPA = 5.0
"""Spreads added to the mean, as in "Bayes Optimal Neural Network Pruning using Relational Graph Properties"."""

DRAWS, ROUNDS, NARROWER = 1_000, 6, 0.5
"""Random points at which the bound is looked at: in the whole box, and then around the best in ever smaller ones."""

NOISE = (1e-8, 1e0)
"""Bounds of the noise's variance, beside values of variance 1."""


def fitted_process(X: Floats, y: Floats, seed: int) -> Any:
    """A Gaussian process with a Matern 5/2 kernel and noise, fitted to values y of shape (n,) at X of shape (n, d)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-3, 1e3)) * Matern(0.5, (1e-2, 1e2), nu=2.5) + WhiteKernel(1e-3, NOISE)
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hyper-parameter at its bound is none to tell of
        return process.fit(X, y)


def bound(process: Any, X: Floats, kappa: float = KAPPA) -> Floats:
    """Mean plus ``kappa`` spreads at points of shape (n, d); shape (n,)."""
    mean, spread = process.predict(X, return_std=True)
    return np.asarray(mean + kappa * spread)


def suggest(rng: np.random.Generator, X: Floats, y: Floats, kappa: float = KAPPA) -> Floats:
    """The point of the unit box with the highest bound, shape (d,), given values y at X, two at least."""
    process = fitted_process(X, y, int(rng.integers(2**31)))
    best, reach = np.full(X.shape[1], 0.5), 1.0
    highest = -np.inf
    for _ in range(ROUNDS):
        points = np.clip(best + reach * (rng.random((DRAWS, X.shape[1])) - 0.5), 0, 1)
        values = bound(process, points, kappa)
        if values.max() > highest:
            best, highest = points[int(values.argmax())], float(values.max())
        reach *= NARROWER
    return best
