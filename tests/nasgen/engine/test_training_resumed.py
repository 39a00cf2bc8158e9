"""Searches that train, interrupted at every stage, moved and grown: nothing finished is done again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from test_searching import table_of
from tiny_training import (
    EPOCHS,
    Arrays,
    contents,
    digits,
    interrupt_search,
    learned,
    search,
    shorten,
    spy_on_trainings,
    stop_final_trainings,
)

import nasgen
from nasgen.errors import InputError
from nasgen.results.summary import status_lines
from nasgen.storage.folder import RunFolder
from nasgen.winner.export import export_text


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return digits()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)


@pytest.fixture(scope="module")
def whole(arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> nasgen.SearchResult:
    """An uninterrupted search."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return search(tmp_path_factory.mktemp("whole") / "run", arrays)


def weights(run: Path) -> bytes:
    return (run / "best" / "weights.safetensors").read_bytes()


def assert_equal(one: nasgen.SearchResult, other: nasgen.SearchResult) -> None:
    """Both found the same, down to the weights of the winner."""
    assert learned(one.path) == learned(other.path)
    assert one.final is not None
    assert other.final is not None
    assert (one.final.number, one.final.test_accuracy) == (other.final.number, other.final.test_accuracy)
    assert weights(one.path) == weights(other.path)


def test_a_search_interrupted_in_its_final_training_repeats_that_alone(
    arrays: Arrays, whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_final_trainings(patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            search(run, arrays)
    before = contents(run)
    assert learned(run) == learned(whole.path)
    assert not (run / "best").exists()
    assert not any(line.startswith("final") for line in status_lines(run))
    with pytest.raises(InputError, match="nasgen resume"):
        export_text(str(run), "weights", 1)
    trained = spy_on_trainings(monkeypatch)
    result = nasgen.resume(run)
    assert contents(run) == before
    assert result.best is not None
    assert trained == [result.best.request.seed]
    assert_equal(result, whole)


def test_a_finished_search_trains_nothing_when_it_is_resumed(
    whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(whole.path, tmp_path / "run")
    trained = spy_on_trainings(monkeypatch)
    result = nasgen.resume(run)
    assert trained == []
    assert contents(run) == contents(whole.path)
    assert result.final == whole.final


def test_a_grown_search_trains_its_new_rows_and_a_new_winner_alone(
    whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(whole.path, tmp_path / "run")
    trained = spy_on_trainings(monkeypatch)
    result = nasgen.resume(run, evaluations=8)
    rows = contents(run)
    assert len(rows) == result.evaluations == 8
    assert rows[:6] == contents(whole.path)
    assert result.best is not None
    assert trained == [*(request.seed for request, _ in rows[6:]), result.best.request.seed]
    assert result.final is not None
    assert (result.final.number, result.final.after) == (result.best.number, 8)
    again = nasgen.resume(run, evaluations=8)
    assert len(trained) == 3
    assert again.final == result.final


def test_a_search_interrupted_between_two_trainings_goes_on(
    arrays: Arrays, whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        interrupt_search(patch, after=3)
        with pytest.raises(KeyboardInterrupt):
            search(run, arrays)
    trained = spy_on_trainings(monkeypatch)
    result = nasgen.resume(run)
    seeds = [request.seed for request, _ in contents(whole.path)]
    assert trained[:-1] == seeds[3:]
    assert_equal(result, whole)


@pytest.mark.parametrize("after", [0, 2])
def test_a_moved_folder_goes_on_where_it_lies(
    arrays: Arrays, whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with monkeypatch.context() as patch:
        interrupt_search(patch, after)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "here", arrays)
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "there"
    shutil.move(tmp_path / "here", moved)
    result = nasgen.resume(moved)
    assert result.path == moved
    assert_equal(result, whole)
    assert RunFolder(moved).settings().task == str(moved / "data.npz")
    assert not (tmp_path / "here").exists()


def test_a_moved_folder_goes_on_although_nothing_was_settled(
    arrays: Arrays, whole: nasgen.SearchResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nasgen.engine.searching._settle", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "here", arrays)
    assert RunFolder(tmp_path / "here").read()["provisional"]
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert_equal(nasgen.resume(tmp_path / "there"), whole)


def test_changed_data_are_refused(whole: nasgen.SearchResult, tmp_path: Path) -> None:
    from nasgen.tasks import get_task, save_task

    run = shutil.copytree(whole.path, tmp_path / "run")
    x, y, x_test, y_test = digits()
    save_task(get_task((16 - x, y, x_test, y_test)), run / "data.npz")
    with pytest.raises(InputError, match="data_hash was"):
        nasgen.resume(run, evaluations=8)
    assert contents(run) == contents(whole.path)


def test_data_that_are_gone_are_asked_for(whole: nasgen.SearchResult, tmp_path: Path) -> None:
    copy = shutil.copytree(whole.path, tmp_path / "copy")
    (copy / "data.npz").write_bytes(b"rubbish")
    with pytest.raises(InputError, match=r"the run cannot read its data again, put it back as it was: .*data\.npz: "):
        nasgen.resume(copy, evaluations=9)


def test_a_random_baseline_trains_as_often_as_the_search(arrays: Arrays, tmp_path: Path) -> None:
    """Its rows are those of a random search of that many evaluations."""
    result = search(tmp_path / "run", arrays, baseline="random")
    search(tmp_path / "random", arrays, strategy="random", surrogate="off")
    assert result.baseline is not None
    assert result.baseline.final is not None
    assert (result.baseline.trained, result.baseline.final.epochs) == (6, EPOCHS)
    assert table_of(tmp_path / "run" / "baseline") == table_of(tmp_path / "random")
    assert set(result.to_json()["baseline"]) == {"run", "best", "evaluations", "trained", "failed", "seconds"}
    assert weights(result.baseline.path) == weights(tmp_path / "random")
