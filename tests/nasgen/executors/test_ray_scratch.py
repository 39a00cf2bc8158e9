"""A scratch folder leaves with its process, or with the next one where that was killed; nobody else can write to it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nasgen.executors.scratch import Scratch, private_folder

KILLED = """
import os
from nasgen.executors.scratch import Scratch

scratch = Scratch("nasgen-test")
(scratch.path / "weights").mkdir()
print(scratch.path, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_what_a_killed_process_left_is_removed_by_the_next_and_what_is_in_use_is_not() -> None:
    mine = Scratch("nasgen-test")
    found = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False)
    left = Path(found.stdout.strip())
    assert (left / "weights").is_dir()
    another = Scratch("nasgen-test")
    assert not left.exists()
    assert mine.path.is_dir()
    for scratch in (mine, another):
        scratch.remove()
    assert [path.name for path in mine.path.parent.iterdir()] == ["lock"]


def test_a_folder_that_others_can_write_to_is_refused() -> None:
    private_folder("nasgen-test").chmod(0o777)
    with pytest.raises(PermissionError, match="must belong to the user alone: remove it"):
        Scratch("nasgen-test")
