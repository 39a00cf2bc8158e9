"""Regressors on both scales side by side, and where the default takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from contracts.random_graphs import random_dag

from predictors import Surrogate, get_features, load_surrogate
from predictors.models.blend import mean_of_members
from predictors.models.both_scales import OF_FAILURE, ON_RANKS, ON_TARGETS, BothScalesModel
from predictors.models.failure import FailureThenValueModel
from predictors.models.latent import Latent
from search_spaces import LabelledGraph

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.exp(X[:, 0]) + 0.1 * np.random.default_rng(1).normal(size=60)
HEAPS = Y / 10 + np.where(X[:, 1] > 0, 100.0, 0.0)

PLAIN = [
    LabelledGraph(("unit",) * len(graph), graph.edges)
    for graph in (random_dag(np.random.default_rng(seed), 5 + seed % 9) for seed in range(40))
]
SIZES = np.array([len(graph) + 0.1 * (number % 3) for number, graph in enumerate(PLAIN)])


def blended(y: np.ndarray, latent: Latent, makers: Sequence[type]) -> tuple[np.ndarray, np.ndarray]:
    members = [make(0).fit(X[:40], latent.scores_of(y)).predict(X[40:]) for make in makers]
    return latent.moments(*mean_of_members(members))


@pytest.mark.parametrize(("targets", "parts"), [(Y, 2), (HEAPS, 3)], ids=["one heap", "two heaps"])
def test_the_mean_of_both_scales_and_of_failures_where_there_are_two_heaps(targets: np.ndarray, parts: int) -> None:
    y = targets[:40]
    told = [blended(y, Latent.straight(y), ON_TARGETS), blended(y, Latent.of(y), ON_RANKS)]
    told += [FailureThenValueModel(0, classifiers=OF_FAILURE).fit(X[:40], y).predict(X[40:])] * (parts - 2)
    mean, std = BothScalesModel(0).fit(X[:40], y).predict(X[40:])
    np.testing.assert_allclose(mean, np.mean([one for one, _ in told], axis=0))
    within = np.mean([spread**2 for _, spread in told], axis=0)
    np.testing.assert_allclose(std**2, within + np.var([one for one, _ in told], axis=0))
    assert np.corrcoef(mean, targets[40:])[0, 1] > 0.8


def test_the_scale_of_the_targets_does_not_matter() -> None:
    one, other = (BothScalesModel(0).fit(X[:40], y).predict(X[40:]) for y in (Y[:40], 1000 * Y[:40] + 5))
    np.testing.assert_allclose(other[0], 1000 * one[0] + 5, rtol=1e-6)
    np.testing.assert_allclose(other[1], 1000 * one[1], rtol=1e-6)


def test_the_default_takes_them_where_there_is_structure_alone() -> None:
    surrogate = Surrogate().fit(PLAIN[:30], SIZES[:30])
    assert surrogate.choice_ is not None
    assert surrogate.choice_.candidate.members in (("both-scales",), ("bayesian-ridge",))
    assert surrogate.score(PLAIN[30:], SIZES[30:]) > 0.7
    named = Surrogate("structure").fit(PLAIN[:30], SIZES[:30])
    np.testing.assert_array_equal(surrogate.predict(PLAIN[30:]), named.predict(PLAIN[30:]))


def test_ops_numbers_and_more_columns_are_for_the_other_models() -> None:
    assert get_features("default").fit(PLAIN).of_structure
    for ops, attributes in ((("unit", "other"), {}), (("unit", "unit"), {"channels": (1.0, 2.0)})):
        assert not get_features("default").fit([LabelledGraph(ops, ((0, 1),), attributes)]).of_structure
    surrogate = Surrogate().fit(PLAIN[:8], SIZES[:8], extra={"below": SIZES[:8]})
    assert surrogate.choice_ is not None
    assert surrogate.choice_.candidate.members != ("both-scales",)


def test_one_that_was_saved_is_the_same_again(tmp_path: object) -> None:
    surrogate = Surrogate().fit(PLAIN[:30], SIZES[:30])
    surrogate.save(f"{tmp_path}/saved")
    again = load_surrogate(f"{tmp_path}/saved")
    np.testing.assert_array_equal(again.predict(PLAIN, return_std=True), surrogate.predict(PLAIN, return_std=True))


def test_a_choice_made_before_there_were_several_models_still_holds() -> None:
    features = get_features("default").fit(PLAIN)
    rows = features.compute(PLAIN)
    before = Surrogate("ensemble").fit_features(features, rows, SIZES)
    given = Surrogate().fit_features(features, rows, SIZES, choice=before.choice_)
    np.testing.assert_array_equal(given.predict(PLAIN), before.predict(PLAIN))
