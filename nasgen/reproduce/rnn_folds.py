"""R2 by repeated ten-fold cross-validation: the authors' regressors on their features, and our surrogate on graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasgen.reproduce.context import Context
from nasgen.reproduce.rnn_plots import plot_folds
from nasgen.reproduce.rnn_regressors import REGRESSORS
from nasgen.reproduce.rnn_tables import Floats, Networks
from nasgen.reproduce.tables import Row, Table
from nasgen.reproduce.units import each_unit
from predictors import Surrogate

FOLDS = 10

SHUFFLES = range(10)
"""The ``random_state`` of each shuffle of the rows into folds."""

SURROGATE = "Surrogate"

BEST_OF_THEIRS: Mapping[str, float] = {"rnn_tanh": 0.28, "rnn_relu": 0.34, "lstm": 0.39, "gru": 0.67}
"""Pooled R2 of ten folds of the best of the authors' regressors on their features. The papers have one split alone."""

BOUNDS: Mapping[str, float] = {"rnn_tanh": 0.30, "rnn_relu": 0.39, "lstm": 0.50, "gru": 0.70}
"""What the surrogate has to reach."""

COSTS: Mapping[str, float] = {SURROGATE: 12.0, "RandomForest": 1.5, "AdaBoost": 1.0, "BayesianRidge": 0.1}
"""About how long a fit takes, beside the others."""


class _Fold(NamedTuple):
    """A tenth of a cell's rows, to be predicted from the others."""

    cell: str
    regressor: str
    shuffle: int
    fold: int
    folds: int


def fold_tables(context: Context) -> list[Table]:
    """R2 of all rows, each predicted by what was fitted on the other nine folds."""
    units = [
        _Fold(cell, name, shuffle, fold, FOLDS)
        for name in COSTS
        for cell in context.networks
        for shuffle in SHUFFLES
        for fold in range(FOLDS)
    ]
    predicted = {unit[:3]: np.empty(len(context.networks[unit.cell])) for unit in units}
    shared = dict(context.networks)
    for unit, values in each_unit(_predict, shared, units, "folds", context.say, lambda unit: COSTS[unit.regressor]):
        _, others = _rows_of(len(context.networks[unit.cell]), unit)
        predicted[unit[:3]][others] = values
    rows = [
        _row(networks, name, [predicted[cell, name, shuffle] for shuffle in SHUFFLES])
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


def _row(networks: Networks, name: str, predictions: list[Floats]) -> Row:
    """A regressor's R2 over the shuffles; of the surrogate also what it is held to."""
    from scipy.stats import t
    from sklearn.metrics import r2_score

    values = np.array([r2_score(networks.accuracies, one) for one in predictions])
    mean, n = float(values.mean()), len(values)
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    ends, more = (mean - half, mean + half), {"cell": networks.called, "regressor": name}
    if name != SURROGATE:
        return Row(f"{networks.called}: {name}", None, mean, None, *ends, more)
    bound = BOUNDS[networks.cell]
    item = f"{networks.called}: {name}, at least {bound:.2f}"
    return Row(item, BEST_OF_THEIRS[networks.cell], mean, mean >= bound, *ends, more)


def _rows_of(n: int, unit: _Fold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows to learn from, and those of the fold."""
    from sklearn.model_selection import KFold

    rows, others = list(KFold(unit.folds, shuffle=True, random_state=unit.shuffle).split(np.empty(n)))[unit.fold]
    return rows, others


def _predict(networks: Mapping[str, Networks], unit: _Fold) -> Floats:
    """The accuracies of the fold's rows, predicted from the others."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    data = networks[unit.cell]
    rows, others = _rows_of(len(data), unit)
    if unit.regressor == SURROGATE:
        fitted = Surrogate().fit([data.graphs[row] for row in rows], data.accuracies[rows])
        return fitted.predict([data.graphs[row] for row in others])
    model = make_pipeline(MinMaxScaler(), REGRESSORS[unit.regressor](unit.shuffle))
    predicted: Floats = model.fit(data.properties[rows], data.accuracies[rows]).predict(data.properties[others])
    return predicted
