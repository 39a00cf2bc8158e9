"""R2 by the authors' protocol: one split of their rows, three regressors, and fewer features (Darji 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nasgen.jobs.units import each_unit
from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.regressors import REGRESSORS
from nasgen.reproduce.rnn_priors.stored_tables import Networks
from nasgen.reproduce.tables import Row, Table, within
from predictors.features.properties import NAMES

TESTED, SPLIT_SEED = 0.10, 7
"""The share of rows that is held out, and the ``random_state`` of ``train_test_split``."""

SEEDS = range(20)
"""Of the forests and of AdaBoost: the authors gave none."""

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "rnn_tanh": {"BayesianRidge": 0.47919, "RandomForest": 0.43163, "AdaBoost": 0.35698},
    "rnn_relu": {"BayesianRidge": 0.36075, "RandomForest": 0.61504, "AdaBoost": 0.53469},
    "lstm": {"BayesianRidge": 0.37206, "RandomForest": 0.57933, "AdaBoost": 0.59514},
    "gru": {"BayesianRidge": 0.67224, "RandomForest": 0.87635, "AdaBoost": 0.78313},
}

RIDGE_TOLERANCE = 1e-3
FOREST_TOLERANCE: Mapping[str, float] = {"rnn_tanh": 0.07, "rnn_relu": 0.07, "lstm": 0.07, "gru": 0.03}
"""What one run without a seed may lie from the mean over seeds, another version of scikit-learn included."""

HEADLINE = "gru", 0.81
"""The R2 that the abstract reports; the table has .876 and the appendix .87."""

CAPACITY = ("nodes", "edges", "source_nodes", "sink_nodes")

FEWER: Mapping[str, tuple[str, ...]] = {
    "nodes, edges, sources and sinks alone": CAPACITY,
    "without nodes, edges, sources and sinks": tuple(name for name in NAMES if name not in CAPACITY),
    "variances alone": tuple(name for name in NAMES if name.endswith("_var")),
}

PUBLISHED_FEWER: Mapping[str, tuple[float, float, float]] = {"rnn_relu": (0.71, -0.05, 0.06), "gru": (0.75, 0.78, 0.76)}
"""Of a random forest on each set of ``FEWER``, in their order."""


class _Fit(NamedTuple):
    """A regressor of a seed, fitted on some columns of a cell's rows."""

    cell: str
    regressor: str
    seed: int
    columns: tuple[str, ...] = NAMES


def split_tables(context: Context) -> list[Table]:
    """R2 of the authors' regressors on their split, with their features and with fewer."""
    fits = [
        _Fit(cell, name, seed)
        for name in REGRESSORS
        for cell in context.networks
        for seed in (SEEDS if name != "BayesianRidge" else SEEDS[:1])
    ]
    fits += [
        _Fit(cell, "RandomForest", seed, few) for few in FEWER.values() for cell in PUBLISHED_FEWER for seed in SEEDS
    ]
    scores = dict(each_unit(_score, dict(context.networks), fits, "regressors fitted", context.say))

    def found(cell: str, regressor: str, columns: tuple[str, ...] = NAMES) -> list[float]:
        return [scores[fit] for fit in fits if fit[:2] == (cell, regressor) and fit.columns == columns]

    rows = []
    for cell, networks in context.networks.items():
        for name, paper in PUBLISHED[cell].items():
            values = found(cell, name)
            tolerance = {"BayesianRidge": RIDGE_TOLERANCE, "RandomForest": FOREST_TOLERANCE[cell]}.get(name)
            rows.append(_row(f"{networks.called}: {name}", paper, values, tolerance))
    cell, headline = HEADLINE
    best = float(np.mean(found(cell, "RandomForest")))
    item = f"{context.networks[cell].called}: RandomForest reaches the R2 of the abstract"
    rows.append(Row(item, headline, best, best >= headline))
    fewer = [
        _row(f"{context.networks[cell].called}: {what}", paper, found(cell, "RandomForest", few), None)
        for cell, published in PUBLISHED_FEWER.items()
        for (what, few), paper in zip(FEWER.items(), published, strict=True)
    ]
    return [
        Table(
            "R2 on the authors' split",
            tuple(rows),
            "The 23 properties, each scaled to 0..1 over all rows, those to be tested included, as the authors did; "
            f"train_test_split(test_size={TESTED}, random_state={SPLIT_SEED}). What draws is the mean over "
            f"{len(SEEDS)} seeds, with the lowest and the highest of them; the authors ran it once without one. Held "
            f"are BayesianRidge to {RIDGE_TOLERANCE:g}, and RandomForest to .07 (GRU .03); AdaBoost changes most from "
            "seed to seed and between versions.",
        ),
        Table(
            "R2 on the authors' split with fewer features",
            tuple(fewer),
            f"RandomForest, the mean over {len(SEEDS)} seeds, with the lowest and the highest of them. Nothing is "
            "held: the published figures are those of one run, and some lie outside of what the seeds span.",
        ),
    ]


def _row(item: str, paper: float, values: list[float], tolerance: float | None) -> Row:
    ours = float(np.mean(values))
    holds = None if tolerance is None else within(paper, ours, tolerance)
    if len(values) == 1:
        return Row(item, paper, ours, holds)
    more = {"seeds": len(values), "sd": float(np.std(values, ddof=1))}
    return Row(item, paper, ours, holds, min(values), max(values), more)


def _score(networks: Mapping[str, Networks], fit: _Fit) -> float:
    """R2 on the rows held out."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import MinMaxScaler

    rows = networks[fit.cell]
    X = MinMaxScaler().fit_transform(rows.properties[:, [NAMES.index(name) for name in fit.columns]])
    seen, unseen, y_seen, y_unseen = train_test_split(X, rows.accuracies, test_size=TESTED, random_state=SPLIT_SEED)
    return float(REGRESSORS[fit.regressor](fit.seed).fit(seen, y_seen).score(unseen, y_unseen))
