"""The laws of a surrogate. A new model is one more entry in ``MODELS``: the laws run over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.random_graphs import random_dag
from predictors import Surrogate, load_surrogate
from predictors.metrics import coverage
from search_spaces import LabelledGraph

SIZES = np.random.default_rng(0).integers(3, 16, size=45)
GRAPHS = [random_dag(np.random.default_rng(seed), int(n)) for seed, n in enumerate(SIZES)]
FITNESS = np.array([np.log(len(graph)) + 0.1 * graph.ops.count("conv3x3") for graph in GRAPHS])
TRAIN, TEST = slice(0, 30), slice(30, None)
CHAIN = LabelledGraph(["input", "conv3x3", "output"], [(0, 1), (1, 2)])

DRAWS_NOTHING = ("bayesian-ridge", "mean")
"""Models that are the same for every ``random_state``."""


class SurrogateContract:
    """Every law as one method; ``model`` is the name of a model in the registry."""

    surrogate = Surrogate

    def test_the_constructor_only_stores(self, model: str) -> None:
        surrogate = self.surrogate(model, "paths", 3)
        assert vars(surrogate) == {"model": model, "features": "paths", "random_state": 3}

    def test_fit_returns_self_and_leaves_its_arguments_alone(self, model: str) -> None:
        graphs, y = GRAPHS[TRAIN], FITNESS[TRAIN].copy()
        surrogate = self.surrogate(model)
        assert surrogate.fit(graphs, y) is surrogate
        assert graphs == GRAPHS[TRAIN]
        assert (y == FITNESS[TRAIN]).all()
        y *= 100  # the caller's array is the caller's
        assert (surrogate.y_ == FITNESS[TRAIN]).all()

    def test_an_unfitted_one_says_so(self, model: str, tmp_path: Path) -> None:
        for use in (
            lambda: self.surrogate(model).predict(GRAPHS),
            lambda: self.surrogate(model).explain(),
            lambda: self.surrogate(model).save(tmp_path / "unfitted"),
        ):
            with pytest.raises(ValueError, match="not been fitted"):
                use()

    def test_predictions_are_finite_with_a_spread(self, model: str) -> None:
        surrogate = self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        mean, std = surrogate.predict(GRAPHS[TEST], return_std=True)
        assert mean.shape == std.shape == FITNESS[TEST].shape
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()
        assert (std > 0).all()
        assert (surrogate.predict(GRAPHS[TEST]) == mean).all()
        assert surrogate.predict([]).shape == (0,)

    def test_predictions_follow_the_scale_of_the_targets(self, model: str) -> None:
        one = self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN]).predict(GRAPHS[TEST], return_std=True)
        # A power of two scales floats exactly: rounding alone can turn a tie between two splits of a tree.
        scaled = self.surrogate(model).fit(GRAPHS[TRAIN], 128 * FITNESS[TRAIN])
        mean, std = scaled.predict(GRAPHS[TEST], return_std=True)
        np.testing.assert_allclose(mean, 128 * one[0], rtol=1e-6)
        np.testing.assert_allclose(std, 128 * one[1], rtol=1e-6)

    def test_is_deterministic(self, model: str) -> None:
        fits = [self.surrogate(model, random_state=5).fit(GRAPHS[TRAIN], FITNESS[TRAIN]) for _ in range(2)]
        one, other = (fitted.predict(GRAPHS[TEST], return_std=True) for fitted in fits)
        np.testing.assert_array_equal(one, other)
        # A row's prediction does not depend on the rest of the pool.
        np.testing.assert_allclose(fits[0].predict(GRAPHS[31:33]), one[0][1:3], rtol=1e-6)

    def test_heeds_the_seed(self, model: str) -> None:
        one, other = (
            self.surrogate(model, random_state=seed).fit(GRAPHS[TRAIN], FITNESS[TRAIN]).predict(GRAPHS[TEST])
            for seed in (0, 1)
        )
        assert (one != other).any() == (model not in DRAWS_NOTHING)

    def test_nine_of_ten_intervals_cover(self, model: str) -> None:
        # Four kinds of rows and much noise: a spread of what was learned alone would be far too narrow.
        rng = np.random.default_rng(0)
        x = rng.integers(4, size=500).astype(float)
        y = x + rng.normal(size=500)
        surrogate = self.surrogate(model).fit([CHAIN] * 100, y[:100], {"x": x[:100]})
        mean, std = surrogate.predict([CHAIN] * 400, return_std=True, extra={"x": x[100:]})
        assert 0.8 <= coverage(y[100:], mean, std) <= 0.97

    def test_a_missing_number_counts_as_the_mean_of_its_column(self, model: str) -> None:
        x = 100 + np.random.default_rng(0).normal(size=30)
        holes = np.where(np.arange(30) % 7 == 0, np.nan, x)
        filled = np.where(np.isnan(holes), np.nanmean(holes), holes)
        with_holes, without = (self.surrogate(model).fit([CHAIN] * 30, x, {"x": column}) for column in (holes, filled))
        expected = without.predict([CHAIN] * 30, extra={"x": filled})
        for surrogate in (with_holes, without):
            np.testing.assert_allclose(surrogate.predict([CHAIN] * 30, extra={"x": holes}), expected, rtol=1e-6)

    def test_refits_forget(self, model: str) -> None:
        once = self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        twice = self.surrogate(model).fit(GRAPHS[TEST], -FITNESS[TEST]).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        np.testing.assert_array_equal(once.predict(GRAPHS), twice.predict(GRAPHS))

    def test_saved_and_loaded_it_predicts_the_same(self, model: str, tmp_path: Path) -> None:
        extra = {"synflow": np.arange(45.0)}
        some = {"synflow": extra["synflow"][TRAIN]}
        surrogate = self.surrogate(model, random_state=2).fit(GRAPHS[TRAIN], FITNESS[TRAIN], some)
        surrogate.save(tmp_path / "saved")
        loaded = load_surrogate(tmp_path / "saved")
        np.testing.assert_array_equal(
            surrogate.predict(GRAPHS, return_std=True, extra=extra),
            loaded.predict(GRAPHS, return_std=True, extra=extra),
        )

    def test_a_constant_target_is_predicted(self, model: str) -> None:
        mean, std = self.surrogate(model).fit(GRAPHS[TRAIN], np.full(30, 0.7)).predict(GRAPHS, return_std=True)
        np.testing.assert_allclose(mean, 0.7, rtol=1e-12)
        np.testing.assert_allclose(std, 0, atol=1e-12)

    def test_few_rows_are_enough(self, model: str) -> None:
        for n in (1, 2, 3):
            surrogate = self.surrogate(model).fit(GRAPHS[:n], FITNESS[:n])
            assert np.isfinite(surrogate.predict(GRAPHS, return_std=True)).all()

    def test_rows_that_are_all_equal_are_predicted_as_their_mean(self, model: str) -> None:
        surrogate = self.surrogate(model).fit([GRAPHS[0]] * 6, FITNESS[:6])
        np.testing.assert_allclose(surrogate.predict(GRAPHS[:1]), FITNESS[:6].mean(), rtol=0.1)

    def test_graphs_with_new_ops_and_missing_numbers_are_predicted(self, model: str) -> None:
        unknown = LabelledGraph(["input", "attention", "output"], [(0, 1), (1, 2)])
        for graphs in (GRAPHS[TRAIN], [unknown, *GRAPHS[1:30]]):
            surrogate = self.surrogate(model).fit(graphs, FITNESS[TRAIN])
            assert np.isfinite(surrogate.predict([unknown, *GRAPHS])).all()

    def test_rank_puts_the_best_first(self, model: str) -> None:
        surrogate = self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        order = surrogate.rank(GRAPHS)
        assert sorted(order) == list(range(len(GRAPHS)))
        assert (np.diff(surrogate.predict(GRAPHS)[order]) <= 0).all()

    def test_explanations_name_every_column_largest_first(self, model: str) -> None:
        surrogate = self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        for answer in (surrogate.explain(), surrogate.explain(GRAPHS[0])):
            assert set(answer) == set(surrogate.names_)
            sizes = np.abs(list(answer.values()))
            assert (np.diff(sizes) <= 0).all()
        assert min(surrogate.explain().values()) >= 0


def laws() -> list[str]:
    """The names of the methods that are laws."""
    return [name for name in vars(SurrogateContract) if name.startswith("test_")]
