"""Folders of this user alone in the machine's folder for temporary files, and scratch folders that leave with us."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout


def private_folder(name: str) -> Path:
    """A folder of this user alone: what lies in it is run.

    Raises
    ------
    PermissionError
        If somebody else has made it, or may read it.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} must belong to the user alone: remove it")
    return folder


class Scratch:
    """A folder of this process.

    One that was killed leaves its folder behind: the next that makes one removes it.

    Attributes
    ----------
    path
        Of the folder.
    """

    def __init__(self, name: str) -> None:
        home = private_folder(name)
        with FileLock(home / "lock"):  # between a folder and its lock nobody else may look
            for lock in home.glob("*.lock"):
                _remove_left(lock)
            self.path = Path(tempfile.mkdtemp(dir=home))
            self._lock = FileLock(self.path.with_suffix(".lock"), thread_local=False)
            self._lock.acquire()

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.release()


def _remove_left(lock: Path) -> None:
    """Remove a folder whose process has ended, and its lock with it."""
    try:
        with FileLock(lock, timeout=0):
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
    except Timeout:
        return
