"""The table of real trainings: it is what it says, its rows can be trained again, and a surrogate learns from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from nasgen.evaluation import Request, candidate_seed
from nasgen.planning.budget import Regime, training_budget
from nasgen.tasks import get_task
from nasgen.training.evaluators import TrainingEvaluator
from predictors import Surrogate
from predictors.metrics import kendall_tau
from search_spaces import get_space

TABLE = Path(__file__).resolve().parents[3] / "benchmarks" / "digits_trainings.parquet"
SPACE = get_space("cnn", input_shape=(1, 8, 8))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_parquet(TABLE)


def last_loss(rows: pd.DataFrame) -> pd.Series:
    return rows.set_index("key")["loss"].map(lambda curve: curve[-1])


def test_five_hundred_genotypes_and_a_fifth_of_them_twice(rows: pd.DataFrame) -> None:
    assert TABLE.stat().st_size < 1_000_000
    assert rows["key"].nunique() == 500
    assert rows["repeat"].value_counts().to_dict() == {0: 500, 1: 100}
    assert rows["failure"].isna().all()
    assert {"sample", "insert", "relabel", "subpath", "average", "bridge", "again"} == set(rows["operator"])


def test_rows_are_genotypes_with_their_curves(rows: pd.DataFrame) -> None:
    for row in rows.itertuples():
        genotype = SPACE.decode(row.genotype)
        graph = SPACE.to_graph(genotype)
        assert SPACE.validate(genotype) == []
        assert SPACE.key(genotype) == row.key
        assert row.seed == candidate_seed(0, row.key, row.repeat)
        assert (row.parameters, row.macs) == (graph.info["parameters"], graph.info["macs"])
        assert len(row.accuracy) == len(row.loss) == len(row.train_loss) == 12
        assert row.accuracy[-1] == row.fitness


def test_two_seeds_of_a_structure_agree_on_its_loss(rows: pd.DataFrame) -> None:
    again = last_loss(rows[rows["repeat"] == 1])
    first = last_loss(rows[rows["repeat"] == 0]).loc[again.index]
    assert spearmanr(first, again).statistic > 0.7


def test_a_row_can_be_trained_again(rows: pd.DataFrame) -> None:
    """In float32, as then: its first epochs come out the same on any machine but for the last digits of their sums."""
    row = rows[rows["fitness"] > 0.98].sort_values("macs").iloc[0]
    task = get_task("digits")
    train, _ = task.split(0)
    budget = training_budget(task.input_shape, len(train), len(task.y_train), Regime())
    fidelity = budget.fidelities["search"].model_dump()
    fidelity["recipe"]["precision"] = "float32"
    evaluator = TrainingEvaluator(
        "cnn", {"input_shape": [1, 8, 8], "n_classes": 10}, "digits", split_seed=0, fidelities={"search": fidelity}
    )
    outcome = evaluator.evaluate(Request(0, row["genotype"], row["key"], int(row["seed"])))
    assert outcome.fitness == pytest.approx(row["fitness"], abs=0.02)
    assert outcome.metrics["train_loss"][:2] == pytest.approx(list(row["train_loss"][:2]), abs=1e-3)


def test_the_surrogate_learns_structure_from_real_trainings(rows: pd.DataFrame) -> None:
    """Ranks held-out genotypes by their loss, and better than their size does."""
    first = rows[rows["repeat"] == 0].reset_index(drop=True)
    graphs = [SPACE.to_graph(SPACE.decode(text)) for text in first["genotype"]]
    loss = last_loss(first).to_numpy()
    order = np.random.default_rng(0).permutation(len(first))
    train, test = order[:150], order[150:]
    surrogate = Surrogate().fit([graphs[i] for i in train], -loss[train])
    tau = surrogate.score([graphs[i] for i in test], -loss[test])
    by_size = abs(kendall_tau(-loss[test], first["macs"].to_numpy()[test]))
    assert tau > by_size + 0.05
    assert tau > 0.4
