"""Whole searches over a table: the same rows whatever runs them, and nothing left of bad input."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from lookup_search import QUICK, ROWS, search, search_command, table_of

import nasgen
from nasgen.errors import InputError
from nasgen.storage.folder import RunFolder


@pytest.fixture(scope="module")
def whole(cell_table: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The rows of an uninterrupted search in this process."""
    run = tmp_path_factory.mktemp("whole") / "run"
    search(run, cell_table, **QUICK)
    return table_of(run)


def test_mutation_crossover_surrogate_and_failures_take_part(whole: list[dict[str, str]]) -> None:
    """What the comparisons below compare is no random search."""
    assert len(whole) == ROWS
    operators = {row["operator"] for row in whole}
    assert {"sample", "edge-op"} < operators
    assert any("uniform" in operator for operator in operators)
    assert sum(bool(row["predicted"]) for row in whole) > 20
    assert 0 < sum(bool(row["failure"]) for row in whole) < 15


def test_processes_give_the_same_table(cell_table: Path, tmp_path: Path, whole: list[dict[str, str]]) -> None:
    """One worker under another hash seed, and three under ours."""
    words = ("--window", 4, "--surrogate", "bayesian-ridge", "--executor", "processes")
    under_hash_seed("1", search_command(tmp_path / "one", cell_table, *words))
    search(tmp_path / "three", cell_table, **QUICK, executor="processes", workers=3)
    assert table_of(tmp_path / "one") == whole
    assert table_of(tmp_path / "three") == whole


def test_the_hash_seed_does_not_matter(cell_table: Path, tmp_path: Path) -> None:
    """With the default surrogate."""
    under_hash_seed("2", search_command(tmp_path / "one", cell_table))
    search(tmp_path / "other", cell_table)
    assert len(table_of(tmp_path / "one")) == ROWS
    assert table_of(tmp_path / "one") == table_of(tmp_path / "other")


def under_hash_seed(hash_seed: str, words: list[str]) -> None:
    subprocess.run(words, env={**os.environ, "PYTHONHASHSEED": hash_seed}, check=True, capture_output=True)


def test_another_seed_or_window_is_another_table(cell_table: Path, tmp_path: Path) -> None:
    tables = []
    for name, options in (("one", {}), ("seed", {"seed": 1}), ("window", {"window": 3})):
        search(tmp_path / name, cell_table, strategy="local-search", **options)
        tables.append(table_of(tmp_path / name))
    assert tables[0] != tables[1]
    assert tables[0] != tables[2]


def test_bad_input_leaves_nothing(cell_table: Path, tmp_path: Path) -> None:
    for options in ({"fitness": "speed"}, {"surrogate": "magic"}, {"strategy": f"{tmp_path}/gone.py:Mine"}):
        with pytest.raises(InputError):
            search(tmp_path / "deep" / "run", cell_table, **options)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_maximised_column_is_an_objective(cell_table: Path, tmp_path: Path, executor: str) -> None:
    """Two directions of one column: the fronts differ, and each is what the rows say."""
    fronts = {}
    for name in ("parameters", "+parameters"):
        result = search(
            tmp_path / name,
            cell_table,
            strategy="nsga2",
            objectives=("fitness", name),
            evaluations=40,
            executor=executor,
            surrogate="off",
        )
        fronts[name] = [(row.fitness, row.outcome.metrics["parameters"]) for row in result.front]
        assert fronts[name] == sorted(fronts[name], key=lambda pair: -pair[0])
        costs = [cost if name == "parameters" else -cost for _, cost in fronts[name]]
        assert costs == sorted(costs, reverse=True)
    assert fronts["parameters"] != fronts["+parameters"]


def test_the_baseline_runs_beside(cell_table: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, baseline="random", surrogate="off", evaluations=30)
    search(tmp_path / "random", cell_table, strategy="random", evaluations=30)
    assert result.baseline is not None
    assert result.baseline.evaluations == 30
    assert table_of(tmp_path / "run" / "baseline") == table_of(tmp_path / "random")


def test_a_baseline_killed_before_its_settings_stood_is_taken_up(cell_table: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    search(run, cell_table, baseline="random", surrogate="off", evaluations=20)
    shutil.rmtree(run / "baseline")
    RunFolder.create(run / "baseline", RunFolder(run).read()["arguments"]).unlock()
    result = nasgen.resume(run, evaluations=30)
    search(other, cell_table, strategy="random", evaluations=30)
    assert result.baseline is not None
    assert result.baseline.evaluations == 30
    assert table_of(run / "baseline") == table_of(other)
    assert not RunFolder(run / "baseline").read()["provisional"]


def test_a_time_budget_ends_a_search(cell_table: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, evaluations=None, minutes=0.02, strategy="random")
    assert result.evaluations > 0
    assert result.seconds >= 1.2
    with pytest.raises(InputError, match="--minutes may grow"):
        nasgen.resume(tmp_path / "run", minutes=0.01)
