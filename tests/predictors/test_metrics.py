from __future__ import annotations

import numpy as np
import pytest

from predictors.metrics import coverage, kendall_tau, top_k_regret


def test_kendall_tau_of_order_reverse_and_one_swap() -> None:
    y = [1.0, 2.0, 3.0, 4.0]
    assert kendall_tau(y, y) == pytest.approx(1)
    assert kendall_tau(y, y[::-1]) == pytest.approx(-1)
    assert kendall_tau(y, [1, 2, 4, 3]) == pytest.approx((5 - 1) / 6)


def test_kendall_tau_of_constants_is_zero() -> None:
    assert kendall_tau([1, 2], [3, 3]) == 0
    assert kendall_tau([1], [1]) == 0


def test_top_k_regret_is_what_the_chosen_miss() -> None:
    y, predicted = [0.9, 0.5, 0.8, 0.1], [0.1, 0.9, 0.8, 0.7]
    assert [top_k_regret(y, predicted, k) for k in (1, 2, 4)] == pytest.approx([0.4, 0.1, 0])
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.4"):
        top_k_regret(y, predicted, 5)


def test_coverage_of_normal_errors_is_the_level() -> None:
    y = np.random.default_rng(0).normal(size=20_000)
    for level in (0.5, 0.9):
        assert coverage(y, np.zeros_like(y), np.ones_like(y), level) == pytest.approx(level, abs=0.01)
    assert coverage(y, y, np.zeros_like(y)) == 1


def test_rows_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows of one length"):
        kendall_tau([1, 2], [1, 2, 3])
