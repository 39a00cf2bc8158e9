"""Bad input: exit code 2, one line that says what is wrong, and nothing left on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lookup_search import Say, words_of


@pytest.mark.parametrize(
    "words",
    [
        ("--colour", "red"),
        ("--evaluations", "many"),
        ("--evaluations", 0),
        ("--seed", -1),
        ("--fitness", "speed"),
        ("--table", "nowhere.csv"),
        ("--task", "digits"),
        ("--space", "resnet"),
        ("--space", "gone.py:Space"),
        ("--strategy", "gone.py:Mine"),
        ("--strategy", "nsga2"),
        ("--objectives", "fitness,latency", "--strategy", "nsga2"),
        ("--surrogate", "magic"),
        ("--executor", "threads"),
        ("--workers", "2", "--executor", "inline"),
        ("surplus",),
    ],
    ids=lambda words: " ".join(map(str, words)),
)
def test_bad_input_exits_2_with_one_line_and_leaves_nothing(
    say: Say, cell_table: Path, tmp_path: Path, words: tuple[object, ...]
) -> None:
    said = say(*words_of(tmp_path / "runs" / "run", cell_table, *words))
    assert said.code == 2
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith("nasgen: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("search",),
        ("search", "--out"),
        ("unheard-of",),
        ("status",),
        ("status", "nowhere"),
        ("table", "nowhere", "--csv"),
        ("resume", "nowhere"),
        ("predict", "nowhere", "-"),
        ("export", "nowhere"),
    ],
    ids=" ".join,
)
def test_bad_commands_exit_2_with_one_line(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = say(*words)
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


IMAGES = np.zeros((20, 8, 8), np.uint8)
LABELS = np.arange(20) % 2
GOOD = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS}


@pytest.mark.parametrize(
    "change",
    [
        {"x_train": np.full((20, 8, 8), np.nan)},
        {"x_train": IMAGES[0]},
        {"y_train": LABELS - 1},
        {"y_train": LABELS[:9]},
        {"y_train": LABELS * 0, "y_test": LABELS * 0},
        {"x_test": IMAGES[:0], "y_test": LABELS[:0]},
        {"x_train": np.array([{"a": 1}], dtype=object)},
        None,
    ],
    ids=["nan", "rank", "range", "lengths", "one class", "empty", "pickle", "no npz"],
)
def test_bad_data_gets_one_line_and_leaves_nothing(say: Say, tmp_path: Path, change: dict[str, Any] | None) -> None:
    data = tmp_path / "data.npz"
    np.savez(data, **{**GOOD, **change}) if change else data.write_text("rubbish")
    for command_name in ("search", "plan"):
        said = say(command_name, "--task", data, "--evaluations", 2, "--out", tmp_path / "run")
        assert said.code == 2
        assert len(said.err.splitlines()) == 1, said.err
        assert str(data) in said.err or "data" in said.err
        assert list(tmp_path.iterdir()) == [data]


@pytest.mark.parametrize("source", ["raise ValueError('no')", "self.ask = None"])
def test_a_strategy_that_cannot_be_made_leaves_nothing(say: Say, cell_table: Path, tmp_path: Path, source: str) -> None:
    own = tmp_path / "own.py"
    own.write_text(f"class Own:\n    def __init__(self, space, asked):\n        {source}\n")
    said = say(*words_of(tmp_path / "run", cell_table, "--strategy", f"{own}:Own"))
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_parquet_needs_a_folder(say: Say, run: Path, tmp_path: Path) -> None:
    said = say("table", run, "--parquet", tmp_path / "nowhere" / "rows.parquet")
    assert said.code == 2
    assert "found no folder" in said.err
