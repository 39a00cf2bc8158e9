"""Acquisition: which candidate promises most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nasgen.strategies.acquisition import promise

MEAN, STD = np.array([0.0, 1.0, 0.5]), np.array([2.0, 0.1, 0.0])


def promised(acquisition: Any, best: float = 0.8, optimism: float = 0.5, seed: int = 0) -> np.ndarray:
    return promise(acquisition, MEAN, STD, best, optimism, np.random.default_rng(seed))


def test_the_mean_is_what_is_expected() -> None:
    np.testing.assert_array_equal(promised("mean"), MEAN)


def test_an_upper_bound_is_so_many_deviations_above() -> None:
    np.testing.assert_allclose(promised("ucb"), [1.0, 1.05, 0.5])
    assert promised("ucb", optimism=0.6).argmax() == 0, "more optimism goes for the doubtful one"


def test_expected_improvement_equals_the_mean_of_many_draws() -> None:
    draws = MEAN + STD * np.random.default_rng(1).standard_normal((400_000, 3))
    np.testing.assert_allclose(promised("ei"), np.maximum(draws - 0.8, 0).mean(axis=0), atol=0.01)
    assert promised("ei", best=0.4)[2] == pytest.approx(0.1), "what is certain improves by its distance"


def test_thompson_draws_from_what_is_thought_possible() -> None:
    draws = np.array([promised("thompson", seed=seed) for seed in range(4000)])
    np.testing.assert_allclose(draws.mean(axis=0), MEAN, atol=0.1)
    np.testing.assert_allclose(draws.std(axis=0), STD, rtol=0.05)
    np.testing.assert_array_equal(promised("thompson", seed=3), promised("thompson", seed=3))
