"""Ensembles of trees: forests, and boosted trees with a squared or a pairwise loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from predictors.models.standardised import Floats, Standardised


class _Forest(Standardised):
    """The mean of trees; what is uncertain is how far they disagree."""

    @abstractmethod
    def _fitted(self, Z: Floats, t: Floats) -> Iterable[Any]:
        """scikit-learn's trees, fitted."""

    def _fit(self, Z: Floats, t: Floats) -> None:
        self._trees = [tree.tree_ for tree in self._fitted(Z, t)]

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        rows = Z.astype(np.float32)  # what the trees compare in; said once rather than by each of them
        trees = np.array([tree.predict(rows)[:, 0] for tree in self._trees])
        return trees.mean(axis=0), trees.std(axis=0)


class RandomForestModel(_Forest):
    """A random forest of 100 trees with two fifths of the columns at each split."""

    def _fitted(self, Z: Floats, t: Floats) -> Iterable[Any]:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(100, max_features=0.4, random_state=self.random_state, n_jobs=1)
        trees: Iterable[Any] = forest.fit(Z, t).estimators_
        return trees


class ExtraTreesModel(_Forest):
    """Extremely randomised trees (Geurts and others 2006): smoother than a forest where rows are few.

    They are those of scikit-learn's ``ExtraTreesRegressor``, whose own loop over them takes a third of its time where
    rows are few.
    """

    TREES = 80
    SMALLEST_LEAF: int | float = 1
    """Rows of a leaf at least, or their share of all."""

    def _fitted(self, Z: Floats, t: Floats) -> Iterable[Any]:
        from sklearn import config_context
        from sklearn.tree import ExtraTreeRegressor

        draw = np.random.RandomState(self.random_state)
        seeds = draw.randint(np.iinfo(np.int32).max, size=self.TREES)
        options = {"max_features": 0.5, "min_samples_leaf": self.SMALLEST_LEAF}
        rows, targets = Z.astype(np.float32), t[:, None].astype(np.float64)
        with config_context(skip_parameter_validation=True):
            return [
                ExtraTreeRegressor(**options, random_state=seed).fit(rows, targets, check_input=False) for seed in seeds
            ]


class SmoothTreesModel(ExtraTreesModel):
    """Extremely randomised trees whose leaves hold a tenth of the rows: for targets that are mostly noise."""

    SMALLEST_LEAF = 0.1


class AdaBoostModel(Standardised):
    """AdaBoost.R2 as scikit-learn has it, one of the three regressors of Darji 2021 (master thesis)."""

    def _fit(self, Z: Floats, t: Floats) -> None:
        from sklearn.ensemble import AdaBoostRegressor

        self._boosted = AdaBoostRegressor(random_state=self.random_state).fit(Z, t)

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        return self._boosted.predict(Z), np.zeros(len(Z))


class BoostedTreesModel(Standardised):
    """Boosted shallow trees; a few boosters of different seeds, which tell by their spread what is uncertain."""

    BOOSTERS, ROUNDS = 3, 120
    PARAMETERS: Mapping[str, Any] = {
        "objective": "reg:squarederror",
        "max_depth": 4,
        "eta": 0.08,
        "subsample": 0.7,
        "colsample_bylevel": 0.3,
        "min_child_weight": 2,
        "base_score": 0.0,
        "tree_method": "exact",
        "nthread": 1,
        "verbosity": 0,
    }

    def _fit(self, Z: Floats, t: Floats) -> None:
        import xgboost

        data = self._data(Z, t)
        seeds = range(self.random_state * self.BOOSTERS, (self.random_state + 1) * self.BOOSTERS)
        self._boosters = [xgboost.train({**self.PARAMETERS, "seed": seed}, data, self.ROUNDS) for seed in seeds]

    def _data(self, Z: Floats, t: Floats) -> Any:
        import xgboost

        return xgboost.DMatrix(Z, t, nthread=1)

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        import xgboost

        data = xgboost.DMatrix(Z, nthread=1)
        members = np.array([booster.predict(data) for booster in self._boosters], dtype=np.float64)
        return members.mean(axis=0), members.std(axis=0)


class PairwiseTreesModel(BoostedTreesModel):
    """Boosted trees that learn which of two rows is better; their scores are scaled to the targets."""

    PARAMETERS: Mapping[str, Any] = {**BoostedTreesModel.PARAMETERS, "objective": "rank:pairwise", "base_score": 0.5}

    def _data(self, Z: Floats, t: Floats) -> Any:
        import xgboost

        # relevance must not be negative: the rank will do, for pairs alone are looked at
        ranks = np.unique(t, return_inverse=True)[1]
        return xgboost.DMatrix(Z, ranks / max(1, ranks.max()), group=[len(t)], nthread=1)

    def _fit(self, Z: Floats, t: Floats) -> None:
        self.PARAMETERS = {**type(self).PARAMETERS, "lambdarank_num_pair_per_sample": len(t)}
        super()._fit(Z, t)
        scores, _ = super()._predict(Z)
        spread = scores.std()  # without splits, scores differ by the rounding of single precision alone
        self._middle, self._unit = float(scores.mean()), float(t.std() / spread) if spread > 1e-6 else 0.0

    def _predict(self, Z: Floats) -> tuple[Floats, Floats]:
        scores, spread = super()._predict(Z)
        return (scores - self._middle) * self._unit, spread * self._unit
