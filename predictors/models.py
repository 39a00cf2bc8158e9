"""The regressors behind a surrogate, by name: each predicts a mean and a spread, from few rows.

All of them see standardised targets and only the columns that vary; everything runs on one thread and depends
on the rows, their order and ``random_state`` alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST = float(np.finfo(np.float32).max)
"""The largest number in a row: trees compare in single precision."""

OCCLUDED_ROWS = 1000
"""Rows with an occluded column that are predicted at once; more where one column alone has more."""


@runtime_checkable
class Model(Protocol):
    """A regressor with a spread. Rows may hold nan."""

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows X, shape (n, d) with d > 0, and finite targets y, shape (n,) with n > 0."""
        ...

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each row's target, two arrays of shape (n,)."""
        ...

    def contributions(self, X: Floats) -> Floats:
        """How far each column moves each row's mean from the average one, shape (n, d), in units of the target."""
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

    def contributions(self, X: Floats) -> Floats:
        """Zeros: no column is looked at."""
        return np.zeros(X.shape)


class _Standardised(ABC):
    """Common to the models that learn: what varies is kept, nan becomes the column's mean, targets are scaled.

    Subclasses see prepared columns Z and targets t of mean 0 and, unless constant, standard deviation 1.
    """

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    @abstractmethod
    def _fit(self, Z: Floats, t: Floats) -> None: ...

    @abstractmethod
    def _predict(self, Z: Floats) -> tuple[Floats, Floats]: ...

    def _contributions(self, Z: Floats) -> Floats:
        """The change of the prediction when one column after another is set to its mean.

        One column at a time where rows are many; of few rows, several at once, for speed.
        """
        n, d = Z.shape
        without = np.empty((d, n))
        at_once = max(1, OCCLUDED_ROWS // n)
        for start in range(0, d, at_once):
            columns = np.arange(start, min(start + at_once, d))
            occluded = np.repeat(Z[None], len(columns), axis=0)
            occluded[np.arange(len(columns)), :, columns] = self._typical[columns, None]
            without[columns] = self._predict(occluded.reshape(-1, d))[0].reshape(-1, n)
        return self._predict(Z)[0][:, None] - without.T

    def fit(self, X: Floats, y: Floats) -> Self:
        """Learn from rows and targets."""
        known = ~np.isnan(X)
        self._fill = np.where(known, X, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, X, self._fill)
        varies = filled.max(axis=0) > filled.min(axis=0)
        self._columns = np.flatnonzero(varies) if varies.any() else np.array([0])
        self._typical = self._fill[self._columns]
        self._center, scale = float(np.mean(y)), float(np.std(y))
        self._scale = scale if scale > 1e-12 * max(1.0, abs(self._center)) else 0.0
        # Of a constant target nothing is left but the mean: a scale of 0 takes any prediction back to it.
        self._fit(self._prepared(X), (y - self._center) / (self._scale or 1.0))
        return self

    def predict(self, X: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each row's target."""
        mean, std = self._predict(self._prepared(X))
        return self._center + self._scale * mean, self._scale * std

    def contributions(self, X: Floats) -> Floats:
        """How far each column moves each row's mean; 0 for columns that did not vary."""
        result = np.zeros(X.shape)
        result[:, self._columns] = self._scale * self._contributions(self._prepared(X))
        return result

    def _prepared(self, X: Floats) -> Floats:
        kept = X[:, self._columns]
        return np.where(np.isnan(kept), self._typical, kept)


class XGBoostModel(_Standardised):
    """Boosted ensembles of shallow trees, each fitted without one fold of twice-repeated five-fold splits.

    That is ten of them. Fewer than five rows are left out one by one, which makes two ensembles a row; a single row
    has one ensemble, and nothing to leave out. The mean is theirs. The variance is that between them plus that of
    the errors on the left-out folds.
    """

    FOLDS, REPEATS, ROUNDS = 5, 2, 50
    PARAMETERS: Mapping[str, Any] = {
        "max_depth": 4,
        "eta": 0.15,
        "subsample": 0.8,
        "colsample_bynode": 0.5,
        "base_score": 0.0,
        "nthread": 1,
        "verbosity": 0,
    }

    def _fit(self, Z: Floats, t: Floats) -> None:
        import xgboost

        self._boosters = []
        left_out = np.zeros(len(t))
        for member, (rows, held_out) in enumerate(self._splits(len(t))):
            data = xgboost.DMatrix(Z[rows], t[rows], nthread=1)
            seed = self.random_state * self.FOLDS * self.REPEATS + member
            booster = xgboost.train({**self.PARAMETERS, "seed": seed}, data, self.ROUNDS)
            self._boosters.append(booster)
            if len(held_out):
                left_out[held_out] += booster.predict(xgboost.DMatrix(Z[held_out], nthread=1)) / self.REPEATS
        self._residual = _normal_scale(t - left_out) if len(t) > 1 else 1.0

    def _splits(self, n: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        from sklearn.model_selection import RepeatedKFold

        if n == 1:
            return [(np.array([0]), np.array([], dtype=np.intp))]
        folds = RepeatedKFold(n_splits=min(self.FOLDS, n), n_repeats=self.REPEATS, random_state=self.random_state)
        return list(folds.split(np.empty((n, 1))))

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        import xgboost

        data = xgboost.DMatrix(Z, nthread=1)
        members = np.array([booster.predict(data) for booster in self._boosters], dtype=np.float64)
        return members.mean(axis=0), np.sqrt(members.var(axis=0) + self._residual**2)

    def _contributions(self, Z: Floats) -> Floats:
        """Shapley values of the trees (Lundberg and others 2020), averaged over the members."""
        import xgboost

        data = xgboost.DMatrix(Z, nthread=1)
        members = [booster.predict(data, pred_contribs=True)[:, :-1] for booster in self._boosters]
        return np.asarray(np.mean(members, axis=0, dtype=np.float64))


class RandomForestModel(_Standardised):
    """A random forest of 100 trees.

    The standard deviation is that between the trees, with a floor, times what makes the 90 % intervals hold nine
    of ten rows out of the bag.
    """

    TREES = 100
    FLOOR = 0.1  # in standard deviations of the targets; trees that agree are not certain

    def _fit(self, Z: Floats, t: Floats) -> None:
        from sklearn.ensemble import RandomForestRegressor

        self._forest = RandomForestRegressor(
            self.TREES, max_features=0.4, bootstrap=True, random_state=self.random_state, n_jobs=1
        ).fit(Z, t)
        self._factor = 1.0
        if len(t) > 1:
            mean, std = self._out_of_bag(Z)
            self._factor = _normal_scale((t - mean) / std)

    def _out_of_bag(self, Z: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation for each row of the trees that did not see it."""
        trees = self._by_tree(Z)
        outside = np.ones(trees.shape, dtype=bool)
        for tree, drawn in zip(outside, self._forest.estimators_samples_, strict=True):
            tree[drawn] = False
        counts = np.maximum(outside.sum(axis=0), 1)
        mean = np.where(outside, trees, 0.0).sum(axis=0) / counts
        variance = np.where(outside, (trees - mean) ** 2, 0.0).sum(axis=0) / counts
        return mean, np.sqrt(variance + self.FLOOR**2)

    def _by_tree(self, Z: Floats) -> Floats:
        rows = Z.astype(np.float32)  # what the trees compare in; said once rather than by each of them
        return np.array([tree.tree_.predict(rows)[:, 0] for tree in self._forest.estimators_])

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        trees = self._by_tree(Z)
        return trees.mean(axis=0), self._factor * np.sqrt(trees.var(axis=0) + self.FLOOR**2)


class BayesianRidgeModel(_Standardised):
    """Bayesian linear regression on standardised columns: best for targets that are sums over operations."""

    def _fit(self, Z: Floats, t: Floats) -> None:
        from sklearn.linear_model import BayesianRidge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._pipeline = make_pipeline(StandardScaler(), BayesianRidge()).fit(Z, t)

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        mean, std = self._pipeline.predict(Z, return_std=True)
        return mean, std


def _normal_scale(errors: Floats) -> float:
    """The standard deviation of the normal distribution whose 90 % interval holds nine of ten errors.

    Fitness has outliers, networks that did not learn; a mean square would let one of them widen all intervals.
    """
    z = 1.6448536269514722  # the 95 % quantile of the standard normal distribution
    return float(np.quantile(np.abs(errors), 0.9, method="higher") / z)


#: Name to the model's class, which takes ``random_state``.
MODELS: Mapping[str, Callable[[int], Model]] = {
    "xgboost": XGBoostModel,
    "random-forest": RandomForestModel,
    "bayesian-ridge": BayesianRidgeModel,
    "mean": MeanModel,
}


def get_model(name: str, random_state: int = 0) -> Model:
    """A model by name, not fitted yet; ValueError if there is none of that name."""
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, found {name!r}")
    return MODELS[name](random_state)
