"""The folder of a saved surrogate: settings (JSON) and rows (npz), written whole and checked when read."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib.format import read_array
from numpy.typing import NDArray

from predictors.models import LARGEST

SCHEMA = 2
SETTINGS_FILE, ROWS_FILE = "surrogate.json", "rows.npz"
SETTINGS: Mapping[str, type] = {
    "model": str,
    "features": str,
    "features_version": int,
    "vocabulary": dict,
    "extra": list,
    "random_state": int,
}
"""What the settings file holds besides the schema, the search space and the model's choice."""

Floats = NDArray[np.float64]


def write_folder(folder: Path, settings: Mapping[str, Any], X: Floats, y: Floats) -> None:
    """Write a folder, in place of a surrogate that is there: whoever reads it finds the old one or the new one.

    (A process that is killed between the two renames of ``_swap`` leaves the old one beside, in ``.NAME-old-...``.)
    Whatever else lies in the folder stays. ValueError for a file, and for the working directory, which cannot be
    swapped.
    """
    folder = folder.resolve()
    if folder == Path.cwd():
        raise ValueError(f"a surrogate is saved in a folder of its own, found the working directory {folder}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new = beside / "new"  # a temporary folder is private, one made in it is not
        new.mkdir()
        text = json.dumps({"schema": SCHEMA, **settings}, indent=2)
        (new / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")
        np.savez(new / ROWS_FILE, X=X, y=y)
        _swap(new, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``; what it replaces goes only when the new one is complete."""
    if not folder.exists():
        new.replace(folder)
        return
    if not folder.is_dir():
        raise ValueError(f"a surrogate is saved in a folder, found the file {folder}")
    shutil.copymode(folder, new)
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    try:
        folder.replace(old)
        new.replace(folder)
    finally:
        if not folder.exists():  # cut short between the two
            old.replace(folder)
        else:
            for other in list(old.iterdir()):
                if other.name not in (SETTINGS_FILE, ROWS_FILE):
                    other.replace(folder / other.name)
            shutil.rmtree(old)


def read_folder(folder: Path) -> tuple[dict[str, Any], Floats, Floats]:
    """Settings, rows X of shape (n, d) and targets y of shape (n,), each of the kind that was written.

    Raises
    ------
    ValueError
        If a file is missing, damaged or of another schema, in one line that names it.
    """
    missing = [name for name in (SETTINGS_FILE, ROWS_FILE) if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"a saved surrogate holds {SETTINGS_FILE} and {ROWS_FILE}, found no {missing[0]} in {folder}")
    return _read_settings(folder / SETTINGS_FILE), *_read_rows(folder / ROWS_FILE)


def damaged(path: Path, reason: object) -> ValueError:
    """The error that says what is wrong with a file of a saved surrogate, in one line."""
    return ValueError(f"{path}: {str(reason).splitlines()[0]}: fit the surrogate again")


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise damaged(path, "a saved surrogate's settings must be a JSON object")
    if settings.get("schema") != SCHEMA:
        raise damaged(path, f"a saved surrogate must be of schema {SCHEMA}, found {settings.get('schema')!r}")
    for name, kind in SETTINGS.items():
        if type(settings.get(name)) is not kind:
            raise damaged(path, f"{name!r} must be a {kind.__name__}, found {settings.get(name)!r}")
    if not 0 <= settings["random_state"] < 2**32:
        raise damaged(path, f"'random_state' must be in 0..2**32 - 1, found {settings['random_state']}")
    choice, space = settings.get("choice"), settings.get("space")
    if choice is not None and not isinstance(choice, dict):
        raise damaged(path, f"'choice' must be null or an object, found {choice!r}")
    parts = [space.get("name"), space.get("options")] if isinstance(space, dict) else []
    if space is not None and [type(part) for part in parts] != [str, dict]:
        raise damaged(path, f"'space' must be null or a name and options, found {space!r}")
    return settings


def _read_rows(path: Path) -> tuple[Floats, Floats]:
    try:
        with ZipFile(path) as archive:
            # Read whole, so that the archive's checksums cover the arrays' headers and numbers alike.
            X, y = (read_array(BytesIO(archive.read(f"{name}.npy")), allow_pickle=False) for name in ("X", "y"))
    except Exception as error:  # the two parsers raise a dozen types on damage: EOFError, TokenError, zlib.error ...
        raise damaged(path, "the file must hold the arrays X and y, but is damaged") from error
    if X.dtype != np.float64 or y.dtype != np.float64 or X.ndim != 2 or y.shape != X.shape[:1] or not len(y):
        raise damaged(path, "the file must hold rows of numbers and one target each, but is damaged")
    if (np.abs(X) > LARGEST).any() or not np.isfinite(y).all():
        raise damaged(path, "rows must be finite or nan and targets finite, but the file is damaged")
    return X, y
