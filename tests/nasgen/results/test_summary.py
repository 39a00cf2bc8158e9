"""What a person reads of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasgen.evaluation import Outcome, Request
from nasgen.results.summary import print_best
from nasgen.storage.store import Store


def stored(tmp_path: Path, *outcomes: Outcome) -> Store:
    """The store of a run with these rows."""
    store = Store(tmp_path / "store.sqlite")
    requests = [Request(number, "g", f"key {number}", 1) for number in range(len(outcomes))]
    store.commit_round(requests, {"round": 1, "told": 0, "state": None})
    for number, outcome in enumerate(outcomes):
        store.record(number, outcome)
    return store


def test_long_genotypes_leave_the_rest_of_the_line_in_sight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.commit_round([Request(0, "[" + "0," * 5000, "key", 1)], {"round": 1, "told": 0, "state": None})
        store.record(0, Outcome(0.5))
        print_best(store)
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("     0  search      0.5000")
    assert line.endswith("  [" + "0," * 49 + "0...")


def test_the_accuracy_stands_beside_a_fitness_that_is_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sparse = Outcome(2.55, metrics={"accuracy": [0.5, 0.95]})
    dense = Outcome(1.98, metrics={"accuracy": [0.6, 0.98]})
    with stored(tmp_path, dense, sparse) as store:
        print_best(store)
    columns, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert columns[:4] == ["number", "fidelity", "fitness", "accuracy"]
    assert [row[:4] for row in rows] == [["1", "search", "2.5500", "0.9500"], ["0", "search", "1.9800", "0.9800"]]


@pytest.mark.parametrize("accuracy", [[0.5, 0.95], 0.4, None])  # of a training, a column of a table, or nowhere
def test_a_fitness_that_is_the_accuracy_is_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accuracy: object
) -> None:
    with stored(tmp_path, Outcome(0.95, metrics={"accuracy": accuracy})) as store:
        print_best(store)
    columns, _ = capsys.readouterr().out.splitlines()
    assert "accuracy" not in columns
