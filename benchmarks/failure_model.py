"""Which random recurrent networks fail to learn: odds from the structure alone, on ten folds.

    NASGEN_DATA=FOLDER python benchmarks/failure_model.py [--tables rnn_relu,rnn_tanh] [--seeds 100:103]

A network has failed if its test accuracy is below .55. Every row is judged by a model that was fitted on the other nine
folds; shown is, for each shuffle into folds, the area under the ROC curve of all rows together, and the mean R2 of the
value that the model tells. The rival is a random forest on the 23 graph properties of Stier, Darji, Granitzer 2021,
sec. 4.3.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
from feature_ablation import Table, read
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold

from predictors import get_features
from predictors.models import FailureThenValueModel

Floats = NDArray[np.float64]
BELOW = 0.55
FOLDS = 10

Judge = Callable[[Floats, Floats, Floats], tuple[Floats, Floats]]
"""From rows and targets to the odds of failure and the values of other rows."""


def ours(X: Floats, y: Floats, others: Floats) -> tuple[Floats, Floats]:
    """The odds of the failure model, and the value that it tells."""
    model = FailureThenValueModel(below=BELOW).fit(X, y)
    return model.failure_probability(others), model.predict(others)[0]


def forest(X: Floats, y: Floats, others: Floats) -> tuple[Floats, Floats]:
    """A forest for the accuracy: the lower, the likelier a failure."""
    value = RandomForestRegressor(random_state=0, n_jobs=1).fit(X, y).predict(others)
    return -value, value


def pooled(judge: Judge, X: Floats, y: Floats, seed: int) -> tuple[float, float]:
    """Area under the curve and R2 of all rows, each judged from the other folds."""
    odds, values = np.empty((2, len(y)))
    for rows, others in KFold(FOLDS, shuffle=True, random_state=seed).split(X):
        odds[others], values[others] = judge(X[rows], y[rows], X[others])
    return roc_auc_score(y < BELOW, odds), r2_score(y, values)


def show(name: str, table: Table, seeds: range) -> None:
    """A line for each way to judge a table."""
    print(f"{name}: {len(table.y)} networks, {(table.y < BELOW).mean():.0%} failed, seeds {seeds[0]} to {seeds[-1]}")
    for judge, features in ((ours, "default"), (forest, "graph23")):
        X = get_features(features).fit(table.graphs).compute(table.graphs)
        results = np.array([pooled(judge, X, table.y, seed) for seed in seeds])
        each = " ".join(f"{auc:.3f}" for auc in results[:, 0])
        print(f"    {judge.__name__:7} on {features:8} AUC {each}   R2 {results[:, 1].mean():.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default="rnn_relu,rnn_tanh")
    parser.add_argument("--seeds", default="100:103")
    args = parser.parse_args()
    if "NASGEN_DATA" not in os.environ:
        raise SystemExit("NASGEN_DATA must name the folder that holds reber_structure_rnn_relu.jsonl.gz")
    print(f"{platform.machine()}, Python {platform.python_version()}")
    low, high = map(int, args.seeds.split(":"))
    for name in args.tables.split(","):
        show(name, read(name, Path(os.environ["NASGEN_DATA"])), range(low, high))


if __name__ == "__main__":
    main()
