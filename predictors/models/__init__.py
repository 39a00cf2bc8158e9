"""The models behind a surrogate, by name: each predicts a mean and a calibrated spread, from few rows.

Everything runs on one thread and depends on the rows, their order and ``random_state`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from predictors.models.choice import Candidate, Choice
from predictors.models.ensemble import Ensemble
from predictors.models.failure import FailureThenValueModel
from predictors.models.registry import MEMBERS

__all__ = ["LARGEST", "MODELS", "Choice", "Ensemble", "FailureThenValueModel", "MeanModel", "Model", "get_model"]

Floats = NDArray[np.float64]

LARGEST = float(np.finfo(np.float32).max)
"""The largest number in a row: trees compare in single precision."""


@runtime_checkable
class Model(Protocol):
    """A regressor with a spread. Rows may hold nan."""

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        ...

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each row's target, two arrays of shape (n,)."""
        ...


class MeanModel:
    """The mean of the targets for every row: the baseline that any other model has to beat."""

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def fit(self, X: Floats, y: Floats) -> Self:
        """Keep mean and standard deviation of the targets."""
        self.mean_, self.std_ = float(np.mean(y)), float(np.std(y))
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """The same two numbers for every row."""
        return np.full(len(X), self.mean_), np.full(len(X), self.std_)


CANDIDATES = (
    Candidate(("extra-trees", "xgboost", "gp"), ranks=True),
    Candidate(("extra-trees", "xgboost", "gp"), ranks=False),
    Candidate(("bayesian-ridge",), ranks=False),
    Candidate(("gp",), ranks=False),
    Candidate(("gp", "bayesian-ridge"), ranks=True),
)
"""What ``auto`` chooses from; the first is ``ensemble``."""


def _of(*candidates: Candidate) -> Callable[[int, Choice | None], Model]:
    return lambda random_state, choice: Ensemble(candidates, random_state, choice)


#: Name to a function that makes a model of ``random_state`` and a choice that was made before.
MODELS: Mapping[str, Callable[[int, Choice | None], Model]] = {
    "auto": _of(*CANDIDATES),
    "ensemble": _of(CANDIDATES[0]),
    # one by one they learn from the targets as they are
    **{name: _of(Candidate((name,), ranks=False)) for name in MEMBERS},
    "failure-then-value": lambda random_state, _: FailureThenValueModel(random_state),
    "mean": lambda random_state, _: MeanModel(random_state),
}


def get_model(name: str, random_state: int = 0, choice: Choice | None = None) -> Model:
    """A model by name, not fitted yet; ValueError if there is none of that name."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, found {name!r}")
    return MODELS[name](random_state, choice)
