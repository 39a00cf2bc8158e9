"""Acquisition: how much a candidate promises, from what the surrogate expects of it and how sure it is."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
Acquisition = Literal["mean", "ucb", "ei", "thompson"]


def promise(
    acquisition: Acquisition, mean: Floats, std: Floats, best: float, optimism: float, rng: np.random.Generator
) -> Floats:
    """A number for each candidate, the largest to be trained; shape (n,).

    - ``mean``: what is expected;
    - ``ucb``: ``optimism`` deviations above that (Srinivas et al. 2010);
    - ``ei``: the expected improvement over the ``best`` fitness so far (Jones et al. 1998);
    - ``thompson``: a draw from what is thought possible, for each candidate by itself (Thompson 1933).
    """
    if acquisition == "mean":
        return mean
    if acquisition == "ucb":
        return mean + optimism * std
    if acquisition == "thompson":
        return mean + std * rng.standard_normal(len(mean))
    safe = np.maximum(std, 1e-12)
    z = (mean - best) / safe
    return np.asarray((mean - best) * norm.cdf(z) + safe * norm.pdf(z))
