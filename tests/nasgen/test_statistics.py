"""Means, intervals and probabilities, worked out by hand from Student's t of two degrees of freedom."""

from __future__ import annotations

from math import isnan, sqrt

import pytest

from nasgen.statistics import mean_interval, paired_p


def test_an_interval_is_that_of_students_t() -> None:
    mean, low, high = mean_interval([1.0, 2.0, 3.0])  # of standard deviation 1
    quantile = 0.95 * sqrt(2 / (1 - 0.95**2))  # in closed form for two degrees of freedom
    assert mean == pytest.approx(2.0)
    assert (mean - low, high - mean) == pytest.approx((quantile / sqrt(3), quantile / sqrt(3)))


def test_one_value_has_no_interval() -> None:
    mean, low, high = mean_interval([0.5])
    assert mean == 0.5
    assert isnan(low)
    assert isnan(high)


def test_a_paired_difference_is_of_one_side() -> None:
    t = 2 * sqrt(3)  # of differences 1, 2, 3
    p = 0.5 - t / (2 * sqrt(2 + t**2))
    assert paired_p([2.0, 4.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(p)
    assert paired_p([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]) == pytest.approx(1 - p)
