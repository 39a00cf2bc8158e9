"""The main path: a search that trains, what it leaves behind, and that its rows depend on the training data alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_searching import table_of
from tiny_training import EPOCHS, MAX_MACS, Arrays, contents, digits, learned, search, shorten
from torch_alone import TORCH_ALONE

import nasgen
from nasgen.errors import InputError
from nasgen.evaluation import Outcome, candidate_seed
from nasgen.results.summary import open_store, print_best, status_lines, write_parquet
from nasgen.storage.folder import RunFolder
from nasgen.strategies.evolution import INITIAL
from nasgen.winner.export import export_text
from search_spaces import get_space

ROWS = 11
"""Under a window of 2 eight are drawn at random; the three after them are bred, or chosen from a brood."""

SPACE = get_space("cnn", input_shape=(1, 8, 8), max_macs=MAX_MACS)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return digits()


@pytest.fixture(scope="module")
def found(arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> nasgen.SearchResult:
    """What a search with two worker processes came to."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        out = tmp_path_factory.mktemp("trained") / "run"
        return search(out, arrays, evaluations=ROWS, executor="processes", workers=2)


@pytest.fixture(scope="module")
def blind(arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> nasgen.SearchResult:
    """The same search in this process, with test data that say nothing: negatives under labels in disorder."""
    x, y, x_test, y_test = arrays
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        task = (x, y, 16 - x_test, np.random.default_rng(0).permutation(y_test))
        return search(tmp_path_factory.mktemp("blind") / "run", task, evaluations=ROWS)


def outcomes(run: Path) -> list[Outcome]:
    return [outcome for _, outcome in contents(run) if outcome is not None]


def test_a_finished_search_leaves_its_files(found: nasgen.SearchResult) -> None:
    left = {str(path.relative_to(found.path)) for path in found.path.rglob("*") if path.is_file()}
    best = {"best/genotype.json", "best/network.py", "best/weights.safetensors"}
    assert {"run.json", "store.sqlite", "data.npz", "log.txt"} | best <= left
    assert left - best <= {
        "run.json",
        "store.sqlite",
        "store.sqlite-wal",
        "store.sqlite-shm",
        "data.npz",
        "log.txt",
    } | {".lock"}
    assert "final training of evaluation" in (found.path / "log.txt").read_text()


def test_run_json_holds_the_settings_and_what_the_run_is_bound_to(found: nasgen.SearchResult) -> None:
    values = RunFolder(found.path).read()
    settings = values["settings"]
    assert not values["provisional"]
    assert (settings["evaluations"], settings["seed"], settings["workers"]) == (ROWS, 0, 2)
    assert settings["space_options"]["max_macs"] == MAX_MACS
    assert settings["fidelities"]["search"]["recipe"]["epochs"] == EPOCHS
    assert settings["final"]["recipe"]["epochs"] == EPOCHS
    assert values["identity"]["data_hash"]
    assert values["environment"]["torch"]


def test_each_row_has_a_curve_of_as_many_epochs_as_its_fidelity_says(found: nasgen.SearchResult) -> None:
    rows = outcomes(found.path)
    assert len(rows) == ROWS
    for row in rows:
        assert row.failure is None
        assert row.origin == "trained"
        for curve in ("accuracy", "loss", "train_loss"):
            assert len(row.metrics[curve]) == EPOCHS
        assert row.fitness == row.metrics["accuracy"][-1]
        assert all(0 <= accuracy <= 1 for accuracy in row.metrics["accuracy"])
        assert 0 < row.metrics["macs"] <= MAX_MACS
        assert row.seconds > 0
    assert np.mean([row.metrics["train_loss"][-1] < row.metrics["train_loss"][0] for row in rows]) > 0.8


def test_rows_name_their_costs_and_their_seeds(found: nasgen.SearchResult) -> None:
    for request, outcome in contents(found.path):
        assert outcome is not None
        graph = SPACE.to_graph(SPACE.decode(request.genotype))
        assert outcome.metrics["parameters"] == graph.info["parameters"]
        assert outcome.metrics["macs"] == graph.info["macs"]
        assert request.seed == candidate_seed(0, request.key)
        assert request.fidelity == "search"


def test_later_rows_are_bred_from_earlier_ones(found: nasgen.SearchResult) -> None:
    """What is compared below is no random search."""
    requests = [request for request, _ in contents(found.path)]
    keys = {request.key for request in requests}
    assert [request.operator for request in requests[:INITIAL]] == ["sample"] * INITIAL
    assert all(request.operator != "sample" or request.predicted is not None for request in requests[INITIAL + 2 :])
    assert all(request.parents and {*request.parents} < keys for request in requests if request.operator != "sample")


def test_the_json_object_has_what_is_promised(found: nasgen.SearchResult) -> None:
    values = json.loads(json.dumps(found.to_json()))
    assert set(values) == {"run", "best", "evaluations", "trained", "failed", "seconds"}
    assert set(values["best"]) == {"genotype", "fitness", "test_accuracy", "parameters"}
    assert (values["run"], values["evaluations"]) == (str(found.path), ROWS)
    assert (values["trained"], values["failed"]) == (ROWS, 0)
    assert values["seconds"] > 0
    best = max(outcomes(found.path), key=lambda row: (row.fitness, -row.metrics["loss"][-1]))
    assert values["best"]["fitness"] == best.fitness
    assert values["best"]["parameters"] == best.metrics["parameters"]


def test_the_winner_is_trained_again_and_scored_on_test(found: nasgen.SearchResult) -> None:
    final = found.final
    assert final is not None
    assert found.best is not None
    assert (final.number, final.genotype, final.fitness) == (found.best.number, found.best.genotype, found.best.fitness)
    assert (final.epochs, final.after) == (EPOCHS, ROWS)
    assert 0.5 < final.test_accuracy <= 1
    assert final.seconds > 0
    assert found.to_json()["best"]["test_accuracy"] == final.test_accuracy


def test_status_says_where_it_stands(found: nasgen.SearchResult) -> None:
    text = "\n".join(status_lines(found.path))
    assert f"evaluations  {ROWS} of {ROWS} done, 0 pending, 0 failed" in text
    assert found.final is not None
    assert f"test accuracy {found.final.test_accuracy:.4f}, {found.final.parameters} parameters" in text


def test_tables_hold_every_row(found: nasgen.SearchResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pandas as pd

    rows = table_of(found.path)
    assert [row["number"] for row in rows] == [str(number) for number in range(ROWS)]
    assert all(row["origin"] == "trained" and float(row["fitness"]) >= 0 and not row["failure"] for row in rows)
    with open_store(found.path) as store:
        print_best(store)
        write_parquet(store, tmp_path / "rows.parquet")
    assert found.best is not None
    assert capsys.readouterr().out.splitlines()[1].split()[2] == f"{found.best.fitness:.4f}"
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    assert frame["accuracy"].map(list).tolist() == [row.metrics["accuracy"] for row in outcomes(found.path)]


def test_export_prints_the_genotype_the_code_and_the_path_of_the_weights(found: nasgen.SearchResult) -> None:
    assert found.final is not None
    run, best = str(found.path), found.path / "best"
    assert export_text(run, "genotype", 1) == found.final.genotype == (best / "genotype.json").read_text().strip()
    assert export_text(run, "weights", 1) == str(best / "weights.safetensors")
    assert export_text(run, "python", 1) == (best / "network.py").read_text().rstrip()


def test_export_writes_untrained_code_of_the_runner_up_but_no_weights(found: nasgen.SearchResult) -> None:
    run = str(found.path)
    with open_store(run) as store:
        second = store.best(k=2)[1]
    assert export_text(run, "genotype", 2) == second.genotype
    code, _ = SPACE.source(SPACE.decode(second.genotype), (1, 8, 8), 10)
    assert export_text(run, "python", 2) == code.rstrip()
    with pytest.raises(InputError, match=r"only the winner .* has weights: use --rank 1$"):
        export_text(run, "weights", 2)
    with pytest.raises(InputError, match=f"found {ROWS + 1}"):
        export_text(run, "genotype", ROWS + 1)


def test_the_winner_classifies_the_test_images_as_recorded_with_torch_alone(
    found: nasgen.SearchResult, arrays: Arrays, tmp_path: Path
) -> None:
    assert found.final is not None
    (tmp_path / "pixels").write_bytes(arrays[2].tobytes())
    (tmp_path / "labels").write_bytes(arrays[3].astype("uint8").tobytes())
    for name in ("network.py", "weights.safetensors"):
        (tmp_path / name).write_bytes((found.path / "best" / name).read_bytes())
    (tmp_path / "main.py").write_text(TORCH_ALONE)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.check_output([sys.executable, "main.py"], cwd=tmp_path, text=True, env=environment)
    accuracy, name, training = said.split()
    assert float(accuracy) == found.final.test_accuracy
    assert (name, training) == ("3", "False")


def test_rows_depend_neither_on_the_executor_nor_on_the_test_data(
    found: nasgen.SearchResult, blind: nasgen.SearchResult
) -> None:
    assert table_of(blind.path) == table_of(found.path)
    assert learned(blind.path) == learned(found.path)


def test_the_final_training_sees_no_test_data_and_the_test_accuracy_nothing_else(
    found: nasgen.SearchResult, blind: nasgen.SearchResult
) -> None:
    weights = [(run.path / "best" / "weights.safetensors").read_bytes() for run in (found, blind)]
    assert weights[0] == weights[1]
    assert found.final is not None
    assert blind.final is not None
    assert blind.final.number == found.final.number
    assert blind.final.test_accuracy < 0.25  # guessing one of ten classes
    assert found.final.test_accuracy > 2 * blind.final.test_accuracy


def test_another_run_cannot_take_the_place_of_a_finished_one(found: nasgen.SearchResult, arrays: Arrays) -> None:
    before = contents(found.path)
    with pytest.raises(InputError, match="go on with `nasgen resume"):
        search(found.path, arrays)
    assert contents(found.path) == before
    assert (found.path / "best" / "network.py").is_file()
