"""The regressors one by one, worked out by hand where that can be done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.ensemble import ExtraTreesRegressor

from predictors.metrics import kendall_tau
from predictors.models import MODELS, Choice, Model, get_model
from predictors.models.blend import Calibration
from predictors.models.choice import Candidate
from predictors.models.gp import CENTRES, GaussianProcessModel, _Curve, _loss, _Parts, _squared_distances
from predictors.models.registry import MEMBERS
from predictors.models.trees import ExtraTreesModel, PairwiseTreesModel, SmoothTreesModel

X = np.random.default_rng(0).normal(size=(40, 5))
Y = X[:, 0] + np.random.default_rng(1).normal(size=40)


def smooth(rows: Any) -> Any:
    return np.sin(2 * rows[:, 0]) + rows[:, 1] * rows[:, 2]


class TestGaussianProcess:
    def test_the_gradient_is_that_of_the_loss(self) -> None:
        curves = [_Curve(X[:, column]) for column in range(5)]
        embedded = np.hstack([curve.embedded(X[:, column]) for column, curve in enumerate(curves)]) / np.sqrt(5)
        parts = _Parts(_squared_distances(X, X) / 5, embedded @ embedded.T, X @ X.T / 5)
        for seed in range(5):
            logs = CENTRES + np.random.default_rng(seed).normal(size=5)
            off = check_grad(lambda at: _loss(at, parts, Y)[0], lambda at: _loss(at, parts, Y)[1], logs)
            assert off < 1e-4 * np.linalg.norm(_loss(logs, parts, Y)[1])

    def test_the_curve_of_a_column_is_a_matern_process_at_its_values(self) -> None:
        column = np.array([0.0, 2.0, 0.0, 1.0])
        embedded = _Curve(column).embedded(column)
        far = np.sqrt(3) * np.abs(column[:, None] - column)
        np.testing.assert_allclose(embedded @ embedded.T, (1 + far) * np.exp(-far), atol=1e-8)
        between, left, right = _Curve(column).embedded(np.array([0.25, 0.0, 1.0]))
        np.testing.assert_allclose(between, 0.75 * left + 0.25 * right)
        beyond, end = _Curve(column).embedded(np.array([9.0, 2.0]))
        np.testing.assert_array_equal(beyond, end)

    def test_a_smooth_function_is_interpolated(self) -> None:
        rows = np.random.default_rng(3).uniform(-1, 1, size=(150, 3))
        model = GaussianProcessModel().fit(rows[:100], smooth(rows[:100]))
        mean, std = model.predict(rows)
        assert np.abs(mean[:100] - smooth(rows[:100])).max() < 0.15
        assert np.corrcoef(mean[100:], smooth(rows[100:]))[0, 1] > 0.98
        assert (model.predict(rows + 4)[1] > std.max()).all(), "far from all rows it is less certain"

    def test_one_row_two_rows_and_the_same_row_again_are_enough(self) -> None:
        for n in (1, 2):
            mean, std = GaussianProcessModel().fit(X[:n], Y[:n]).predict(X)
            assert np.isfinite([mean, std]).all()
        often = np.repeat(X[:4], 10, axis=0)
        mean, _ = GaussianProcessModel().fit(often, np.repeat(Y[:4], 10)).predict(X[:4])
        np.testing.assert_allclose(mean, Y[:4], atol=0.1)

    def test_a_column_that_comes_twice_weighs_once(self) -> None:
        doubled = np.hstack([X, X[:, :2], 3 * X[:, 2:3] - 1])
        one, other = (
            GaussianProcessModel().fit(X, Y).predict(X),
            GaussianProcessModel().fit(doubled, Y).predict(doubled),
        )
        np.testing.assert_allclose(one, other, rtol=1e-6)

    def test_of_many_rows_the_latest_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(GaussianProcessModel, "MOST_ROWS", 30)
        model = GaussianProcessModel().fit(X, Y)
        assert len(model._rows) == 30
        mean, _ = GaussianProcessModel().fit(X, np.where(np.arange(40) < 10, -Y, Y)).predict(X)
        assert kendall_tau(Y[10:], mean[10:]) > 0.5
        assert kendall_tau(Y[:10], mean[:10]) > 0, "what the first ten say is not heard"


def test_pairs_of_all_rows_count_when_there_are_many() -> None:
    # xgboost looks at the pairs of the 32 best unless told otherwise: the order of the rest would not be learned.
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(428, 6))
    y = rows @ [1.0, 0.8, 0.6, 0.4, 0.0, 0.0]
    model = PairwiseTreesModel().fit(rows[:128], y[:128])
    mean, _ = model.predict(rows[128:])
    assert kendall_tau(y[128:], mean) > 0.6
    worse = y[128:] < np.median(y[128:])
    assert kendall_tau(y[128:][worse], mean[worse]) > 0.45


def test_pairs_of_equal_rows_are_predicted_as_their_mean() -> None:
    mean, std = PairwiseTreesModel().fit(np.ones((6, 3)), Y[:6]).predict(np.ones((2, 3)))
    np.testing.assert_allclose(mean, Y[:6].mean())
    np.testing.assert_allclose(std, 0, atol=1e-9)


@pytest.mark.parametrize(("model", "leaf"), [(ExtraTreesModel, 1), (SmoothTreesModel, 0.1)])
def test_extremely_randomised_trees_are_those_of_scikit_learn(model: type[ExtraTreesModel], leaf: float) -> None:
    forest = ExtraTreesRegressor(80, max_features=0.5, min_samples_leaf=leaf, random_state=3)
    forest.fit(X, (Y - Y.mean()) / Y.std())
    theirs = Y.mean() + Y.std() * np.array([tree.predict(X + 0.1) for tree in forest.estimators_])
    mean, std = model(3).fit(X, Y).predict(X + 0.1)
    np.testing.assert_allclose(mean, theirs.mean(axis=0))
    np.testing.assert_allclose(std, theirs.std(axis=0))


def test_columns_of_one_value_and_missing_numbers_do_no_harm() -> None:
    padded = np.hstack([X, np.full((40, 2), 7.0), np.full((40, 1), np.nan)])
    for name in ("extra-trees", "xgboost", "bayesian-ridge", "gp"):
        one, other = MEMBERS[name](0).fit(X, Y).predict(X), MEMBERS[name](0).fit(padded, Y).predict(padded)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in ("bayesian-ridge", "gp")])
def test_members_that_draw_heed_the_seed(name: str) -> None:
    # rows of their own: trees may know those that they have seen by heart, whatever they drew
    one, again, other = (MEMBERS[name](seed).fit(X, Y).predict(X + 0.1) for seed in (0, 0, 2**32 - 1))
    np.testing.assert_array_equal(one, again)
    assert (one[0] != other[0]).any()


def test_every_model_is_a_model() -> None:
    for name in MODELS:
        model = get_model(name).fit(X[:3], Y[:3])
        assert isinstance(model, Model)
        mean, std = model.predict(X)
        assert mean.shape == std.shape == (40,)
    with pytest.raises(ValueError, match=r"model must be one of auto, ensemble, .*, mean, found 'oracle'"):
        get_model("oracle")


@pytest.mark.parametrize("name", MODELS)
def test_scores_rank_as_predictions_do_and_targets_have_theirs_in_order(name: str) -> None:
    model = get_model(name).fit(X, Y)
    score, spread = model.scores(X + 0.1)
    assert np.isfinite([score, spread]).all()
    assert (spread >= 0).all()
    assert (np.diff(model.score_of(np.sort(Y))) > 0).all()
    mean, _ = model.predict(X + 0.1)
    assert np.ptp(score) == 0 if name == "mean" else kendall_tau(mean, score) > 0.7


def test_the_mean_makes_no_choice() -> None:
    with pytest.raises(ValueError, match="mean makes no choice, found gp"):
        get_model("mean", 0, Choice(Candidate(("gp",), ranks=True), Calibration()))
