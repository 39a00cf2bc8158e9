"""A run's copy at a URL: kept up while the search goes on, and enough to go on from on another machine."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import tiny_training
from fsspec.implementations.memory import MemoryFileSystem
from lookup_search import QUICK, ROWS, SLOW, Say, results_in, search, search_command, table_of

import nasgen
from nasgen.errors import InputError
from nasgen.storage import mirror
from nasgen.storage.folder import RunFolder
from nasgen.storage.mirror import Mirror
from nasgen.storage.store import Store
from nasgen.training.inheritance import WeightStore


@pytest.fixture
def url() -> Iterator[str]:
    """A store of objects without a disk, as s3:// is."""
    files = fsspec.filesystem("memory")
    yield "memory://bucket/run"
    if files.exists("/bucket"):
        files.rm("/bucket", recursive=True)


def rows_at(url: str, scratch: Path) -> list[dict[str, str]]:
    """The table of the run that a mirror holds."""
    shutil.rmtree(scratch, ignore_errors=True)
    mirror.fetch(url, scratch)
    return table_of(scratch)


def test_a_finished_run_is_all_there(cell_table: Path, tmp_path: Path, url: str) -> None:
    search(tmp_path / "run", cell_table, mirror=url, **QUICK)
    assert rows_at(url, tmp_path / "copy") == table_of(tmp_path / "run")
    names = {path.removeprefix("/bucket/run/") for path in fsspec.filesystem("memory").find("/bucket/run")}
    assert names == {"run.json", "store.sqlite", "log.txt", "owner", "inputs/table/cells.csv"}


def test_a_search_that_lost_its_machine_goes_on_from_its_mirror(cell_table: Path, tmp_path: Path) -> None:
    home, copy, there = tmp_path / "home", tmp_path / "mirror", tmp_path / "there"
    home.mkdir()
    shutil.copy(cell_table, home / "cells.csv")
    (home / "slow.py").write_text(SLOW.replace("0.02", "0.1"))  # time for the mirror to follow
    options = ("--strategy", f"{home}/slow.py:Slow", "--window", 4, "--mirror", copy.as_uri())
    driver = subprocess.Popen(search_command(home / "run", home / "cells.csv", *options), stderr=subprocess.DEVNULL)
    wait_for(lambda: results_in(copy) >= 5, seconds=60)
    driver.kill()
    driver.wait()
    shutil.rmtree(home)
    assert 5 <= results_in(copy) < ROWS
    result = nasgen.resume(copy.as_uri(), out=there)
    assert result.evaluations == ROWS
    (tmp_path / "slow.py").write_text(SLOW)
    search(tmp_path / "whole", cell_table, strategy=f"{tmp_path}/slow.py:Slow", window=4)
    assert table_of(there) == table_of(tmp_path / "whole")
    assert rows_at(copy.as_uri(), tmp_path / "again") == table_of(tmp_path / "whole")


def test_a_run_from_a_mirror_may_grow_and_keeps_its_mirror(cell_table: Path, tmp_path: Path, url: str) -> None:
    search(tmp_path / "run", cell_table, mirror=url, evaluations=30, **QUICK)
    nasgen.resume(url, out=tmp_path / "there")
    nasgen.resume(tmp_path / "there", evaluations=ROWS)
    search(tmp_path / "whole", cell_table, **QUICK)
    assert rows_at(url, tmp_path / "copy") == table_of(tmp_path / "whole")


def test_arrays_travel_with_the_run(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        tiny_training.shorten(patch)
        run = tiny_training.search(tmp_path / "run", tiny_training.digits(), mirror=url)
    shutil.rmtree(tmp_path / "run")
    there = nasgen.resume(url, out=tmp_path / "there")
    assert there.final is not None
    assert run.final is not None
    assert there.final.test_accuracy == run.final.test_accuracy
    assert (tmp_path / "there" / "best" / "weights.safetensors").is_file()


# What is refused at the door.


def test_a_mirror_that_holds_a_run_is_not_overwritten(cell_table: Path, tmp_path: Path, url: str, say: Say) -> None:
    search(tmp_path / "run", cell_table, mirror=url, evaluations=5, **QUICK)
    with pytest.raises(InputError, match=f"holds a run: go on with `nasgen resume {url}`"):
        search(tmp_path / "other", cell_table, mirror=url, evaluations=5, **QUICK)
    assert not (tmp_path / "other").exists()
    with pytest.raises(InputError, match="holds a run: go on with `nasgen resume"):
        nasgen.resume(url, out=tmp_path / "run")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("runs/copy", "must be a URL"),
        ("nowhere://bucket/run", "Protocol not known"),
        ("file:///proc/1/run", "cannot be used"),
    ],
)
def test_a_mirror_that_cannot_be_is_named_before_anything_is_written(
    cell_table: Path, tmp_path: Path, url: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        search(tmp_path / "run", cell_table, mirror=url, evaluations=5, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_without_a_run_is_named(tmp_path: Path, url: str, say: Say) -> None:
    said = say("resume", url, "--out", tmp_path / "run")
    assert said.code == 2
    assert f"found no run.json in {url}" in said.err
    assert not (tmp_path / "run").exists()
    said = say("resume", tmp_path, "--out", tmp_path / "run")
    assert said.code == 2
    assert "--out goes with the URL of a mirror" in said.err


# While the search goes on.


@pytest.fixture
def settled(cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run with twenty rows, and a mirror that copies as fast as it can."""
    monkeypatch.setattr(mirror, "LEAST_SECONDS", 0.02)
    search(tmp_path / "run", cell_table, evaluations=20, **QUICK)
    return RunFolder.open(tmp_path / "run")


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_commits_are_copied_while_the_search_goes_on(settled: RunFolder, tmp_path: Path, url: str) -> None:
    files = fsspec.filesystem("memory")

    def copied() -> Any:
        (tmp_path / "snapshot").write_bytes(files.cat_file("/bucket/run/store.sqlite"))
        with Store(tmp_path / "snapshot", read_only=True) as store:
            return store.meta("mark")

    with Store(settled.store_path) as store, Mirror(url, settled, print):
        for mark in range(3):
            store.set_meta("mark", mark)
            wait_for(lambda mark=mark: copied() == mark)


def test_one_who_is_taken_over_stops(settled: RunFolder, tmp_path: Path, url: str) -> None:
    with Mirror(url, settled, print) as first:
        first.check()
        mirror.fetch(url, tmp_path / "there")
        with Mirror(url, RunFolder.open(tmp_path / "there"), print) as second:
            wait_for(lambda: first._taken_over)
            with pytest.raises(InputError, match="another search writes to"):
                first.check()
            second.check()


def test_a_network_that_fails_costs_nothing_but_time(
    settled: RunFolder, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with Store(settled.store_path) as store, Mirror(url, settled, said.append) as running:
        with monkeypatch.context() as patch:
            patch.setattr(MemoryFileSystem, "put_file", _refuse)
            store.set_meta("mark", 1)
            wait_for(lambda: said)
        wait_for(lambda: len(said) == 2)
        running.check()
    assert "cannot be written to, and is tried again: OSError: no route" in said[0]
    assert "has caught up" in said[1]


def test_what_is_missing_at_the_end_is_said(settled: RunFolder, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with Store(settled.store_path) as store, Mirror(url, settled, said.append):
        monkeypatch.setattr(MemoryFileSystem, "put_file", _refuse)
        store.set_meta("mark", 1)
    assert "lacks what came last: OSError: no route" in said[-1]


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError("no route")


def test_a_snapshot_waits_for_the_weights_it_needs(settled: RunFolder, url: str) -> None:
    weights = WeightStore(settled.weights)
    files = fsspec.filesystem("memory")
    with Mirror(url, settled, print) as running:
        weights.keep("a" * 64, b"parent")
        running._copy_all()
        assert files.cat_file(f"/bucket/run/weights/{'a' * 64}.safetensors") == b"parent"
        before = files.cat_file("/bucket/run/store.sqlite")
        with sqlite3.connect(settled.store_path) as store:  # an ask that starts from weights which nobody has
            store.execute("DELETE FROM results WHERE number = 3")
            store.execute("UPDATE asks SET inherits = ? WHERE number = 3", ("b" * 64,))
        running._copy_all()
        assert files.cat_file("/bucket/run/store.sqlite") == before
        weights.keep("b" * 64, b"another parent")
        weights.discard("a" * 64)
        running._copy_all()
        assert files.cat_file("/bucket/run/store.sqlite") != before
        assert [Path(path).stem for path in files.find("/bucket/run/weights")] == ["b" * 64]


def test_what_a_mirror_names_outside_of_itself_is_left_there(settled: RunFolder, tmp_path: Path) -> None:
    with Mirror((tmp_path / "mirror").as_uri(), settled, print):
        pass
    (tmp_path / "mirror" / "store.sqlite.part").write_bytes(b"half")
    mirror.fetch((tmp_path / "mirror").as_uri(), tmp_path / "there")
    values = json.loads((tmp_path / "there" / "run.json").read_text())
    assert values["settings"]["table"] == str(tmp_path / "there" / "inputs" / "table" / "cells.csv")
    assert not list((tmp_path / "there").rglob("*.part"))
