"""Surrogates on real trainings: ranking and calibration on NAS-Bench-201, seeds apart from those of benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from predictors import Surrogate
from predictors.metrics import coverage
from search_spaces import LabelledGraph, get_space

pytestmark = pytest.mark.data


class Split(NamedTuple):
    train: list[LabelledGraph]
    y_train: np.ndarray
    test: list[LabelledGraph]
    y_test: np.ndarray


@pytest.fixture(scope="module")
def split(data_folder: Path) -> Split:
    table = pd.read_csv(data_folder / "nb201.csv.gz").query("reachable")
    drawn = table.sample(128 + 1500, random_state=100)
    space = get_space("nasbench201")
    graphs = [space.to_graph(space.decode(text)) for text in drawn["arch_str"]]
    y = drawn["cifar10_valid"].to_numpy()
    return Split(graphs[:128], y[:128], graphs[128:], y[128:])


@pytest.mark.parametrize(("n", "floor"), [(32, 0.5), (128, 0.70)])
def test_default_surrogate_ranks_cells(split: Split, n: int, floor: float) -> None:
    surrogate = Surrogate().fit(split.train[:n], split.y_train[:n])
    assert surrogate.score(split.test, split.y_test) > floor


def test_default_surrogate_beats_op_counts(split: Split) -> None:
    def counts(graphs: list[LabelledGraph]) -> np.ndarray:
        return np.array([graph.ops.count("nor_conv_3x3") + graph.ops.count("nor_conv_1x1") for graph in graphs])

    surrogate = Surrogate().fit(split.train, split.y_train)
    counted = kendalltau(counts(split.test), split.y_test).statistic
    assert surrogate.score(split.test, split.y_test) > counted + 0.05


@pytest.mark.parametrize("model", ["xgboost", "random-forest"])
@pytest.mark.parametrize("n", [32, 128])
def test_nine_of_ten_intervals_cover(split: Split, model: str, n: int) -> None:
    surrogate = Surrogate(model).fit(split.train[:n], split.y_train[:n])
    assert 0.8 <= coverage(split.y_test, *surrogate.predict(split.test, return_std=True)) <= 0.98
