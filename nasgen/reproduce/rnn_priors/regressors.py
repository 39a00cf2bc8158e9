"""The three regressors of the authors, as they were called: scikit-learn's defaults (Darji 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _ridge(_: int) -> Any:
    from sklearn.linear_model import BayesianRidge

    return BayesianRidge()


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(random_state=seed)


def _boosted(seed: int) -> Any:
    from sklearn.ensemble import AdaBoostRegressor

    return AdaBoostRegressor(random_state=seed)


#: From the name to a function that makes one of a seed.
REGRESSORS: Mapping[str, Callable[[int], Any]] = {
    "BayesianRidge": _ridge,
    "RandomForest": _forest,
    "AdaBoost": _boosted,
}
