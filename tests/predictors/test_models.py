"""The parts of the models one by one, worked out by hand where that can be done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import norm

from predictors.metrics import coverage, kendall_tau
from predictors.models import MODELS, get_model
from predictors.models.blend import (
    LEAST_UNCERTAINTY,
    NORMAL_QUANTILE,
    SLOPES,
    Calibration,
    calibrated,
    held_out,
    mean_of_members,
    told,
)
from predictors.models.choice import HEAPS, Candidate, Choice, choose
from predictors.models.explain import contributions
from predictors.models.failure import FailureThenValueModel, gap_between_heaps
from predictors.models.gp import CENTRES, GaussianProcessModel, _Curve, _loss, _Parts, _squared_distances
from predictors.models.latent import Latent
from predictors.models.registry import MEMBERS
from predictors.models.trees import PairwiseTreesModel

X = np.random.default_rng(0).normal(size=(40, 5))
Y = X[:, 0] + np.random.default_rng(1).normal(size=40)


class TestLatent:
    def test_scores_are_the_normal_quantiles_of_ranks(self) -> None:
        latent = Latent.of(np.array([5.0, 1.0, 100.0]))
        np.testing.assert_allclose(latent.scores, norm.ppf([1 / 6, 1 / 2, 5 / 6]))
        np.testing.assert_array_equal(latent.targets, [1, 5, 100])
        np.testing.assert_allclose(
            latent.scores_of(np.array([100.0, 5.0, 3.0])),
            latent.scores[1] + [latent.scores[2], 0, latent.scores[0] / 2],
        )

    def test_equal_targets_share_the_mean_of_their_ranks(self) -> None:
        latent = Latent.of(np.array([2.0, 1.0, 2.0, 2.0]))
        np.testing.assert_allclose(latent.scores, norm.ppf([0.5 / 4, 2.5 / 4]))

    @pytest.mark.parametrize("make", [Latent.of, Latent.straight], ids=["ranks", "straight"])
    def test_there_and_back_again(self, make: Any) -> None:
        y = np.exp(Y)
        np.testing.assert_allclose(make(y).targets_of(make(y).scores_of(y)), y, rtol=1e-12)

    def test_beyond_the_ends_the_slope_of_a_tenth_of_the_rows_goes_on(self) -> None:
        y = np.arange(20.0) ** 2
        latent = Latent.of(y)
        s = latent.scores
        lower, upper = (y[2] - y[0]) / (s[2] - s[0]), (y[19] - y[17]) / (s[19] - s[17])
        found = latent.targets_of(np.array([s[0] - 1, s[0], s[19], s[19] + 2]))
        np.testing.assert_allclose(found, [0 - lower, 0, 361, 361 + 2 * upper], atol=1e-12)

    def test_the_straight_line_standardises(self) -> None:
        y = np.array([1.0, 2.0, 6.0])
        latent = Latent.straight(y)
        np.testing.assert_allclose(latent.scores_of(y), (y - 3) / y.std())
        np.testing.assert_allclose(
            latent.targets_of(np.array([-10.0, 0.0, 10.0])), 3 + y.std() * np.array([-10, 0, 10])
        )

    def test_moments_are_expectations(self) -> None:
        latent = Latent.of(np.exp(Y))  # far from a straight line
        draws = np.random.default_rng(0).normal(size=400_000)
        for mean, std in ((0.0, 0.5), (1.0, 0.3), (-1.0, 1.0)):
            targets = latent.targets_of(mean + std * draws)
            (center,), (spread,) = latent.moments(np.array([mean]), np.array([std]))
            assert center == pytest.approx(targets.mean(), rel=0.05)
            assert spread == pytest.approx(targets.std(), rel=0.12)  # nine nodes on a line with corners

    def test_moments_on_a_straight_line_are_exact(self) -> None:
        y = np.array([1.0, 2.0, 6.0])
        center, spread = Latent.straight(y).moments(np.array([0.0, 2.0]), np.array([1.0, 0.5]))
        np.testing.assert_allclose(center, [3, 3 + 2 * y.std()])
        np.testing.assert_allclose(spread, [y.std(), y.std() / 2])

    @pytest.mark.parametrize("make", [Latent.of, Latent.straight], ids=["ranks", "straight"])
    def test_constant_targets_are_all_there_is(self, make: Any) -> None:
        latent = make(np.full(5, 0.7))
        np.testing.assert_array_equal(latent.scores_of(np.full(2, 0.7)), 0)
        np.testing.assert_array_equal(latent.targets_of(np.array([-3.0, 0.0, 3.0])), 0.7)
        np.testing.assert_allclose(latent.moments(np.zeros(1), np.ones(1)), [[0.7], [0.0]], atol=1e-15)


class TestCalibration:
    def test_a_score_that_promises_too_much_is_shrunk(self) -> None:
        y = np.random.default_rng(0).normal(size=200)
        latent = Latent.straight(y)
        score = 2 * latent.scores_of(y) + 1
        found = calibrated(latent, score, np.ones(200), y)
        assert found.slope == pytest.approx(0.5)
        assert found.intercept == pytest.approx(-0.5)
        mean, _ = told(latent, score, np.ones(200), found)
        np.testing.assert_allclose(mean, y)

    def test_the_order_of_predictions_stays_even_where_they_are_wrong(self) -> None:
        y = np.arange(10.0)
        latent = Latent.straight(y)
        assert calibrated(latent, -latent.scores_of(y), np.ones(10), y).slope == SLOPES[0]
        assert calibrated(latent, latent.scores_of(y) / 9, np.ones(10), y).slope == SLOPES[1]
        assert calibrated(latent, np.full(10, 0.3), np.ones(10), y).slope == 1

    def test_the_width_is_that_of_the_row_of_the_conformal_rank(self) -> None:
        # Ten rows: ceil(0.9 * 11) = 10, the largest error of all. Twenty: ceil(0.9 * 21) = 19, the second largest.
        for n, place in ((9, 1), (10, 1), (20, 2)):
            y = np.arange(float(n)) - (n - 1) / 2
            latent = Latent.straight(y)
            off = np.random.default_rng(0).permutation(n) / n
            score = latent.scores_of(y) + off
            found = calibrated(latent, score, np.full(n, 2.0), y)
            line = found.intercept + found.slope * score
            errors = np.sort(np.abs(y - y.std() * line))
            assert found.width == pytest.approx(errors[-place] / (2 * y.std()) / NORMAL_QUANTILE)
            mean, std = told(latent, score, np.full(n, 2.0), found)
            # as many rows lie inside as the rank says, the last of them on the border
            assert (np.abs(y - mean) <= NORMAL_QUANTILE * std * (1 + 1e-9)).sum() == n + 1 - place

    def test_the_width_covers_noise_that_was_held_out(self) -> None:
        rng = np.random.default_rng(0)
        y = rng.normal(size=2000)
        seen = slice(0, 300)
        latent = Latent.straight(y[seen])
        score, uncertainty = 0.8 * y + 0.6 * rng.normal(size=2000), np.full(2000, 0.01)
        found = calibrated(latent, score[seen], uncertainty[seen], y[seen])
        mean, std = told(latent, score, uncertainty, found)
        assert 0.87 < coverage(y[300:], mean[300:], std[300:]) < 0.94
        assert found.width > 10

    def test_members_that_agree_are_not_certain(self) -> None:
        one, other = (np.array([1.0, 0.0]), np.array([0.0, 3.0])), (np.array([1.0, 2.0]), np.array([0.0, 1.0]))
        mean, uncertainty = mean_of_members([one, other])
        np.testing.assert_allclose(mean, [1, 1])
        np.testing.assert_allclose(uncertainty**2, LEAST_UNCERTAINTY**2 + np.array([0, (9 + 1) / 2 + 1]))

    def test_each_row_is_predicted_by_a_member_that_has_not_seen_it(self) -> None:
        class Memory:
            def __init__(self, random_state: int) -> None: ...

            def fit(self, X: Any, y: Any) -> Any:
                self.seen = set(X[:, 0])
                return self

            def predict(self, X: Any) -> Any:
                return np.array([float(x in self.seen) for x in X[:, 0]]), np.full(len(X), len(self.seen))

        ((seen, size),) = held_out([Memory], np.arange(11.0)[:, None], np.zeros(11), 0)
        np.testing.assert_array_equal(seen, 0)
        assert sorted(size) == [8] * 3 + [9] * 8


BLEND = Candidate(("extra-trees", "gp"), ranks=True)
LINE = Candidate(("bayesian-ridge",), ranks=False)
FAILURE = Candidate((HEAPS,), ranks=False)


class TestChoice:
    def test_a_sum_of_columns_is_for_the_line(self) -> None:
        counts = np.random.default_rng(0).integers(0, 6, size=(60, 6)).astype(float)
        exact = counts @ [1.0, 5.0, 0.5, 2.0, 0.1, 3.0] + 7
        assert choose((BLEND, LINE), counts, exact, 0).candidate == LINE
        auto = get_model("auto").fit(counts[:40], exact[:40])
        assert auto.choice_.candidate == LINE  # type: ignore[attr-defined]  # an Ensemble
        np.testing.assert_allclose(auto.predict(counts[40:])[0], exact[40:], rtol=0.01)

    @pytest.mark.parametrize("seed", range(4))
    def test_on_noise_the_first_stays(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows, noise = rng.normal(size=(30, 4)), rng.normal(size=30)
        for first, other in ((LINE, Candidate(("gp",), ranks=False)), (Candidate(("gp",), ranks=False), LINE)):
            assert choose((first, other), rows, noise, seed).candidate == first

    def test_failure_is_tried_where_there_are_two_heaps_alone(self) -> None:
        one = np.random.default_rng(0).normal(size=500)
        two = np.concatenate([one[:20] / 10, 5 + one[20:40] / 10])
        assert not FAILURE.suits(one)
        assert FAILURE.suits(two)
        assert LINE.suits(one)

    def test_what_does_not_suit_is_not_fitted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_part_of_it(_: int) -> Any:
            raise AssertionError("fitted on held-out rows")

        monkeypatch.setitem(MEMBERS, HEAPS, no_part_of_it)  # type: ignore[arg-type]  # a dict under its Mapping type
        bell, heaps = X[:, 0], X[:, 0] + np.where(X[:, 1] > 0, 100.0, 0.0)
        assert choose((LINE, FAILURE), X, bell, 0).candidate == LINE
        with pytest.raises(AssertionError, match="fitted on held-out rows"):
            choose((LINE, FAILURE), X, heaps, 0)

    def test_two_heaps_that_a_classifier_tells_apart_are_for_failure_then_value(self) -> None:
        # Whether a row fails is no line of its first column; what it is worth otherwise hangs on the second.
        rows = np.random.default_rng(0).normal(size=(200, 3))
        y = np.where(np.abs(rows[:, 0]) < 0.67, 0.1, 0.9 + 0.01 * rows[:, 1])
        assert choose((LINE, FAILURE), rows, y, 0).candidate == FAILURE

    def test_too_few_and_equal_targets_are_not_held_out(self) -> None:
        for rows, y in ((X[:3], Y[:3]), (X, np.full(40, 0.7))):
            assert choose((BLEND, LINE), rows, y, 0) == Choice(BLEND, Calibration())

    def test_there_and_back_through_json(self) -> None:
        choice = Choice(BLEND, Calibration(0.1 + 0.2, -1e-17, 3.0))
        assert Choice.from_json(choice.to_json()) == choice
        assert choice.to_json() == {
            "members": ["extra-trees", "gp"],
            "ranks": True,
            "slope": 0.1 + 0.2,
            "intercept": -1e-17,
            "width": 3.0,
        }

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"members": []}, "holds names of xgboost"),
            ({"members": "gp"}, "holds names of xgboost"),
            ({"members": ["oracle"]}, "holds names of xgboost"),
            ({"members": [["gp"]]}, "holds names of xgboost"),
            ({"members": 5}, "holds members, ranks"),
            ({"ranks": "no"}, "whether on ranks"),
            ({"slope": None}, "holds members, ranks"),
            ({"slope": "steep"}, "holds members, ranks"),
            ({"slope": 10**400}, "holds members, ranks"),
            ({"slope": -0.5}, "a rising line"),
            ({"intercept": float("nan")}, "finite numbers"),
            ({"width": -1.0}, "and a width"),
        ],
        ids=str,
    )
    def test_what_is_no_choice_is_refused(self, values: dict[str, Any], message: str) -> None:
        whole = Choice(LINE, Calibration()).to_json()
        with pytest.raises(ValueError, match=message):
            Choice.from_json({**whole, **values})

    def test_a_choice_that_lacks_a_value_is_refused(self) -> None:
        whole = Choice(LINE, Calibration()).to_json()
        for name in whole:
            with pytest.raises(ValueError, match="a choice holds members, ranks, slope, intercept and width"):
                Choice.from_json({key: value for key, value in whole.items() if key != name})


class TestHeaps:
    def test_the_gap_is_where_the_heaps_part(self) -> None:
        assert gap_between_heaps(np.array([0.1, 0.9, 0.12, 0.92, 0.91, 0.08])) == pytest.approx((0.12 + 0.9) / 2)

    def test_one_heap_has_no_gap(self) -> None:
        for y in (
            np.random.default_rng(0).normal(size=500),
            np.full(20, 0.5),
            np.array([0.1, 0.2, 0.9]),
            np.array([1.0]),
        ):
            assert gap_between_heaps(y) is None

    def test_a_lone_row_is_no_heap(self) -> None:
        # Two rows or a twentieth of them at least: one that is far away stays with its neighbour.
        assert gap_between_heaps(np.array([0.0, 0.8, 0.9, 0.91, 0.92, 0.93])) is None
        assert gap_between_heaps(np.array([0.0, 0.0, 0.9, 0.91, 0.92, 0.93])) == pytest.approx(0.45)


FAILS = X[:, 0] < 0
WORTH = np.where(FAILS, 0.1, 0.8 + 0.05 * X[:, 1])


class TestFailureThenValue:
    def test_the_odds_of_failure_rank_the_rows(self) -> None:
        fresh = np.random.default_rng(5).normal(size=(200, 5))
        for below in (None, 0.5):
            model = FailureThenValueModel(below=below).fit(X, WORTH)
            odds = model.failure_probability(fresh)
            assert odds.min() >= 0.01
            assert odds.max() <= 0.99
            failed = fresh[:, 0] < 0
            assert np.mean(odds[failed][:, None] > odds[~failed]) > 0.95
            mean, std = model.predict(fresh)
            clear = np.abs(fresh[:, 0]) > 1
            assert (mean[clear & failed] < 0.45).all()
            assert (mean[clear & ~failed] > 0.45).all()
            assert std[~clear].mean() > std[clear].mean(), "least certain where it may go either way"

    def test_among_those_that_learn_it_ranks_by_value(self) -> None:
        fresh = np.random.default_rng(5).normal(size=(400, 5))
        fresh = fresh[fresh[:, 0] > 1]
        mean, _ = FailureThenValueModel().fit(X, WORTH).predict(fresh)
        assert kendall_tau(fresh[:, 1], mean) > 0.3

    def test_mean_and_spread_are_those_of_the_mixture(self) -> None:
        model = FailureThenValueModel().fit(X, WORTH)
        odds = model.failure_probability(X)
        value, std = model._latent.moments(*mean_of_members([member.predict(X) for member in model._regressors]))
        mean, spread = model.predict(X)
        np.testing.assert_allclose(mean, odds * 0.1 + (1 - odds) * value)
        second = odds * 0.1**2 + (1 - odds) * (std**2 + value**2)
        np.testing.assert_allclose(spread**2, second - mean**2, atol=1e-12)

    def test_where_all_fail_their_mean_is_predicted(self) -> None:
        model = FailureThenValueModel(below=9.0).fit(X, Y)
        mean, std = model.predict(X[:3])
        np.testing.assert_array_equal(model.failure_probability(X[:3]), 1)
        np.testing.assert_allclose(mean, Y.mean())
        np.testing.assert_allclose(std, Y.std())

    @pytest.mark.parametrize("below", [None, -9.0])
    def test_where_none_fails_only_the_value_counts(self, below: float | None) -> None:
        model = FailureThenValueModel(below=below).fit(X, X[:, 0])
        np.testing.assert_array_equal(model.failure_probability(X), 0)
        assert kendall_tau(X[:, 0], model.predict(X)[0]) > 0.8


class TestContributions:
    def test_their_sum_is_what_sets_the_row_apart(self) -> None:
        def predict(rows: Any) -> Any:
            return np.sin(rows[:, 0] * rows[:, 1]) + rows[:, 2] ** 2 + rows.max(axis=1)

        for row in X[:10]:
            found = contributions(predict, row, X.mean(axis=0), 0)
            apart = predict(row[None])[0] - predict(X.mean(axis=0)[None])[0]
            assert found.sum() == pytest.approx(apart, abs=1e-12)

    def test_of_a_line_they_are_weight_times_distance(self) -> None:
        weights = np.array([1.0, -2.0, 0.0, 0.5, 3.0])
        found = contributions(lambda rows: rows @ weights, X[0], X[1], 0)
        np.testing.assert_allclose(found, weights * (X[0] - X[1]), atol=1e-12)

    def test_of_a_product_each_column_has_its_half(self) -> None:
        # Each order is walked both ways, so that two columns come first equally often: Shapley's value exactly.
        found = contributions(lambda rows: rows[:, 0] * rows[:, 1], np.array([2.0, 3.0]), np.zeros(2), 0)
        np.testing.assert_allclose(found, [3, 3])

    def test_columns_that_are_typical_contribute_nothing(self) -> None:
        row, typical = np.array([1.0, np.nan, 5.0, 2.0]), np.array([1.0, np.nan, 0.0, 1.0])
        found = contributions(lambda rows: np.nansum(rows**2, axis=1), row, typical, 0)
        np.testing.assert_array_equal(found[:2], 0)
        np.testing.assert_allclose(found[2:], [25, 3])
        np.testing.assert_array_equal(contributions(lambda rows: rows[:, 0], typical, typical, 0), 0)

    def test_the_orders_are_those_of_the_seed(self) -> None:
        def predict(rows: Any) -> Any:
            return rows[:, :4].prod(axis=1)

        one, again, other = (contributions(predict, X[0], np.ones(5), seed) for seed in (0, 0, 1))
        np.testing.assert_array_equal(one, again)
        assert (one != other).any()


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


def test_the_folds_heed_the_seed() -> None:
    # the line draws nothing itself: its calibration alone can differ
    one, again, other = (choose((LINE,), X, Y, seed).calibration for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_every_model_is_a_model() -> None:
    for name in MODELS:
        mean, std = get_model(name).fit(X[:3], Y[:3]).predict(X)
        assert mean.shape == std.shape == (40,)
    with pytest.raises(ValueError, match=r"model must be one of auto, ensemble, .*, mean, found 'oracle'"):
        get_model("oracle")
