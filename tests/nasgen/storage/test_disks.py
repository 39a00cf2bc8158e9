"""Runs are refused on file systems that several machines share, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasgen.errors import InputError
from nasgen.storage import disks
from nasgen.storage.disks import file_system
from nasgen.storage.folder import RunFolder


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the system says is mounted: a share, a disk below it, and one share whose name has a space and an umlaut."""
    path = tmp_path / "mounts"
    path.write_text(
        "/dev/vda / ext4 rw 0 0\n"
        f"server:/home {tmp_path}/share nfs4 rw,vers=4.2 0 0\n"
        f"/dev/vdb {tmp_path}/share/scratch xfs rw 0 0\n"
        f"//server/x {tmp_path}/two\\040wörter cifs rw 0 0\n"
        f"first {tmp_path}/twice nfs rw 0 0\n"
        f"second {tmp_path}/twice tmpfs rw 0 0\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(disks, "MOUNTS", path)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("run", "ext4"),
        ("share", "nfs4"),
        ("share/runs/run", "nfs4"),
        ("shared", "ext4"),
        ("share/scratch/run", "xfs"),
        ("two wörter/run", "cifs"),
        ("twice", "tmpfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(mounts: Path, tmp_path: Path, path: str, kind: str) -> None:
    assert file_system(tmp_path / path) == kind


def test_a_run_on_a_share_is_refused_with_what_to_do(mounts: Path, tmp_path: Path) -> None:
    run = tmp_path / "share" / "run"
    with pytest.raises(
        InputError, match=f"needs a local disk, found {run} on nfs4: .*--mirror file://{run} for a copy"
    ):
        RunFolder.create(run, {})
    assert not run.exists()
    RunFolder.create(tmp_path / "share" / "scratch" / "run", {})


def test_a_run_that_was_moved_to_a_share_does_not_go_on(mounts: Path, tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "run", {}).unlock()
    mounts.write_text(f"server:/ {tmp_path} nfs rw 0 0\n")
    with pytest.raises(InputError, match="needs a local disk"):
        RunFolder.open(tmp_path / "run").lock()


def test_where_the_system_does_not_tell_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "MOUNTS", tmp_path / "none")
    RunFolder.create(tmp_path / "run", {})
