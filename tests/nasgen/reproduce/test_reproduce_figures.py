"""The published figures of random recurrent networks against the authors' tables, and the statistics behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nasgen.reproduce.rnn_priors import split
from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.correlations import bootstrapped, correlation_tables, weighted_correlations
from nasgen.reproduce.rnn_priors.folds import SURROGATE, fold_tables
from nasgen.reproduce.rnn_priors.regressors import REGRESSORS
from nasgen.reproduce.rnn_priors.split import split_tables
from nasgen.reproduce.rnn_priors.stored_tables import read_networks
from nasgen.reproduce.rnn_priors.structure import accuracy_tables, property_tables


def test_a_correlation_by_hand() -> None:
    X = np.array([[1.0, 3.0, 7.0], [2.0, 2.0, 7.0], [4.0, 1.0, 7.0]])
    y = np.array([1.0, 2.0, 3.0])
    found = weighted_correlations(np.ones((1, 3)), X, y)[0]
    # deviations from the means: (-4, -1, 5) / 3 and (-1, 0, 1); covariance 3, spreads 42 / 9 and 2
    np.testing.assert_allclose(found[:2], [3 / np.sqrt(42 / 9 * 2), -1.0], atol=1e-12)
    assert np.isnan(found[2])


def test_rows_that_count_twice_are_as_rows_listed_twice() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 2)), rng.normal(size=6)
    times = np.array([2, 0, 1, 1, 0, 2])
    listed = np.repeat(np.arange(6), times)
    expected = [np.corrcoef(X[listed, column], y[listed])[0, 1] for column in range(2)]
    np.testing.assert_allclose(weighted_correlations(times[None], X, y)[0], expected, atol=1e-12)


def test_intervals_narrow_with_rows_and_repeat_with_the_seed() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 1))
    y = x[:, 0] + rng.normal(size=400)
    ((value, low, high),) = bootstrapped(np.random.default_rng(1), x, y)
    assert low < value < high
    assert low < np.sqrt(0.5) < high  # the correlation that the rows were drawn with
    assert high - low == pytest.approx(4 * (1 - value**2) / np.sqrt(400), rel=0.2)  # what normal theory gives
    ((_, few_low, few_high),) = bootstrapped(np.random.default_rng(1), x[:50], y[:50])
    assert few_high - few_low > 1.5 * (high - low)
    assert bootstrapped(np.random.default_rng(1), x, y) == [(value, low, high)]


@pytest.fixture(scope="module")
def context(data_folder: Path) -> Context:
    return Context(read_networks(data_folder), None, print, data_folder)


@pytest.mark.data
def test_structure_and_means_hold(context: Context) -> None:
    tables = [*property_tables(context), *accuracy_tables(context)]
    held = [row for table in tables for row in table.rows if row.holds is not None]
    assert len(held) == 4 * (4 + 3 + 1)
    assert all(row.holds for row in held)
    means = {row.item: row.ours for row in tables[-1].rows}
    assert means["ReLU, BA: mean test accuracy"] == pytest.approx(0.728, abs=5e-4)
    assert means["ReLU, WS: mean test accuracy"] == pytest.approx(0.829, abs=5e-4)


@pytest.mark.data
def test_all_published_correlations_hold(context: Context) -> None:
    overall, alone = correlation_tables(context)
    assert len(overall.rows) == 48
    for row in overall.rows:
        assert row.paper is not None
        assert row.ours == pytest.approx(row.paper, abs=0.005)
        assert row.holds
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.paper < row.high
    assert len(alone.rows) == 96
    found = {row.item: row.ours for row in alone.rows}
    ws = context.networks["gru"].generators == "watts_strogatz"
    nodes = [len(graph) for graph in context.networks["gru"].graphs]
    expected = np.corrcoef(np.array(nodes)[ws], context.networks["gru"].accuracies[ws])[0, 1]
    assert found["GRU, WS alone: nodes"] == pytest.approx(expected)


@pytest.mark.data
def test_the_authors_split_gives_their_figures(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "SEEDS", range(3))
    whole, fewer = split_tables(context)
    for row in whole.rows:
        assert row.holds is not False
        if row.item.endswith("BayesianRidge"):
            assert row.ours == pytest.approx(row.paper, abs=1e-3)
    assert sum(row.holds is True for row in whole.rows) == 9
    ours = {row.item: row.ours for row in fewer.rows}
    assert all(value is not None for value in ours.values())
    capacity, rest = (f"ReLU: {what}" for what in split.FEWER if "sources" in what)
    assert (ours[capacity] or 0) > 0.5 + (ours[rest] or 0)  # without sizes nothing is left of ReLU


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_surrogate_is_ahead_of_the_authors_regressors_on_ten_folds(context: Context) -> None:
    (table,) = fold_tables(context)
    found = {(str(row.more["cell"]), str(row.more["regressor"])): row for row in table.rows}
    for cell in ("Tanh", "ReLU", "LSTM", "GRU"):
        ours = found[cell, SURROGATE]
        assert ours.ours is not None
        assert ours.low is not None
        for name in REGRESSORS:
            theirs = found[cell, name]
            assert theirs.high is not None
            assert ours.ours > theirs.high
        # on Tanh .301 (.289 to .313) was found, and .30 is asked for: the last digits of another machine may tip it
        assert ours.holds or (cell == "Tanh" and ours.low > 0.28)
