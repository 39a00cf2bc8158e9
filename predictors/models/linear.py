"""Linear regression: best for targets that are sums over operations, such as latency and energy."""

from __future__ import annotations

from typing import Any

from predictors.models.standardised import Floats, Standardised


class BayesianRidgeModel(Standardised):
    """Bayesian linear regression on standardised columns."""

    def _fit(self, Z: Floats, t: Floats) -> None:
        from sklearn.linear_model import BayesianRidge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._pipeline: Any = make_pipeline(StandardScaler(), BayesianRidge()).fit(Z, t)

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        mean, std = self._pipeline.predict(Z, return_std=True)
        return mean, std
