"""RunFolder: where a run lies on disk, and what stands there when.

run.json       the arguments at once; settings, identity and environment before the first ask
store.sqlite   the rows
data.npz       the data, where it came from arrays or from OpenML
inputs/        the files that the settings name, where the run came from a mirror
weights/       those of trained candidates, where others inherit them
best/          the winner: genotype.json, weights.safetensors, network.py
baseline/      the random search of equal trainings, a run of its own
log.txt        what the driver said and the workers printed
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from nasgen.errors import InputError
from nasgen.settings import Settings
from nasgen.storage.disks import check_local
from nasgen.storage.store import Store

FORMAT_VERSION = 1


class RunFolder:
    """The folder of one run; one process writes to it at a time."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = FileLock(self.path / ".lock")
        self._made: list[Path] = []

    @property
    def run_json(self) -> Path:
        """Settings, identity and environment."""
        return self.path / "run.json"

    @property
    def store_path(self) -> Path:
        """The SQLite file of the rows."""
        return self.path / "store.sqlite"

    @property
    def data(self) -> Path:
        """The data, where the run keeps a copy."""
        return self.path / "data.npz"

    @property
    def best(self) -> Path:
        """The winner."""
        return self.path / "best"

    @property
    def baseline(self) -> RunFolder:
        """The run of the baseline."""
        return RunFolder(self.path / "baseline")

    @property
    def weights(self) -> Path:
        """Where trained weights are kept for candidates that inherit them."""
        return self.path / "weights"

    @property
    def log(self) -> Path:
        """What the driver said and the workers printed."""
        return self.path / "log.txt"

    @classmethod
    def create(cls, path: str | Path, arguments: Mapping[str, Any]) -> RunFolder:
        """Make the folder with a provisional ``run.json`` and an empty store, and lock it.

        Raises
        ------
        InputError
            If the folder holds a run or a file of the name of one that a run writes, lies on a network file system, or
            cannot be made.
        """
        folder = cls(path)
        check_local(folder.path)
        if folder.run_json.exists():
            raise InputError(f"{path} holds a run: go on with `nasgen resume {path}`, or choose another --out")
        for taken in (folder.store_path, folder.data, folder.best, folder.baseline.path, folder.log):
            if taken.exists():  # a run that is discarded would take it along
                raise InputError(f"{path} holds no run, but {taken.name}, which a run writes: choose another --out")
        folder._made = [parent for parent in (folder.path, *folder.path.parents) if not parent.exists()]
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.lock()
            folder.write({"version": FORMAT_VERSION, "provisional": True, "arguments": dict(arguments)})
            Store(folder.store_path).close()
        except OSError as error:
            raise InputError(f"--out must be a folder that can be written to, found {path}: {error.strerror}") from None
        return folder

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """The folder of a run that was started before.

        Raises
        ------
        InputError
            If there is none.
        """
        folder = cls(path)
        if not folder.run_json.is_file():
            raise InputError(f"expected the folder of a run, found no run.json in {path}")
        return folder

    def lock(self) -> None:
        """Be the one process that writes, until :meth:`unlock` or the end of the process.

        Raises
        ------
        InputError
            If another process is, or the folder lies on a network file system.
        """
        check_local(self.path)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(f"{self.path} is being written to by another process: wait for its end") from None

    def unlock(self) -> None:
        """Let another process write."""
        self._lock.release()

    def read(self) -> dict[str, Any]:
        """What ``run.json`` says.

        Raises
        ------
        InputError
            If it is no JSON object.
        """
        try:
            values = json.loads(self.run_json.read_text())
        except ValueError as error:
            raise InputError(f"{self.run_json}: expected JSON as this tool writes it, found {error}") from None
        if not isinstance(values, dict) or not {"arguments", "provisional"} <= set(values):
            raise InputError(f"{self.run_json}: expected the settings of a run, found something else")
        return values

    def settings(self) -> Settings:
        """The settings of a run that has begun to ask.

        Raises
        ------
        InputError
            If they are not as this version writes them.
        """
        try:
            return Settings(**self.read()["settings"])
        except (KeyError, TypeError, ValidationError) as error:
            what = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("settings",), "msg": "missing"}
            raise InputError(
                f"{self.run_json}: expected the settings of a run as this version of nasgen writes them, found "
                f"{'.'.join(map(str, what['loc']))}: {what['msg']}"
            ) from error

    def write(self, values: Mapping[str, Any]) -> None:
        """Replace ``run.json`` in one step."""
        draft = self.run_json.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(values, indent=2) + "\n")
        draft.replace(self.run_json)

    def clear(self) -> None:
        """Remove what a run writes, but for the lock."""
        for path in self.path.glob("store.sqlite*"):
            path.unlink()
        for path in (self.run_json, self.data, self.log):
            path.unlink(missing_ok=True)
        for folder in (self.best, self.baseline.path, *self.path.glob(f".{self.best.name}-*")):
            shutil.rmtree(folder, ignore_errors=True)

    def discard(self) -> None:
        """Leave nothing of a run that never began: what was written, and the folders made for it."""
        self.clear()
        self.unlock()
        (self.path / ".lock").unlink(missing_ok=True)
        for folder in self._made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def say(self, line: str) -> None:
        """Append one line to the log, with the time."""
        with self.log.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
