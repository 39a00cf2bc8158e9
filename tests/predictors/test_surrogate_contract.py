"""The laws of a surrogate over every model, and proof that a model or surrogate which breaks one fails."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.surrogate_contract import SurrogateContract, laws

from predictors import MODELS, Surrogate
from predictors.models import BayesianRidgeModel, MeanModel, RandomForestModel


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestLaws(SurrogateContract):
    pass


class NotANumber(MeanModel):
    def predict(self, X: Any) -> Any:
        return np.full(len(X), np.nan), np.full(len(X), 1.0)


class NoSpread(MeanModel):
    def predict(self, X: Any) -> Any:
        mean, std = super().predict(X)
        return mean, 0 * std


class OwnRandomness(MeanModel):
    calls = 0

    def predict(self, X: Any) -> Any:
        type(self).calls += 1
        mean, std = super().predict(X)
        return mean + 1e-3 * self.calls, std


class SeedOfItsOwn(RandomForestModel):
    def __init__(self, random_state: int = 0) -> None:
        super().__init__(0)


class NotCalibrated(RandomForestModel):
    """The spread between the trees as it is."""

    def _fit(self, Z: Any, t: Any) -> None:
        super()._fit(Z, t)
        self._factor = 1.0


class ZeroForMissing(BayesianRidgeModel):
    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(np.nan_to_num(X), y)

    def predict(self, X: Any) -> Any:
        return super().predict(np.nan_to_num(X))


class RefusesMissing(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        if np.isnan(X).any():
            raise ValueError("Input X contains NaN")
        return super().fit(X, y)


class NeedsThreeRows(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        self.mean_, self.std_ = float(np.mean(y)), float(np.std(y)) if len(y) > 2 else float("nan")
        return self


class RemembersTheLast(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(X, y[-1:])


class FixedScale(MeanModel):
    def predict(self, X: Any) -> Any:
        mean, std = super().predict(X)
        return mean, np.ones_like(std)


class NeverCertain(MeanModel):
    def predict(self, X: Any) -> Any:
        mean, std = super().predict(X)
        return mean, std + 0.1 * abs(mean)


class KeepsOldRows(MeanModel):
    rows: tuple[float, ...] = ()

    def fit(self, X: Any, y: Any) -> Any:
        type(self).rows += tuple(y)
        return super().fit(X, np.array(self.rows))


class WritesIntoTargets(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        y -= y.mean()
        return super().fit(X, y)


class ContributesNothingKnown(MeanModel):
    def contributions(self, X: Any) -> Any:
        return np.full(X.shape, np.nan)


class StoresMore(Surrogate):
    def __init__(self, model: str = "xgboost", features: str = "default", random_state: int = 0) -> None:
        super().__init__(model, features, random_state)
        self.space_ = None


class KeepsTheCallersArray(Surrogate):
    def fit_features(self, features: Any, values: Any, y: Any, extra: Any = None) -> Any:
        super().fit_features(features, values, y, extra)
        self.y_ = y
        return self


class AnswersUnfitted(Surrogate):
    def predict(self, graphs: Any, *arguments: Any, **options: Any) -> Any:
        return super().predict(graphs, *arguments, **options) if hasattr(self, "model_") else np.zeros(len(graphs))


class SavesLess(Surrogate):
    def save(self, folder: Any, space: Any = None) -> None:
        self.y_ = np.round(self.y_, 3)
        super().save(folder, space)


class WorstFirst(Surrogate):
    def rank(self, graphs: Any, extra: Any = None) -> Any:
        return super().rank(graphs, extra)[::-1]


#: What breaks a law, and the law.
BROKEN_MODELS = {
    NotANumber: "test_predictions_are_finite_with_a_spread",
    NoSpread: "test_predictions_are_finite_with_a_spread",
    OwnRandomness: "test_is_deterministic",
    SeedOfItsOwn: "test_heeds_the_seed",
    NotCalibrated: "test_nine_of_ten_intervals_cover",
    ZeroForMissing: "test_a_missing_number_counts_as_the_mean_of_its_column",
    RefusesMissing: "test_graphs_with_new_ops_and_missing_numbers_are_predicted",
    NeedsThreeRows: "test_few_rows_are_enough",
    RemembersTheLast: "test_rows_that_are_all_equal_are_predicted_as_their_mean",
    FixedScale: "test_predictions_follow_the_scale_of_the_targets",
    NeverCertain: "test_a_constant_target_is_predicted",
    KeepsOldRows: "test_refits_forget",
    WritesIntoTargets: "test_fit_returns_self_and_leaves_its_arguments_alone",
    ContributesNothingKnown: "test_explanations_name_every_column_largest_first",
}
BROKEN_SURROGATES = {
    StoresMore: "test_the_constructor_only_stores",
    KeepsTheCallersArray: "test_fit_returns_self_and_leaves_its_arguments_alone",
    AnswersUnfitted: "test_an_unfitted_one_says_so",
    SavesLess: "test_saved_and_loaded_it_predicts_the_same",
    WorstFirst: "test_rank_puts_the_best_first",
}


def uphold(law: str, contract: SurrogateContract, model: str, folder: Path) -> None:
    method = getattr(contract, law)
    method(model=model, **({"tmp_path": folder} if "tmp_path" in inspect.signature(method).parameters else {}))


@pytest.mark.parametrize("broken", BROKEN_MODELS, ids=lambda broken: broken.__name__)
def test_a_broken_model_fails_its_law(broken: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(MODELS, "broken", broken)  # type: ignore[arg-type]  # a dict under its Mapping type
    with pytest.raises((AssertionError, ValueError)):
        uphold(BROKEN_MODELS[broken], SurrogateContract(), "broken", tmp_path)


@pytest.mark.parametrize("broken", BROKEN_SURROGATES, ids=lambda broken: broken.__name__)
def test_a_broken_surrogate_fails_its_law(broken: type[Surrogate], tmp_path: Path) -> None:
    contract = SurrogateContract()
    contract.surrogate = broken
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        uphold(BROKEN_SURROGATES[broken], contract, "bayesian-ridge", tmp_path)


def test_every_law_is_broken_by_something() -> None:
    assert {*BROKEN_MODELS.values(), *BROKEN_SURROGATES.values()} == set(laws())
