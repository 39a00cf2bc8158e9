"""The laws of a surrogate over every model, and proof that a model or surrogate which breaks one fails."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.surrogate_contract import SurrogateContract, laws

from predictors import MODELS, Surrogate
from predictors.models import Choice, Ensemble, MeanModel
from predictors.models.blend import Calibration
from predictors.models.choice import Candidate
from predictors.models.linear import BayesianRidgeModel
from predictors.models.trees import ExtraTreesModel


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


TREES = Candidate(("extra-trees",), ranks=True)


def seed_of_its_own(_: int, choice: Choice | None) -> Ensemble:
    return Ensemble((TREES,), 0, choice)


def not_calibrated(random_state: int, _: Choice | None) -> Ensemble:
    """The spread between the trees and no more: what does not follow from the rows is left out."""
    return Ensemble((TREES,), random_state, Choice(TREES, Calibration()))


def too_wide(random_state: int, _: Choice | None) -> Ensemble:
    return Ensemble((TREES,), random_state, Choice(TREES, Calibration(width=9.0)))


def deaf_to_choices(random_state: int, _: Choice | None) -> Ensemble:
    return Ensemble((TREES,), random_state)


class HalfTheChoice(Ensemble):
    """Blends what was chosen before, and does not calibrate it as before."""

    def __init__(self, random_state: int, choice: Choice | None) -> None:
        kept = choice and Choice(choice.candidate, Calibration())
        super().__init__((TREES,), random_state, kept)


class ForestOfNoSeed(ExtraTreesModel):
    def __init__(self, random_state: int = 0) -> None:
        super().__init__(0)


class StoresMore(Surrogate):
    def __init__(self, model: str = "auto", features: str = "default", random_state: int = 0) -> None:
        super().__init__(model, features, random_state)
        self.space_ = None


class KeepsTheCallersArray(Surrogate):
    def fit_features(self, features: Any, values: Any, y: Any, extra: Any = None, choice: Any = None) -> Any:
        super().fit_features(features, values, y, extra, choice)
        self.y_ = y
        return self


class AnswersUnfitted(Surrogate):
    def predict(self, graphs: Any, *arguments: Any, **options: Any) -> Any:
        return super().predict(graphs, *arguments, **options) if hasattr(self, "model_") else np.zeros(len(graphs))


class SavesLess(Surrogate):
    def save(self, folder: Any, space: Any = None) -> None:
        self.y_ = np.round(self.y_, 3)
        super().save(folder, space)


class SavesNoChoice(Surrogate):
    def save(self, folder: Any, space: Any = None) -> None:
        self.choice_ = None
        super().save(folder, space)


class WorstFirst(Surrogate):
    def rank(self, graphs: Any, extra: Any = None) -> Any:
        return super().rank(graphs, extra)[::-1]


class ExplainsThePositive(Surrogate):
    """What speaks against a graph is left out."""

    def explain(self, graph: Any = None, extra: Any = None) -> Any:
        return {name: max(0.0, value) for name, value in super().explain(graph, extra).items()}


class ExplainsInOrderOfColumns(Surrogate):
    def explain(self, graph: Any = None, extra: Any = None) -> Any:
        values = super().explain(graph, extra)
        return {name: values[name] for name in self.names_}


def of_class(broken: Callable[[int], Any]) -> Callable[[int, Choice | None], Any]:
    """A model that knows no choices, as the registry makes models."""
    return lambda random_state, choice: broken(random_state)


#: The name of what breaks a law, how it is made, and the law.
BROKEN_MODELS: dict[str, tuple[Callable[[int, Choice | None], Any], str]] = {
    "not a number": (of_class(NotANumber), "test_predictions_are_finite_with_a_spread"),
    "no spread": (of_class(NoSpread), "test_predictions_are_finite_with_a_spread"),
    "own randomness": (of_class(OwnRandomness), "test_is_deterministic"),
    "seed of its own": (seed_of_its_own, "test_heeds_the_seed"),
    "forest of no seed": (of_class(ForestOfNoSeed), "test_heeds_the_seed"),
    "not calibrated": (not_calibrated, "test_nine_of_ten_intervals_cover"),
    "too wide": (too_wide, "test_nine_of_ten_intervals_cover"),
    "zero for missing": (of_class(ZeroForMissing), "test_a_missing_number_counts_as_the_mean_of_its_column"),
    "refuses missing": (of_class(RefusesMissing), "test_graphs_with_new_ops_and_missing_numbers_are_predicted"),
    "needs three rows": (of_class(NeedsThreeRows), "test_few_rows_are_enough"),
    "remembers the last": (of_class(RemembersTheLast), "test_rows_that_are_all_equal_are_predicted_as_their_mean"),
    "fixed scale": (of_class(FixedScale), "test_predictions_follow_the_scale_of_the_targets"),
    "never certain": (of_class(NeverCertain), "test_a_constant_target_is_predicted"),
    "keeps old rows": (of_class(KeepsOldRows), "test_refits_forget"),
    "writes into targets": (of_class(WritesIntoTargets), "test_fit_returns_self_and_leaves_its_arguments_alone"),
    "deaf to choices": (deaf_to_choices, "test_a_choice_is_kept_on_other_rows"),
    "half the choice": (HalfTheChoice, "test_a_fit_with_the_choice_of_an_earlier_one_equals_it"),
}
BROKEN_SURROGATES = {
    StoresMore: "test_the_constructor_only_stores",
    KeepsTheCallersArray: "test_fit_returns_self_and_leaves_its_arguments_alone",
    AnswersUnfitted: "test_an_unfitted_one_says_so",
    SavesLess: "test_saved_and_loaded_it_predicts_the_same",
    SavesNoChoice: "test_loading_chooses_nothing_anew",
    WorstFirst: "test_rank_puts_the_best_first",
    ExplainsThePositive: "test_explanations_add_up_to_what_sets_a_prediction_apart",
    ExplainsInOrderOfColumns: "test_explanations_name_every_column_largest_first",
}


def uphold(law: str, contract: SurrogateContract, model: str, folder: Path) -> None:
    method = getattr(contract, law)
    method(model=model, **({"tmp_path": folder} if "tmp_path" in inspect.signature(method).parameters else {}))


@pytest.mark.parametrize("name", BROKEN_MODELS)
def test_a_broken_model_fails_its_law(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken, law = BROKEN_MODELS[name]
    monkeypatch.setitem(MODELS, "broken", broken)  # type: ignore[arg-type]  # a dict under its Mapping type
    with pytest.raises((AssertionError, ValueError)):
        uphold(law, SurrogateContract(), "broken", tmp_path)


@pytest.mark.parametrize("broken", BROKEN_SURROGATES, ids=lambda broken: broken.__name__)
def test_a_broken_surrogate_fails_its_law(broken: type[Surrogate], tmp_path: Path) -> None:
    contract = SurrogateContract()
    contract.surrogate = broken
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        uphold(BROKEN_SURROGATES[broken], contract, "bayesian-ridge", tmp_path)


def test_every_law_is_broken_by_something() -> None:
    assert {*(law for _, law in BROKEN_MODELS.values()), *BROKEN_SURROGATES.values()} == set(laws())
