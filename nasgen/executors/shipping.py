"""Shipping: the files that an evaluator's spec names, as contents that reach machines which do not have them."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from nasgen.executors.scratch import private_folder
from nasgen.plugins import is_plugin

KEPT_SECONDS = 7 * 24 * 3600.0
"""How long contents that nobody asks for stay in the cache of a machine."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file of a spec: the name of the value that holds its path, the path at home, and the SHA-256 of its bytes."""

    field: str
    path: str
    digest: str


def parcels_of(spec: Mapping[str, Any]) -> list[Parcel]:
    """The files that a spec names: its data set, its table, and whatever is written as ``FILE.py:NAME``."""
    return [Parcel(field, path, _digest(Path(path))) for field, path in _paths(spec)]


def _paths(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("table", "task"):
        value = spec.get(field)
        if isinstance(value, str) and Path(value).is_file():
            yield field, value
    for field in ("name", "space"):
        value = spec.get(field)
        if isinstance(value, str) and is_plugin(value):
            yield field, value.rpartition(":")[0]


def unpack(spec: Mapping[str, Any], parcels: Mapping[Parcel, Any]) -> dict[str, Any]:
    """The spec with paths that lead to its files here.

    A file that is here already, with the same bytes, is taken as it is: on one machine, or a shared file system.

    Parameters
    ----------
    spec
        As it is at home.
    parcels
        Functions that fetch the bytes of each, as anything with a buffer.
    """
    spec = dict(spec)
    for parcel, fetch in parcels.items():
        home = Path(parcel.path)
        path = home if home.is_file() and _digest(home) == parcel.digest else _cached(parcel, fetch)
        spec[parcel.field] = spec[parcel.field].replace(parcel.path, str(path), 1)
    return spec


def _cached(parcel: Parcel, fetch: Any) -> Path:
    """The file in this machine's cache, which many workers share."""
    cache = private_folder("nasgen")
    path = cache / parcel.digest / Path(parcel.path).name
    with FileLock(cache / f"{parcel.digest}.lock"):
        _forget_old(cache)
        if not path.is_file() or _digest(path) != parcel.digest:
            path.parent.mkdir(exist_ok=True)
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            scratch.write_bytes(fetch())
            scratch.replace(path)
        os.utime(path.parent)
    return path


def _forget_old(cache: Path) -> None:
    now = time.time()
    for folder in cache.iterdir():
        if folder.is_dir() and now - folder.stat().st_mtime > KEPT_SECONDS:
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
            folder.rmdir()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
