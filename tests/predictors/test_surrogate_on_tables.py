"""Surrogates on real trainings: ranking and calibration, on draws of rows apart from those of benchmarks.

Cells of NAS-Bench-201, and recurrent networks on random graphs by Stier, Darji, Granitzer 2021.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold

from predictors import Surrogate, get_features
from predictors.metrics import coverage
from predictors.models import FailureThenValueModel
from predictors.models.failure import gap_between_heaps
from search_spaces import LabelledGraph, get_space

pytestmark = pytest.mark.data

SEEDS = (100, 101, 102)


class Split(NamedTuple):
    train: list[LabelledGraph]
    y_train: np.ndarray
    test: list[LabelledGraph]
    y_test: np.ndarray


@cache
def split(folder: Path, seed: int) -> Split:
    table = pd.read_csv(folder / "nb201.csv.gz").query("reachable")
    drawn = table.sample(128 + 1500, random_state=seed)
    space = get_space("nasbench201")
    graphs = [space.to_graph(space.decode(text)) for text in drawn["arch_str"]]
    y = drawn["cifar10_valid"].to_numpy()
    return Split(graphs[:128], y[:128], graphs[128:], y[128:])


@cache
def fitted(folder: Path, model: str, seed: int, n: int) -> Surrogate:
    rows = split(folder, seed)
    return Surrogate(model).fit(rows.train[:n], rows.y_train[:n])


@pytest.mark.parametrize(("n", "floor"), [(32, 0.64), (128, 0.80)])
def test_default_surrogate_ranks_cells(data_folder: Path, n: int, floor: float) -> None:
    scores = [fitted(data_folder, "auto", seed, n).score(*split(data_folder, seed)[2:]) for seed in SEEDS]
    assert np.mean(scores) > floor


def test_default_surrogate_beats_op_counts(data_folder: Path) -> None:
    rows = split(data_folder, SEEDS[0])
    counts = [graph.ops.count("nor_conv_3x3") + graph.ops.count("nor_conv_1x1") for graph in rows.test]
    counted = kendalltau(counts, rows.y_test).statistic
    assert fitted(data_folder, "auto", SEEDS[0], 128).score(rows.test, rows.y_test) > counted + 0.15


@pytest.mark.parametrize(
    ("model", "n", "seeds"),
    [
        ("auto", 32, SEEDS),  # from few rows, what one draw of them covers says little
        ("auto", 128, SEEDS),
        ("xgboost", 128, SEEDS[:1]),
        ("gp", 128, SEEDS[:1]),
        ("random-forest", 128, SEEDS[:1]),
    ],
)
def test_nine_of_ten_intervals_cover(data_folder: Path, model: str, n: int, seeds: tuple[int, ...]) -> None:
    covered = []
    for seed in seeds:
        rows = split(data_folder, seed)
        mean, std = fitted(data_folder, model, seed, n).predict(rows.test, return_std=True)
        covered.append(coverage(rows.y_test, mean, std))
    assert 0.8 <= np.mean(covered) <= 0.98


FAILED = 0.55
"""Accuracy below which a network of the Reber grammar's table did not learn."""


@cache
def held_out_networks(folder: Path, cell: str, below: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy, its prediction and the odds of failure, each predicted by a fit on the other nine folds."""
    with gzip.open(folder / f"reber_structure_{cell}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    graphs = [LabelledGraph(["unit"] * row["n"], row["edges"], directed=False) for row in rows]
    y = np.array([row["test_acc"] for row in rows])
    features = get_features("default").fit(graphs)
    assert features.names == get_features("layers").names
    X = features.compute(graphs)
    predicted, odds = np.empty(len(y)), np.empty(len(y))
    for seen, others in KFold(10, shuffle=True, random_state=100).split(X):
        model = FailureThenValueModel(below=below).fit(X[seen], y[seen])
        predicted[others], odds[others] = model.predict(X[others])[0], model.failure_probability(X[others])
    return y, predicted, odds


@pytest.mark.parametrize(("cell", "below", "floor"), [("lstm", None, 0.45), ("rnn_relu", FAILED, 0.30)])
def test_layers_explain_what_recurrent_networks_come_to(
    data_folder: Path, cell: str, below: float | None, floor: float
) -> None:
    y, predicted, _ = held_out_networks(data_folder, cell, below)
    assert r2_score(y, predicted) > floor


def test_networks_that_fail_to_learn_are_told_from_their_layers(data_folder: Path) -> None:
    y, _, odds = held_out_networks(data_folder, "rnn_relu", FAILED)
    assert 40 < (y < FAILED).sum() < 160
    assert roc_auc_score(y < FAILED, odds) > 0.84


def test_accuracies_of_recurrent_networks_lie_in_two_heaps(data_folder: Path) -> None:
    y, _, _ = held_out_networks(data_folder, "rnn_relu", FAILED)
    gap = gap_between_heaps(y)
    assert gap is not None
    assert 0.5 < gap < 0.9
