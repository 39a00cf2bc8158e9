"""The table of trained recurrent networks: it is what it says, and a row can be trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nasgen.evaluation import Request, candidate_seed
from nasgen.planning.budget import SequenceRegime, training_budget
from nasgen.tasks import get_task
from nasgen.training.evaluators import TrainingEvaluator
from predictors import get_features
from predictors.features.properties import NAMES
from predictors.metadataset import MetaDataset
from search_spaces import get_space
from search_spaces.rnn import RnnGenotype

TABLE = Path(__file__).resolve().parents[3] / "benchmarks" / "rnn_priors.parquet"
CELLS = ("tanh", "relu", "lstm", "gru")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.read_parquet(TABLE)


def genotypes(rows: pd.DataFrame) -> list[RnnGenotype]:
    space = get_space("rnn")
    return [space.decode(text) for text in rows["genotype"]]


def test_sixty_graphs_with_each_of_four_cells(rows: pd.DataFrame) -> None:
    once = genotypes(rows.drop_duplicates("genotype_id"))
    graphs = [(one.size, one.edges) for one in once]
    assert len(once) == 240
    assert [one.cell for one in once] == list(CELLS) * 60
    assert len(set(graphs)) == 60
    assert all(graph == graphs[place - place % 4] for place, graph in enumerate(graphs))
    assert {one.embedding for one in once} == {16}
    assert TABLE.stat().st_size < 500_000


def test_every_network_was_trained_twice(rows: pd.DataFrame) -> None:
    assert rows.groupby("genotype_id")["seed"].nunique().tolist() == [2] * 240


def test_the_table_makes_its_space_again_and_its_columns_are_those_of_the_genotypes(rows: pd.DataFrame) -> None:
    stored = MetaDataset.read(TABLE)
    assert (stored.space["name"], stored.space["options"]["readout"]) == ("rnn", "sinks")
    space = get_space("rnn", **stored.space["options"])
    graphs = [space.to_graph(one) for one in genotypes(rows)]
    np.testing.assert_allclose(rows[list(NAMES)], get_features("graph23").compute(graphs))
    assert rows["parameters"].tolist() == [graph.info["parameters"] for graph in graphs]
    assert not any(map(space.validate, genotypes(rows)))
    assert rows["fitness"].dropna().between(0, 1).all()


def test_graphs_are_those_of_the_two_generators_in_turn(rows: pd.DataFrame) -> None:
    """n vertices: Watts-Strogatz has n (n // 10) edges, Barabasi-Albert with m = n // 10 has m sources, m (n - m)."""
    graphs = rows.drop_duplicates("genotype_id").iloc[::4]
    n, m = graphs["nodes"], graphs["nodes"] // 10
    assert n.between(10, 50).all()
    assert (graphs["edges"] == n * m).tolist() == [True, False] * 30
    grown = (graphs["edges"] == m * (n - m)) & (graphs["source_nodes"] == m)
    assert grown.tolist() == [False, True] * 30


@pytest.mark.slow
def test_a_row_can_be_trained_again(rows: pd.DataFrame) -> None:
    """Closely on any machine; to the last bit on that of the table, which no test may ask for."""
    stored = MetaDataset.read(TABLE)
    row = rows[rows["fitness"] > 0.99].sort_values("macs").iloc[0]
    task = get_task("reber")
    train, _ = task.split(0)
    budget = training_budget(task.input_shape, len(train), len(task.y_train), SequenceRegime(published=True))
    spec = {"search": budget.fidelities["search"].model_dump()}
    evaluator = TrainingEvaluator("rnn", stored.space["options"], "reber", split_seed=0, fidelities=spec)
    repeat = next(n for n in (0, 1) if candidate_seed(0, row["genotype_id"], n) == row["seed"])
    outcome = evaluator.evaluate(Request(0, row["genotype"], row["genotype_id"], int(row["seed"]), repeat=repeat))
    assert outcome.fitness == pytest.approx(row["fitness"], abs=0.02)
