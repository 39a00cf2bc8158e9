"""R2 by repeated ten-fold cross-validation: the authors' regressors on their features, and our surrogate on graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasgen.jobs.units import each_unit
from nasgen.reproduce.request import Say
from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.plots import plot_folds
from nasgen.reproduce.rnn_priors.regressors import REGRESSORS
from nasgen.reproduce.rnn_priors.stored_tables import Floats, Networks
from nasgen.reproduce.tables import Row, Table
from nasgen.statistics import mean_interval
from predictors import Surrogate

Rows = NDArray[np.intp]

FOLDS = 10

SHUFFLES = range(10)
"""The ``random_state`` of each shuffle of the rows into folds."""

SURROGATE = "Surrogate"

BEST_OF_THEIRS: Mapping[str, float] = {"rnn_tanh": 0.28, "rnn_relu": 0.34, "lstm": 0.39, "gru": 0.67}
"""Pooled R2 of ten folds of the best of the authors' regressors on their features. The papers have one split alone."""

BOUNDS: Mapping[str, float] = {"rnn_tanh": 0.30, "rnn_relu": 0.39, "lstm": 0.50, "gru": 0.70}
"""What the surrogate has to reach."""


class Regression(NamedTuple):
    """A way to predict the accuracies of networks from those of others.

    Attributes
    ----------
    predict
        A function of a module, for other processes import it: of networks, the rows to learn from, the rows to predict
        and a seed.
    cost
        About how long this takes beside the other ways.
    """

    predict: Callable[[Networks, Rows, Rows, int], Floats]
    cost: float


class _Fold(NamedTuple):
    """A tenth of a cell's rows, to be predicted from the others."""

    cell: str
    regression: str
    shuffle: int
    fold: int
    folds: int


def fold_tables(context: Context) -> list[Table]:
    """R2 of all rows, each predicted by what was fitted on the other nine folds."""
    predicted = predicted_on_folds(context.networks, REGRESSIONS, context.say)
    rows = [
        _row(networks, name, predicted[cell, name])
        for cell, networks in context.networks.items()
        for name in (*REGRESSORS, SURROGATE)
    ]
    return [
        Table(
            "R2 on ten folds",
            tuple(rows),
            f"KFold({FOLDS}, shuffle=True) with random_state {SHUFFLES[0]} to {SHUFFLES[-1]}: R2 of all rows together, "
            "the mean over the shuffles with its 95 % interval, which tells how much the cut into folds matters, not "
            "what other networks would give. The regressors read the 23 properties, scaled on the nine folds; the "
            "surrogate, with its default settings, the graphs. The papers have no such figures: beside the surrogate "
            "stands what the best of the authors' regressors comes to on ten folds.",
            plot_folds(rows, list(BOUNDS.values())),
        )
    ]


def predicted_on_folds(
    networks: Mapping[str, Networks], regressions: Mapping[str, Regression], say: Say
) -> dict[tuple[str, str], Floats]:
    """The accuracy of each network, predicted from the other folds of every shuffle.

    Parameters
    ----------
    networks
        By cell.
    regressions
        By name, the dearest first.
    say
        Takes lines of progress.

    Returns
    -------
    By cell and regression, shape (shuffles, n).
    """
    units = [
        _Fold(cell, name, shuffle, fold, FOLDS)
        for name in regressions
        for cell in networks
        for shuffle in SHUFFLES
        for fold in range(FOLDS)
    ]
    predicted = {unit[:2]: np.empty((len(SHUFFLES), len(networks[unit.cell]))) for unit in units}
    shared = dict(networks), dict(regressions)
    for unit, values in each_unit(
        _predict, shared, units, "folds", say, lambda unit: regressions[unit.regression].cost
    ):
        _, others = _split(len(networks[unit.cell]), unit)
        predicted[unit[:2]][SHUFFLES.index(unit.shuffle), others] = values
    return predicted


def _predict(shared: tuple[dict[str, Networks], dict[str, Regression]], unit: _Fold) -> Floats:
    """The accuracies of the fold's rows, predicted from the others."""
    networks, regressions = shared
    data = networks[unit.cell]
    return regressions[unit.regression].predict(data, *_split(len(data), unit), unit.shuffle)


def _split(n: int, unit: _Fold) -> tuple[Rows, Rows]:
    """The rows to learn from, and those of the fold."""
    from sklearn.model_selection import KFold

    rows, others = list(KFold(unit.folds, shuffle=True, random_state=unit.shuffle).split(np.empty(n)))[unit.fold]
    return rows, others


def by_surrogate(networks: Networks, rows: Rows, others: Rows, _: int) -> Floats:
    """The surrogate with its default settings, on graphs."""
    fitted = Surrogate().fit([networks.graphs[row] for row in rows], networks.accuracies[rows])
    return fitted.predict([networks.graphs[row] for row in others])


def _by_regressor(name: str, networks: Networks, rows: Rows, others: Rows, seed: int) -> Floats:
    """A regressor of the authors on the 23 properties, scaled on the rows that it learns from."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    model = make_pipeline(MinMaxScaler(), REGRESSORS[name](seed))
    predicted: Floats = model.fit(networks.properties[rows], networks.accuracies[rows]).predict(
        networks.properties[others]
    )
    return predicted


REGRESSIONS: Mapping[str, Regression] = {
    SURROGATE: Regression(by_surrogate, 12.0),
    "RandomForest": Regression(partial(_by_regressor, "RandomForest"), 1.5),
    "AdaBoost": Regression(partial(_by_regressor, "AdaBoost"), 1.0),
    "BayesianRidge": Regression(partial(_by_regressor, "BayesianRidge"), 0.1),
}
"""What the table compares, the dearest first."""


def _row(networks: Networks, name: str, predictions: Floats) -> Row:
    """A regression's R2 over the shuffles, of predictions of shape (shuffles, n); of the surrogate also its bound."""
    from sklearn.metrics import r2_score

    mean, low, high = mean_interval([r2_score(networks.accuracies, one) for one in predictions])
    more = {"cell": networks.called, "regressor": name}
    if name != SURROGATE:
        return Row(f"{networks.called}: {name}", None, mean, None, low, high, more)
    bound = BOUNDS[networks.cell]
    item = f"{networks.called}: {name}, at least {bound:.2f}"
    return Row(item, BEST_OF_THEIRS[networks.cell], mean, mean >= bound, low, high, more)
