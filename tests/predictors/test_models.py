from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from predictors.models import BayesianRidgeModel, RandomForestModel, XGBoostModel, get_model

X = np.random.default_rng(0).normal(size=(40, 5))
Y = X[:, 0] + np.random.default_rng(1).normal(size=40)


class FoldsOfNoSeed(XGBoostModel):
    """The trees draw, the folds do not."""

    def _splits(self, n: int) -> Any:
        return XGBoostModel(0)._splits(n)


class TreesOfNoSeed(XGBoostModel):
    """The folds are drawn, the trees see all rows and columns."""

    PARAMETERS: Mapping[str, Any] = {**XGBoostModel.PARAMETERS, "subsample": 1.0, "colsample_bynode": 1.0}


@pytest.mark.parametrize("model", [XGBoostModel, FoldsOfNoSeed, TreesOfNoSeed, RandomForestModel])
def test_all_that_is_drawn_heeds_the_seed(model: Any) -> None:
    one, again, other = (model(seed).fit(X, Y).predict(X) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one[0] != other[0]).any()
    assert (one[1] != other[1]).any()


def test_a_row_in_five_is_left_out_of_each_ensemble() -> None:
    for n, ensembles in ((1, 1), (2, 4), (4, 8), (5, 10), (40, 10)):
        model = XGBoostModel().fit(X[:n], Y[:n])
        assert len(model._boosters) == ensembles
        if n > 1:
            left_out = np.concatenate([held_out for _, held_out in model._splits(n)])
            assert (np.bincount(left_out) == model.REPEATS).all()


@pytest.mark.parametrize("name", ["random-forest", "bayesian-ridge"])
@pytest.mark.parametrize("rows_at_once", [1, 90, 10_000])
def test_contributions_are_what_setting_a_column_to_its_mean_changes(
    name: str, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictors.models.OCCLUDED_ROWS", rows_at_once)
    holes = np.where(np.random.default_rng(2).random(X.shape) < 0.1, np.nan, X)
    model = get_model(name).fit(holes, Y)
    for column in range(X.shape[1]):
        occluded = holes.copy()
        occluded[:, column] = np.nanmean(holes[:, column])
        change = model.predict(holes)[0] - model.predict(occluded)[0]
        np.testing.assert_allclose(model.contributions(holes)[:, column], change, atol=1e-12)


def test_contributions_of_many_rows_and_columns_take_the_memory_of_a_few_copies() -> None:
    many = np.random.default_rng(0).normal(size=(2000, 80))
    model = BayesianRidgeModel().fit(many, many[:, 0])
    tracemalloc.start()
    model.contributions(many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * many.nbytes
