"""A run's folder: what stands there when, who may write, and that nothing foreign is ever removed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nasgen.errors import InputError
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store

HOLDER = """
import sys
from nasgen.storage.folder import RunFolder

folder = RunFolder(sys.argv[1])
folder.lock()
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_new_run_is_provisional_and_empty(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs" / "first", {"seed": 1})
    assert folder.read() == {"version": 1, "provisional": True, "arguments": {"seed": 1}}
    with Store(folder.store_path, read_only=True) as store:
        assert store.n_asked == 0


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, {"seed": 1}).unlock()
    with pytest.raises(InputError, match=f"holds a run: go on with `nasgen resume {tmp_path}`"):
        RunFolder.create(tmp_path, {"seed": 2})
    assert RunFolder.open(tmp_path).read()["arguments"] == {"seed": 1}


@pytest.mark.parametrize("name", ["store.sqlite", "data.npz", "best", "baseline", "log.txt"])
def test_files_that_a_run_would_take_for_its_own_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "precious").write_text("mine")
    with pytest.raises(InputError, match=f"holds no run, but {name}"):
        RunFolder.create(tmp_path, {})
    assert [path.name for path in tmp_path.rglob("*")] == [name, "precious"]


def test_discarding_leaves_what_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path / "new" / "run", tmp_path):
        folder = RunFolder.create(path, {})
        folder.say("a line")
        folder.data.write_bytes(b"arrays")
        folder.discard()
        assert [path.name for path in tmp_path.rglob("*")] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match="--out must be a folder that can be written to"):
            RunFolder.create(path, {})


def test_opening_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found no run\.json"):
        RunFolder.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"arguments"', "\x00"])
def test_a_broken_run_json_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: expected"):
        RunFolder.open(tmp_path).read()


def test_run_json_is_replaced_in_one_step(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    with pytest.raises(TypeError):
        folder.write({"settings": object()})
    assert folder.read()["provisional"] is True
    folder.write({"arguments": {}, "provisional": False})
    assert json.loads(folder.run_json.read_text()) == {"arguments": {}, "provisional": False}
    assert not list(folder.path.glob("*.tmp"))


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    """The lock is gone with the process that held it, however that ended."""
    RunFolder.create(tmp_path, {}).unlock()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    with pytest.raises(InputError, match="is being written to by another process"):
        RunFolder.open(tmp_path).lock()
    holder.kill()
    holder.communicate()
    folder = RunFolder.open(tmp_path)
    folder.lock()
    folder.unlock()


def test_clearing_keeps_what_is_not_the_runs(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    folder.best.mkdir()
    (folder.best / "genotype.json").write_text("{}")
    (folder.path / "notes.txt").write_text("mine")
    folder.clear()
    assert sorted(path.name for path in folder.path.rglob("*")) == [".lock", "notes.txt"]
