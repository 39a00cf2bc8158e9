"""The models behind a surrogate, by name: each predicts a mean and a calibrated spread, from few rows.

Everything depends on the rows, their order and ``random_state`` alone; trees run on one thread, and ``Surrogate.fit``
holds BLAS to one, whose sums would differ in their last digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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

    def scores(self, X: Floats) -> tuple[Floats, Floats]:
        """What to expect, and how much is not known of it, on the scale on which the model learns: for bounds."""
        ...

    def score_of(self, y: Floats) -> Floats:
        """Targets on that scale, shape (n,)."""
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

    def scores(self, X: Floats) -> tuple[Floats, Floats]:
        """The scale is that of the targets."""
        return self.predict(X)

    def score_of(self, y: Floats) -> Floats:
        """The targets themselves."""
        return y


CANDIDATES = (
    Candidate(("extra-trees", "xgboost", "gp"), ranks=True),
    Candidate(("extra-trees", "xgboost"), ranks=True),
    Candidate(("bayesian-ridge",), ranks=False),
    Candidate(("gp",), ranks=False),
    Candidate(("failure-then-value",), ranks=False),
)
"""What ``auto`` chooses from; the first is ``ensemble``."""

STRUCTURE = (Candidate(("both-scales",), ranks=False), Candidate(("bayesian-ridge",), ranks=False))
"""What ``structure`` chooses from, which stands for ``auto`` where features tell of structure alone."""

ON_RANKS = ("extra-trees", "xgboost", "xgboost-pairwise", "gp")
"""Regressors that learn on the scale of ranks when they stand alone; the others from the targets as they are."""


def _of(*candidates: Candidate, also: Sequence[Candidate] = ()) -> Callable[[int, Choice | None], Model]:
    """A function that makes a model of what it chooses from; a choice made before may be of others ``also``."""

    def make(random_state: int, choice: Choice | None) -> Model:
        if choice is not None and choice.candidate not in (*candidates, *also):
            known = " or ".join("+".join(one.members) for one in (*candidates, *also))
            raise ValueError(f"the choice must be of {known}, found {'+'.join(choice.candidate.members)}")
        return Ensemble(candidates, random_state, choice)

    return make


def _mean(random_state: int, choice: Choice | None) -> Model:
    if choice is not None:
        raise ValueError(f"the model mean makes no choice, found {'+'.join(choice.candidate.members)}")
    return MeanModel(random_state)


#: Name to a function that makes a model of ``random_state`` and a choice that was made before.
MODELS: Mapping[str, Callable[[int, Choice | None], Model]] = {
    "auto": _of(*CANDIDATES, also=STRUCTURE),
    "ensemble": _of(CANDIDATES[0]),
    "structure": _of(*STRUCTURE),
    **{name: _of(Candidate((name,), ranks=name in ON_RANKS)) for name in MEMBERS},
    "mean": _mean,
}


def get_model(name: str, random_state: int = 0, choice: Choice | None = None) -> Model:
    """A model by name, not fitted yet; ValueError if there is none of that name, or if it never makes such a choice."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, found {name!r}")
    return MODELS[name](random_state, choice)
