"""The scale on which models learn, their calibration, and the choice between them, by hand where that can be done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from predictors.metrics import coverage, kendall_tau
from predictors.models import get_model
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
from predictors.models.latent import Latent
from predictors.models.registry import MEMBERS

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

    def test_a_slope_that_may_be_chance_is_left_at_one(self) -> None:
        rng = np.random.default_rng(0)
        y, noise = rng.normal(size=100), rng.normal(size=100)
        latent = Latent.straight(y)
        t = latent.scores_of(y)
        noise -= noise.mean() + t * (t * noise).mean()
        score = 0.5 * t + 0.5 * noise / noise.std()  # half of the variance of t, its slope 1 to within a tenth
        for slope, kept in ((1.15, True), (0.85, True), (1.3, False), (0.7, False)):
            found = calibrated(latent, score / slope, np.ones(100), y)
            assert found.slope == pytest.approx(1 if kept else slope)

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
            off = np.sqrt(np.random.default_rng(0).permutation(n) / n)  # no two lie as far from their mean
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

    def test_its_tau_is_that_of_rows_held_out(self) -> None:
        (line,) = held_out([MEMBERS["bayesian-ridge"]], X, LINE.latent(Y).scores_of(Y), 0)
        assert choose((LINE,), X, Y, 0).tau == kendall_tau(Y, line[0])
        noise = np.random.default_rng(1).permutation(Y)
        assert abs(choose((LINE,), X, noise, 0).tau or 1.0) < 0.4 < (choose((LINE,), X, Y, 0).tau or 0.0)

    def test_its_tau_is_that_of_what_is_told(self) -> None:
        # Where the scale bends, what is told of an uncertain row may pass that of a surer one with the same score.
        y = np.exp(3 * Y)
        latent = BLEND.latent(y)
        rows = held_out([MEMBERS[name] for name in sorted(BLEND.members)], X, latent.scores_of(y), 0)
        choice = choose((BLEND,), X, y, 0)
        score, uncertainty = mean_of_members(rows)
        assert choice.tau == kendall_tau(y, told(latent, score, uncertainty, choice.calibration)[0])
        assert choice.tau != kendall_tau(y, score)

    def test_there_and_back_through_json(self) -> None:
        choice = Choice(BLEND, Calibration(0.1 + 0.2, -1e-17, 3.0), 0.25)
        assert Choice.from_json(choice.to_json()) == choice
        assert choice.to_json() == {
            "members": ["extra-trees", "gp"],
            "ranks": True,
            "slope": 0.1 + 0.2,
            "intercept": -1e-17,
            "width": 3.0,
            "tau": 0.25,
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
            ({"tau": "high"}, "holds members, ranks"),
            ({"tau": float("nan")}, "a tau from -1 to 1"),
            ({"tau": -1.5}, "a tau from -1 to 1"),
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
            with pytest.raises(ValueError, match="a choice holds members, ranks, slope, intercept, width and tau"):
                Choice.from_json({key: value for key, value in whole.items() if key != name})


def test_the_folds_heed_the_seed() -> None:
    # the line draws nothing itself: its calibration alone can differ
    one, again, other = (choose((LINE,), X, Y, seed).calibration for seed in (0, 0, 1))
    assert one == again
    assert one != other
