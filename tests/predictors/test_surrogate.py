from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from contracts.surrogate_contract import FITNESS, GRAPHS, TEST, TRAIN, shared_fit
from threadpoolctl import threadpool_info, threadpool_limits

from predictors import MODELS, Surrogate, get_features
from predictors.models import MeanModel
from search_spaces import LabelledGraph


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "at least one graph"),
        ((GRAPHS[:3], [1.0, 2.0]), "one target a graph"),
        ((GRAPHS[:2], [[1.0], [2.0]]), "one target a graph"),
        ((GRAPHS[:2], [1.0, float("nan")]), "finite, found nan in row 1"),
        ((GRAPHS[:2], [1.0, 2.0], {"x": [1.0]}), "extra column 'x' must hold 2 numbers"),
        ((GRAPHS[:2], [1.0, 2.0], {"x": [1.0, float("inf")]}), "finite or nan, found inf"),
        ((GRAPHS[:2], [1.0, 2.0], {"x": [float("nan"), -1e39]}), r"finite or nan, found 1e\+39"),
        ((GRAPHS[:2], [1.0, 2.0], {7: [1.0, 2.0]}), "texts for names, found \\[7\\]"),
        ((GRAPHS[:2], [1.0, 2.0], {"edges": [1.0, 2.0]}), "names of their own, found 'edges'"),
    ],
)
def test_bad_rows_are_refused_at_the_door(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Surrogate().fit(*arguments)
    assert len(str(caught.value).splitlines()) == 1


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"model must be one of auto, ensemble, .*, found 'oracle'"):
        Surrogate("oracle").fit(GRAPHS, FITNESS)
    with pytest.raises(ValueError, match="features must be one of"):
        Surrogate(features="all").fit(GRAPHS, FITNESS)


def test_numbers_beyond_single_precision_are_refused_by_name() -> None:
    huge = LabelledGraph(["input", "a", "output"], [(0, 1), (1, 2)], {"size": [1, 1e39, 3]})
    small = LabelledGraph(["input", "a", "output"], [(0, 1), (1, 2)], {"size": [1, 1, 3]})
    with pytest.raises(ValueError, match=r"max\[size\] must lie within \+-3\.4e\+38, found 1e\+39 in row 1"):
        Surrogate("mean").fit([small, huge], [0.1, 0.2])
    surrogate = Surrogate("mean").fit([small, small], [0.1, 0.2])
    with pytest.raises(ValueError, match="must lie within"):
        surrogate.predict([small, huge])
    with pytest.raises(ValueError, match=r"targets must lie within \+-3\.4e\+38, found -1e\+200 in row 1"):
        Surrogate("mean").fit([small, small], [0.1, -1e200])


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5])
def test_seeds_that_nothing_can_draw_from_are_refused(seed: Any) -> None:
    with pytest.raises(ValueError, match=f"random_state must be a whole number from 0 to .*, found {seed}"):
        Surrogate("mean", random_state=seed).fit(GRAPHS, FITNESS)


def test_a_fit_holds_blas_to_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    fit = MeanModel.fit

    def noting(self: MeanModel, X: Any, y: Any) -> MeanModel:
        seen.update(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return fit(self, X, y)

    monkeypatch.setattr(MeanModel, "fit", noting)
    with threadpool_limits(2, user_api="blas"):
        Surrogate("mean").fit(GRAPHS, FITNESS)
    assert seen == {1}


def test_columns_of_one_name_are_refused_for_what_they_are() -> None:
    twice = LabelledGraph(["input", "b", "output"], [(0, 1), (1, 2)], {"a": [1, 2, 3], "a|b": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"ops and attributes must have names of their own, found 'mean\[a\|b\]'"):
        Surrogate("mean").fit([twice, twice], [0.1, 0.2])


def test_predict_needs_the_extra_columns_of_the_fit() -> None:
    surrogate = Surrogate("bayesian-ridge").fit(GRAPHS, FITNESS, {"a": FITNESS, "b": -FITNESS})
    with pytest.raises(ValueError, match="those of the fit"):
        surrogate.predict(GRAPHS)
    swapped = surrogate.predict(GRAPHS, extra={"b": -FITNESS, "a": FITNESS})
    np.testing.assert_array_equal(swapped, surrogate.predict(GRAPHS, extra={"a": FITNESS, "b": -FITNESS}))


def test_rows_computed_before_fit_the_same_model() -> None:
    features = get_features("default").fit(GRAPHS[TRAIN])
    rows = features.compute(GRAPHS[TRAIN])
    cached = Surrogate("gp").fit_features(features, rows, FITNESS[TRAIN])
    plain = Surrogate("gp").fit(GRAPHS[TRAIN], FITNESS[TRAIN])
    np.testing.assert_array_equal(cached.predict(GRAPHS[TEST]), plain.predict(GRAPHS[TEST]))
    with pytest.raises(ValueError, match="rows must be of the features 'paths', found those of 'default'"):
        Surrogate(features="paths").fit_features(features, rows, FITNESS[TRAIN])
    with pytest.raises(ValueError, match="columns, found shape"):
        Surrogate().fit_features(features, rows[:, 1:], FITNESS[TRAIN])


def test_learning_beats_the_mean() -> None:
    scores = {name: shared_fit(name).surrogate.score(GRAPHS[TEST], FITNESS[TEST]) for name in MODELS}
    assert scores.pop("mean") == 0
    assert min(scores.values()) > 0.6


def test_the_default_chooses_for_itself() -> None:
    assert Surrogate().model == "auto"
    choice = shared_fit("auto").surrogate.choice_
    assert choice is not None
    assert shared_fit("mean").surrogate.choice_ is None


def test_a_choice_decides_what_is_fitted() -> None:
    features = get_features("default").fit(GRAPHS[TRAIN])
    line = shared_fit("bayesian-ridge").surrogate
    given = Surrogate("auto").fit_features(
        features, features.compute(GRAPHS[TRAIN]), FITNESS[TRAIN], choice=line.choice_
    )
    np.testing.assert_array_equal(
        given.predict(GRAPHS[TEST], return_std=True), line.predict(GRAPHS[TEST], return_std=True)
    )


def test_a_missing_number_of_a_graph_explains_nothing() -> None:
    x = np.where(np.arange(45) % 9 == 0, np.nan, FITNESS)
    surrogate = Surrogate("bayesian-ridge").fit(GRAPHS, FITNESS, {"x": x})
    assert surrogate.explain(GRAPHS[0], {"x": x[[0]]})["x"] == pytest.approx(0, abs=1e-12)
    assert abs(surrogate.explain(GRAPHS[1], {"x": x[[1]]})["x"]) > 1e-3


def test_explanations_find_the_column_that_matters() -> None:
    noise = np.random.default_rng(0).normal(size=45)
    for name in ("xgboost", "bayesian-ridge", "gp"):
        surrogate = Surrogate(name).fit(GRAPHS, noise, extra={"cause": noise})
        assert next(iter(surrogate.explain())) == "cause"
        up, down = int(noise.argmax()), int(noise.argmin())
        assert surrogate.explain(GRAPHS[up], {"cause": noise[[up]]})["cause"] > 0
        assert surrogate.explain(GRAPHS[down], {"cause": noise[[down]]})["cause"] < 0


def test_importing_predictors_is_light() -> None:
    heavy = "{'xgboost', 'sklearn', 'scipy', 'pandas', 'networkx', 'torch'}"
    command = f"import sys, predictors; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
