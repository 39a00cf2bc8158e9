"""Targets in two heaps: the gap between them, and failure before value."""

from __future__ import annotations

import numpy as np
import pytest

from predictors.metrics import kendall_tau
from predictors.models.blend import (
    mean_of_members,
)
from predictors.models.failure import FailureThenValueModel, gap_between_heaps

X = np.random.default_rng(0).normal(size=(40, 5))
Y = X[:, 0] + np.random.default_rng(1).normal(size=40)


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

    @pytest.mark.parametrize("n", [8, 20, 60, 200, 1000])
    @pytest.mark.parametrize("draw", ["uniform", "normal", "exponential"])
    def test_samples_of_one_heap_seldom_look_like_two(self, draw: str, n: int) -> None:
        samples = (getattr(np.random.default_rng(seed), draw)(size=n) for seed in range(200))
        assert np.mean([gap_between_heaps(y) is not None for y in samples]) <= 0.1

    @pytest.mark.parametrize("n", [8, 20, 60, 200, 1000])
    def test_a_quarter_that_learned_nothing_is_seen_in_few_rows(self, n: int) -> None:
        found = []
        for seed in range(200):
            rng = np.random.default_rng(seed)
            y = np.where(np.arange(n) < n // 4, rng.normal(0.5, 0.01, n), rng.normal(0.9, 0.04, n))
            found.append(gap_between_heaps(y) is not None)
        assert np.mean(found) >= 0.9

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
