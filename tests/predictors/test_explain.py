"""What each column contributes to a prediction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from predictors.models.explain import contributions

X = np.random.default_rng(0).normal(size=(40, 5))


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
