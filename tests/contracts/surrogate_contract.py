"""The laws of a surrogate. A new model is one more entry in ``MODELS``: the laws run over all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from contracts.random_graphs import random_dag
from predictors import MODELS, Surrogate, load_surrogate
from predictors.metrics import coverage
from search_spaces import LabelledGraph

SIZES = np.random.default_rng(0).integers(3, 16, size=45)
GRAPHS = [random_dag(np.random.default_rng(seed), int(n)) for seed, n in enumerate(SIZES)]
FITNESS = np.array([np.log(len(graph)) + 0.1 * graph.ops.count("conv3x3") for graph in GRAPHS])
TRAIN, TEST = slice(0, 30), slice(30, None)
FEW = 12
CHAIN = LabelledGraph(["input", "conv3x3", "output"], [(0, 1), (1, 2)])

DRAWS_NOTHING = ("bayesian-ridge", "gp", "mean")
"""Models that, once chosen and calibrated, are the same for every ``random_state``."""


class Fit(NamedTuple):
    """A fit on the rows ``TRAIN``: what was handed over, and what came back."""

    surrogate: Surrogate
    graphs: list[LabelledGraph]
    y: np.ndarray
    returned: object


@cache
def _fit(surrogate_class: type[Surrogate], model: str, _maker: object) -> Fit:
    surrogate, graphs, y = surrogate_class(model), GRAPHS[TRAIN], FITNESS[TRAIN].copy()
    return Fit(surrogate, graphs, y, surrogate.fit(graphs, y))


def shared_fit(model: str, surrogate_class: type[Surrogate] = Surrogate) -> Fit:
    """A fit that many laws look at, made once: choosing and calibrating takes a second. Nobody changes it.

    What a name stands for is a part of the key: broken models take turns under one name.
    """
    return _fit(surrogate_class, model, MODELS[model])


class SurrogateContract:
    """Every law as one method; ``model`` is the name of a model in the registry."""

    surrogate = Surrogate

    def shared(self, model: str) -> Any:
        return shared_fit(model, self.surrogate).surrogate

    def refitted(self, model: str, n: int, extra: Any = None, random_state: int = 0) -> Any:
        """A fit on n of the rows that keeps the choice of the shared one: quick, for nothing is chosen anew."""
        shared = self.shared(model)
        return self.surrogate(model, random_state=random_state).fit_features(
            shared.features_, shared.X_[:n], shared.y_[:n], extra, shared.choice_
        )

    def test_the_constructor_only_stores(self, model: str) -> None:
        surrogate = self.surrogate(model, "paths", 3)
        assert vars(surrogate) == {"model": model, "features": "paths", "random_state": 3}

    def test_fit_returns_self_and_leaves_its_arguments_alone(self, model: str) -> None:
        surrogate, graphs, y, returned = shared_fit(model, self.surrogate)
        assert returned is surrogate
        assert graphs == GRAPHS[TRAIN]
        assert (y == FITNESS[TRAIN]).all()
        assert (surrogate.y_ == FITNESS[TRAIN]).all()
        assert not np.shares_memory(surrogate.y_, y), "the caller's array is the caller's"

    def test_an_unfitted_one_says_so(self, model: str, tmp_path: Path) -> None:
        for use in (
            lambda: self.surrogate(model).predict(GRAPHS),
            lambda: self.surrogate(model).explain(),
            lambda: self.surrogate(model).save(tmp_path / "unfitted"),
        ):
            with pytest.raises(ValueError, match="not been fitted"):
                use()

    def test_predictions_are_finite_with_a_spread(self, model: str) -> None:
        surrogate = self.shared(model)
        mean, std = surrogate.predict(GRAPHS[TEST], return_std=True)
        assert mean.shape == std.shape == FITNESS[TEST].shape
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()
        assert (std > 0).all()
        assert (surrogate.predict(GRAPHS[TEST]) == mean).all()
        assert surrogate.predict([]).shape == (0,)

    def test_predictions_follow_the_scale_of_the_targets(self, model: str) -> None:
        one = self.shared(model).predict(GRAPHS[TEST], return_std=True)
        # A power of two scales floats exactly: rounding alone can turn a tie between two splits of a tree.
        scaled = self.surrogate(model).fit(GRAPHS[TRAIN], 128 * FITNESS[TRAIN])
        mean, std = scaled.predict(GRAPHS[TEST], return_std=True)
        np.testing.assert_allclose(mean, 128 * one[0], rtol=1e-6)
        np.testing.assert_allclose(std, 128 * one[1], rtol=1e-6)

    def test_is_deterministic(self, model: str) -> None:
        fits = self.shared(model), self.surrogate(model).fit(GRAPHS[TRAIN], FITNESS[TRAIN])
        one, other = (fitted.predict(GRAPHS[TEST], return_std=True) for fitted in fits)
        np.testing.assert_array_equal(one, other)
        assert fits[0].choice_ == fits[1].choice_
        # A row's prediction does not depend on the rest of the pool.
        np.testing.assert_allclose(fits[0].predict(GRAPHS[31:33]), one[0][1:3], rtol=1e-6)

    def test_heeds_the_seed(self, model: str) -> None:
        one, other = (self.refitted(model, 30, random_state=seed).predict(GRAPHS[TEST]) for seed in (0, 1))
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
        with_holes = self.surrogate(model).fit([CHAIN] * 30, x, {"x": holes})
        # Held-out rows know another mean than all rows do, so that a choice may differ: it is kept.
        rows = with_holes.features_.compute([CHAIN] * 30)
        without = self.surrogate(model).fit_features(
            with_holes.features_, rows, x, {"x": filled}, choice=with_holes.choice_
        )
        expected = without.predict([CHAIN] * 30, extra={"x": filled})
        for surrogate in (with_holes, without):
            np.testing.assert_allclose(surrogate.predict([CHAIN] * 30, extra={"x": holes}), expected, rtol=1e-6)

    def test_refits_forget(self, model: str) -> None:
        once = self.surrogate(model).fit(GRAPHS[:3], FITNESS[:3])
        twice = self.surrogate(model).fit(GRAPHS[TEST][:4], -FITNESS[TEST][:4]).fit(GRAPHS[:3], FITNESS[:3])
        np.testing.assert_array_equal(once.predict(GRAPHS), twice.predict(GRAPHS))
        assert once.choice_ == twice.choice_

    def test_a_fit_with_the_choice_of_an_earlier_one_equals_it(self, model: str) -> None:
        shared, again = self.shared(model), self.refitted(model, 30)
        np.testing.assert_array_equal(shared.predict(GRAPHS, return_std=True), again.predict(GRAPHS, return_std=True))

    def test_a_choice_is_kept_on_other_rows(self, model: str) -> None:
        assert self.refitted(model, FEW).choice_ == self.shared(model).choice_

    def test_saved_and_loaded_it_predicts_the_same(self, model: str, tmp_path: Path) -> None:
        extra = {"synflow": np.arange(45.0)}
        surrogate = self.refitted(model, 30, {"synflow": extra["synflow"][TRAIN]}, random_state=2)
        surrogate.save(tmp_path / "saved")
        loaded = load_surrogate(tmp_path / "saved")
        np.testing.assert_array_equal(
            surrogate.predict(GRAPHS, return_std=True, extra=extra),
            loaded.predict(GRAPHS, return_std=True, extra=extra),
        )

    def test_loading_chooses_nothing_anew(self, model: str, tmp_path: Path) -> None:
        surrogate = self.refitted(model, FEW)  # its choice was made on other rows
        choice, std = surrogate.choice_, surrogate.predict(GRAPHS, return_std=True)[1]
        surrogate.save(tmp_path / "saved")
        loaded = load_surrogate(tmp_path / "saved")
        assert loaded.choice_ == choice
        np.testing.assert_array_equal(loaded.predict(GRAPHS, return_std=True)[1], std)

    def test_a_constant_target_is_predicted(self, model: str) -> None:
        mean, std = self.surrogate(model).fit(GRAPHS[TRAIN], np.full(30, 0.7)).predict(GRAPHS, return_std=True)
        np.testing.assert_allclose(mean, 0.7, rtol=1e-12)
        np.testing.assert_allclose(std, 0, atol=1e-12)

    def test_few_rows_are_enough(self, model: str) -> None:
        for n in (1, 2, 4):  # from four on, rows are held out
            surrogate = self.surrogate(model).fit(GRAPHS[:n], FITNESS[:n])
            assert np.isfinite(surrogate.predict(GRAPHS, return_std=True)).all()

    def test_rows_that_are_all_equal_are_predicted_as_their_mean(self, model: str) -> None:
        surrogate = self.surrogate(model).fit([GRAPHS[0]] * 6, FITNESS[:6])
        np.testing.assert_allclose(surrogate.predict(GRAPHS[:1]), FITNESS[:6].mean(), rtol=0.1)

    def test_graphs_with_new_ops_and_missing_numbers_are_predicted(self, model: str) -> None:
        unknown = LabelledGraph(["input", "attention", "output"], [(0, 1), (1, 2)])
        with_unknown = self.surrogate(model).fit([unknown, *GRAPHS[1:3]], FITNESS[:3])
        for surrogate in (self.shared(model), with_unknown):
            assert np.isfinite(surrogate.predict([unknown, *GRAPHS])).all()

    def test_rank_puts_the_best_first(self, model: str) -> None:
        surrogate = self.shared(model)
        order = surrogate.rank(GRAPHS)
        assert sorted(order) == list(range(len(GRAPHS)))
        assert (np.diff(surrogate.predict(GRAPHS)[order]) <= 0).all()

    def test_explanations_name_every_column_largest_first(self, model: str) -> None:
        surrogate = self.refitted(model, 5)  # whose every row is explained
        importance = surrogate.explain()
        for answer in (importance, surrogate.explain(GRAPHS[0])):
            assert set(answer) == set(surrogate.names_)
            sizes = np.abs(list(answer.values()))
            assert (np.diff(sizes) <= 0).all()
        assert min(importance.values()) >= 0

    def test_explanations_add_up_to_what_sets_a_prediction_apart(self, model: str) -> None:
        surrogate = self.shared(model)
        typical, _ = surrogate.model_.predict(np.nanmean(surrogate.X_, axis=0, keepdims=True))
        for graph in (GRAPHS[0], *GRAPHS[TEST][:3]):
            sums = sum(surrogate.explain(graph).values())
            assert sums == pytest.approx(surrogate.predict([graph])[0] - typical[0], abs=1e-5)


def laws() -> list[str]:
    """The names of the methods that are laws."""
    return [name for name in vars(SurrogateContract) if name.startswith("test_")]
