"""Mirror: a copy of a run at any URL that fsspec knows, from which another machine can go on.

The store stays on a local disk, where SQLite is safe; a thread copies snapshots of it after commits. What the mirror
holds at any moment is a run as it stood at some moment: what the last snapshot lacks is done again.

run.json, log.txt, best/, data.npz   as in the run's folder
store.sqlite                         a snapshot
weights/                             those that the snapshot needs, where candidates inherit them
inputs/FIELD/                        files and folders that the settings name: data, table, space, strategy, ...
baseline/                            the run of the baseline
owner                                who writes; one who finds another name there stops
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from nasgen.errors import InputError
from nasgen.storage.folder import RunFolder
from nasgen.storage.inputs import inputs_of, with_copies
from nasgen.storage.store import Store

LEAST_SECONDS = 2.0
"""Between two copies."""

SHARE = 0.1
"""Of the time, at most, that copies of a large store may take."""

OWNER = "owner"


class Mirror:
    """The copy of one run, kept up by a thread while the context lasts.

    Parameters
    ----------
    url
        Where: ``s3://bucket/prefix``, ``file:///mnt/nfs/run``, ...
    folder
        Of the run, settled.
    say
        Told, in one line, when the copy fails and when it has caught up.

    Raises
    ------
    InputError
        If the URL cannot be written to.
    """

    def __init__(self, url: str, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._url, self._folder, self._say = url, folder, say
        self._files, self._root = _file_system(url)
        self._owner = uuid.uuid4().hex
        self._sent: dict[str, tuple[int, ...]] = {}  # by path: what the file was like when it was copied
        self._taken_over = False
        self._behind = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_up, name="mirror", daemon=True)

    def __enter__(self) -> Mirror:
        with _blamed(self._url):
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(self._at(OWNER), self._owner.encode())
            for name, path in inputs_of(self._folder.settings()).items():
                if path.resolve() == self._folder.data.resolve():
                    continue
                for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                    if file.is_file():
                        self._put(file, f"inputs/{name}/{file.relative_to(path.parent).as_posix()}")
            self._copy_all()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._try_to_copy()
        if self._behind and not self._taken_over:
            self._say(f"the mirror {self._url} lacks what came last: {self._behind}")

    def check(self) -> None:
        """Stop a run that goes on elsewhere.

        Raises
        ------
        InputError
            If another process has taken the mirror over.
        """
        if self._taken_over:
            raise InputError(f"another search writes to {self._url} since: this one stops, and the other goes on")

    def _keep_up(self) -> None:
        pause = LEAST_SECONDS
        while not self._ended.wait(pause):
            started = time.monotonic()
            self._try_to_copy()
            if self._taken_over:
                return
            pause = max(LEAST_SECONDS, (time.monotonic() - started) / SHARE)

    def _try_to_copy(self) -> None:
        try:
            self._copy_all()
        except Exception as error:  # whatever a network may raise: the run matters more, and is tried again
            if not self._behind:
                self._say(f"the mirror {self._url} cannot be written to, and is tried again: {_line(error)}")
            self._behind = _line(error)
            return
        if self._behind:
            self._behind = ""
            self._say(f"the mirror {self._url} has caught up")

    def _copy_all(self) -> None:
        if self._taken_over or self._files.cat_file(self._at(OWNER)) != self._owner.encode():
            self._taken_over = True
            return
        self._copy(self._folder, "")
        if self._folder.baseline.run_json.is_file():
            self._copy(self._folder.baseline, "baseline/")

    def _copy(self, folder: RunFolder, under: str) -> None:
        """Copy what has changed: what a snapshot of the store needs before it, and what follows from it afterwards."""
        weights = {path.name: path for path in folder.weights.glob("*.safetensors")}
        for name, path in weights.items():
            self._put(path, f"{under}weights/{name}", missing_ok=True)
        if self._changed(folder.store_path, f"{under}store.sqlite"):
            self._put_store(folder, under)
        for path in (folder.run_json, folder.data, folder.log, *sorted(folder.best.glob("*"))):
            if path.is_file():
                self._put(path, under + path.relative_to(folder.path).as_posix(), missing_ok=True)

    def _put_store(self, folder: RunFolder, under: str) -> None:
        seen = _look(folder.store_path)
        with tempfile.TemporaryDirectory() as scratch:
            snapshot = Path(scratch) / "store.sqlite"
            _snapshot(folder.store_path, snapshot)
            needed = {f"{under}weights/{name}.safetensors" for name in _inherited(snapshot)}
            if any(name not in self._sent for name in needed):
                return  # it came and went since: the next snapshot needs it no more
            self._put(snapshot, f"{under}store.sqlite")
        self._sent[f"{under}store.sqlite"] = seen
        kept = needed | {f"{under}weights/{path.name}" for path in folder.weights.glob("*.safetensors")}
        for name in [name for name in self._sent if name.startswith(f"{under}weights/") and name not in kept]:
            self._files.rm_file(self._at(name))
            del self._sent[name]

    def _changed(self, path: Path, name: str) -> bool:
        return self._sent.get(name) != _look(path)

    def _put(self, path: Path, name: str, *, missing_ok: bool = False) -> None:
        """Copy one file, which appears whole or not at all."""
        try:
            look = _look(path)
            if self._sent.get(name) == look:
                return
            target = self._at(name)
            self._files.makedirs(str(PurePosixPath(target).parent), exist_ok=True)
            self._files.put_file(str(path), f"{target}.part")
        except FileNotFoundError:
            if missing_ok:
                return
            raise
        self._files.mv(f"{target}.part", target)
        self._sent[name] = look

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"


def is_url(run: str) -> bool:
    """Whether a run is named by the URL of its mirror rather than by a folder."""
    return "://" in run


def check_vacant(url: str) -> None:
    """Refuse a mirror that holds a run.

    Raises
    ------
    InputError
        If it does, or cannot be written to.
    """
    files, root = _file_system(url)
    with _blamed(url):
        taken = files.exists(f"{root}/run.json")
        if not taken:
            files.makedirs(root, exist_ok=True)
            files.pipe_file(f"{root}/{OWNER}", b"")
            files.rm_file(f"{root}/{OWNER}")
    if taken:
        raise InputError(f"--mirror {url} holds a run: go on with `nasgen resume {url}`, or choose another")


def fetch(url: str, out: Path) -> None:
    """Make the folder of a run from its mirror.

    Raises
    ------
    InputError
        If the mirror holds no run, or the folder does.
    """
    files, root = _file_system(url)
    with _blamed(url):
        if not files.exists(f"{root}/run.json"):
            raise InputError(f"expected the mirror of a run, found no run.json in {url}")
    if (out / "run.json").exists():
        raise InputError(f"{out} holds a run: go on with `nasgen resume {out}`, or choose another --out")
    with _blamed(url):
        names = [path.removeprefix(f"{root}/") for path in files.find(root)]
        for name in sorted(names):
            parts = PurePosixPath(name).parts
            if name not in (OWNER, "run.json") and not name.endswith(".part") and ".." not in parts:
                target = out / name
                target.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(f"{root}/{name}", str(target))
        values = json.loads(files.cat_file(f"{root}/run.json"))
    for part in ("settings", "arguments"):
        values[part] = with_copies(values[part], out)
    RunFolder(out).write(values)  # last: it makes the folder a run


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    if not is_url(url):
        raise InputError(f"--mirror must be a URL as in s3://bucket/prefix or file:///mnt/runs/a, found {url!r}")
    try:
        files, root = fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(f"--mirror {url}: {_line(error)}") from error
    return files, root.rstrip("/")


@contextmanager
def _blamed(url: str) -> Iterator[None]:
    """Turn whatever a file system raises at the door into one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the mirror {url} cannot be used: {_line(error)}") from error


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _look(path: Path) -> tuple[int, ...]:
    """What tells that a file, or a store with its log of changes, is another than before."""
    found = [path.stat()]
    log = path.with_name(f"{path.name}-wal")
    if log.exists():
        found.append(log.stat())
    return tuple(number for one in found for number in (one.st_size, one.st_mtime_ns))


def _snapshot(store: Path, target: Path) -> None:
    source = sqlite3.connect(f"{store.resolve().as_uri()}?mode=ro", uri=True)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def _inherited(snapshot: Path) -> set[str]:
    """Weights that asks without a result start from."""
    with Store(snapshot, read_only=True) as store:
        return {request.inherits for request, _ in store.pending() if request.inherits}
