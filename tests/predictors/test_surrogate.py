from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.surrogate_contract import FITNESS, GRAPHS, TEST, TRAIN, SurrogateContract, laws

from predictors import MODELS, FeatureRows, Surrogate, get_features, load_surrogate
from predictors.models import MeanModel, XGBoostModel


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


class NeedsThreeRows(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        self.std_ = float(np.std(y, ddof=2))
        return super().fit(X[2:], y[2:])


class FixedScale(MeanModel):
    def predict(self, X: Any) -> Any:
        mean, std = super().predict(X)
        return mean, np.ones_like(std)


class KeepsOldRows(MeanModel):
    rows: tuple[float, ...] = ()

    def fit(self, X: Any, y: Any) -> Any:
        type(self).rows += tuple(y)
        return super().fit(X, np.array(self.rows))


class WritesIntoTargets(MeanModel):
    def fit(self, X: Any, y: Any) -> Any:
        y -= y.mean()
        return super().fit(X, y)


class SignedImportance(MeanModel):
    def contributions(self, X: Any) -> Any:
        return np.full((len(X), 1), np.nan)


BROKEN = {
    NotANumber: "test_predictions_are_finite_with_a_spread",
    NoSpread: "test_predictions_are_finite_with_a_spread",
    OwnRandomness: "test_is_deterministic",
    NeedsThreeRows: "test_few_rows_are_enough",
    FixedScale: "test_predictions_follow_the_scale_of_the_targets",
    KeepsOldRows: "test_refits_forget",
    WritesIntoTargets: "test_fit_returns_self_and_leaves_its_arguments_alone",
    SignedImportance: "test_explanations_name_every_column_largest_first",
}


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:invalid value", "ignore:Mean of empty")
@pytest.mark.parametrize(("broken", "law"), BROKEN.items(), ids=lambda item: getattr(item, "__name__", item))
def test_a_broken_model_fails_its_law(broken: type, law: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(MODELS, "broken", broken)  # type: ignore[arg-type]  # a dict under its Mapping type
    assert law in laws()
    method = getattr(SurrogateContract(), law)
    arguments = {"tmp_path": tmp_path} if "tmp_path" in inspect.signature(method).parameters else {}
    with pytest.raises((AssertionError, ValueError, IndexError)):
        method(model="broken", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least one graph"),
        ((GRAPHS[:3], [1.0, 2.0]), "one target a graph"),
        ((GRAPHS[:2], [[1.0], [2.0]]), "one target a graph"),
        ((GRAPHS[:2], [1.0, float("nan")]), "finite, found nan in row 1"),
        ((GRAPHS[:2], [1.0, 2.0], {"x": [1.0]}), "extra column 'x' must hold 2 numbers"),
        ((GRAPHS[:2], [1.0, 2.0], {"x": [1.0, float("inf")]}), "found infinity"),
        ((GRAPHS[:2], [1.0, 2.0], {"edges": [1.0, 2.0]}), "names of their own, found 'edges'"),
    ],
)
def test_bad_rows_are_refused_at_the_door(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Surrogate().fit(*arguments)
    assert len(str(caught.value).splitlines()) == 1


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model must be one of xgboost, .*, found 'oracle'"):
        Surrogate("oracle").fit(GRAPHS, FITNESS)
    with pytest.raises(ValueError, match="features must be one of"):
        Surrogate(features="all").fit(GRAPHS, FITNESS)


def test_predict_needs_the_extra_columns_of_the_fit() -> None:
    surrogate = Surrogate("bayesian-ridge").fit(GRAPHS, FITNESS, {"a": FITNESS, "b": -FITNESS})
    with pytest.raises(ValueError, match="those of the fit"):
        surrogate.predict(GRAPHS)
    swapped = surrogate.predict(GRAPHS, extra={"b": -FITNESS, "a": FITNESS})
    np.testing.assert_array_equal(swapped, surrogate.predict(GRAPHS, extra={"a": FITNESS, "b": -FITNESS}))


def test_rows_computed_before_fit_the_same_model() -> None:
    rows = FeatureRows(get_features("default"))
    rows.extend(GRAPHS[:11])
    rows.extend(GRAPHS[11:30])
    cached = Surrogate().fit_features(rows.features, rows.values, FITNESS[TRAIN])
    plain = Surrogate().fit(GRAPHS[TRAIN], FITNESS[TRAIN])
    np.testing.assert_array_equal(cached.predict(GRAPHS[TEST]), plain.predict(GRAPHS[TEST]))
    with pytest.raises(ValueError, match="rows must be of the features 'paths', found those of 'default'"):
        Surrogate(features="paths").fit_features(rows.features, rows.values, FITNESS[TRAIN])
    with pytest.raises(ValueError, match="columns, found shape"):
        Surrogate().fit_features(rows.features, rows.values[:, 1:], FITNESS[TRAIN])


def test_learning_beats_the_mean() -> None:
    scores = {
        name: Surrogate(name).fit(GRAPHS[TRAIN], FITNESS[TRAIN]).score(GRAPHS[TEST], FITNESS[TEST]) for name in MODELS
    }
    assert scores.pop("mean") == 0
    assert min(scores.values()) > 0.6


def test_contributions_of_trees_add_up_to_the_prediction() -> None:
    surrogate = Surrogate("xgboost").fit(GRAPHS[TRAIN], FITNESS[TRAIN])
    sums = [sum(surrogate.explain(graph).values()) for graph in GRAPHS[TEST]]
    offsets = surrogate.predict(GRAPHS[TEST]) - sums
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-4)


def test_explanations_find_the_column_that_matters() -> None:
    noise = np.random.default_rng(0).normal(size=45)
    for name in ("xgboost", "random-forest", "bayesian-ridge"):
        surrogate = Surrogate(name).fit(GRAPHS, noise, extra={"cause": noise})
        assert next(iter(surrogate.explain())) == "cause"
        up, down = int(noise.argmax()), int(noise.argmin())
        assert surrogate.explain(GRAPHS[up], {"cause": noise[[up]]})["cause"] > 0
        assert surrogate.explain(GRAPHS[down], {"cause": noise[[down]]})["cause"] < 0


def test_another_schema_or_feature_version_is_refused(tmp_path: Path) -> None:
    Surrogate("mean").fit(GRAPHS, FITNESS).save(tmp_path)
    path = tmp_path / "surrogate.json"
    saved = json.loads(path.read_text())
    for change, message in (
        ({"schema": 99}, "must be of schema 1, found 99"),
        ({"features_version": 99}, "found 99"),
        ({"model": "oracle"}, "model must be one of"),
    ):
        path.write_text(json.dumps({**saved, **change}))
        with pytest.raises(ValueError, match=message):
            load_surrogate(tmp_path)
    path.write_text("no json")
    with pytest.raises(ValueError, match="must hold a JSON object"):
        load_surrogate(tmp_path)
    with pytest.raises(ValueError, match=r"found no surrogate\.json"):
        load_surrogate(tmp_path / "nowhere")


def test_a_damaged_surrogate_is_refused_in_one_line(tmp_path: Path) -> None:
    Surrogate("mean").fit(GRAPHS, FITNESS).save(tmp_path)
    settings, rows = tmp_path / "surrogate.json", tmp_path / "rows.npz"
    text, whole = settings.read_text(), rows.read_bytes()
    for name in ("model", "features", "vocabulary", "extra", "random_state"):
        settings.write_text(json.dumps({key: value for key, value in json.loads(text).items() if key != name}))
        with pytest.raises(ValueError, match=f"'{name}' must be a .*, found None"):
            load_surrogate(tmp_path)
    settings.write_text(json.dumps({**json.loads(text), "vocabulary": {}}))
    with pytest.raises(ValueError, match="the vocabulary of a saved surrogate is damaged"):
        load_surrogate(tmp_path)
    settings.write_text(text)
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        rows.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"rows\.npz must hold the arrays X and y, but is damaged"):
            load_surrogate(tmp_path)
    for arrays in ({"X": np.zeros((2, 3))}, {"X": np.zeros((2, 3)), "y": np.array(["a", "b"])}):
        np.savez(rows, **arrays)
        with pytest.raises(ValueError, match="is damaged"):
            load_surrogate(tmp_path)
    np.savez(rows, X=np.zeros((2, 3)), y=np.zeros(5))
    with pytest.raises(ValueError, match="must hold rows and one finite target each"):
        load_surrogate(tmp_path)


def test_another_seed_gives_another_spread() -> None:
    one, other = (
        XGBoostModel(seed).fit(np.arange(40.0).reshape(20, 2) % 7, np.arange(20.0)).predict(np.ones((1, 2)))[1]
        for seed in (0, 1)
    )
    assert one != other


def test_importing_predictors_is_light() -> None:
    heavy = "{'xgboost', 'sklearn', 'scipy', 'pandas', 'networkx', 'torch'}"
    command = f"import sys, predictors; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
