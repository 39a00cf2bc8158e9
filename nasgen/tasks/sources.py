"""Where tasks come from: the digits in scikit-learn, Reber strings, a keras-style file, OpenML, or arrays."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.tasks.checks import task_of
from nasgen.tasks.task import Task, stratified_split

KEYS = ("x_train", "y_train", "x_test", "y_test")
OPTIONAL_KEYS = ("name", "classes", "augmentation", "text")
ACCEPTED = (
    "digits, reber, reber:edited, reber:embedded, reber:FOLDER, a FILE.npz, openml:NAME, or arrays "
    "(x, y, x_test, y_test)"
)

REBER = "reber"
REBER_CLASSES = ("invalid", "valid")

_UNREADABLE = (OSError, EOFError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What numpy and zipfile raise on files that are no archives of arrays."""

TEST_SEED = 0
"""Seed of the cut between training and test where a data set has none of its own."""

PUBLISHED_TRAINING_ROWS = {"mnist_784": 60_000, "fashion-mnist": 60_000, "cifar_10": 50_000}
"""OpenML keeps the published order of these: training rows first, then the published test rows."""


def get_task(spec: str | Path | Sequence[Any]) -> Task:
    """The task that a user names or brings.

    Parameters
    ----------
    spec
        ``"digits"``: the 1,797 images of 8 x 8 in scikit-learn, a fifth of each class (rounded down) cut off
        as test with seed 0.
        ``"reber"``, ``"reber:edited"``, ``"reber:embedded"``: strings that a Reber grammar accepts, and others
        (:mod:`nasgen.tasks.reber`); ``"reber:FOLDER"`` reads those that the authors of Darji 2021 published.
        ``"FILE.npz"``: arrays ``x_train, y_train, x_test, y_test`` as keras stores them, see
        :func:`nasgen.tasks.checks.task_of`.
        ``"openml:NAME"``: square images stored as rows of pixels. ``mnist_784``, ``Fashion-MNIST`` and
        ``CIFAR_10`` keep their published test rows; elsewhere a sixth of each class, cut off with seed 0.
        Or the four arrays themselves, in the order ``(x, y, x_test, y_test)``.

    Raises
    ------
    InputError
        In one line, whatever is wrong with the name, the file, the network or the arrays.
    """
    if isinstance(spec, str | Path):
        text = str(spec)
        if text == "digits":
            return _digits()
        if text == REBER or text.startswith(f"{REBER}:"):
            return _reber(text)
        if text.startswith("openml:"):
            return _openml(text.removeprefix("openml:"))
        if text.endswith(".npz"):
            return _file(Path(text))
    elif isinstance(spec, Sequence):
        if len(spec) == len(KEYS):
            return task_of("arrays", *spec)
        raise InputError(f"a task of arrays must be (x, y, x_test, y_test), found {len(spec)} values")
    found = repr(spec) if isinstance(spec, str | Path) else f"a {type(spec).__name__}"
    raise InputError(f"task must be {ACCEPTED}, found {found}")


def save_task(task: Task, path: Path) -> None:
    """Write a task as a file that :func:`get_task` reads back to an equal one, name included.

    The file appears whole or not at all.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(
            file,
            x_train=_channels_last(task.x_train),
            y_train=task.y_train,
            x_test=_channels_last(task.x_test),
            y_test=task.y_test,
            name=np.array(task.name),
            classes=np.array(task.classes),
            augmentation=np.array(task.augmentation),
            text=np.array(task.text),
        )
    partial.replace(path)


def _channels_last(x: NDArray[Any]) -> NDArray[Any]:
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def _digits() -> Task:
    from sklearn.datasets import load_digits

    digits = load_digits()
    labels = digits.target.astype(np.int64)
    train, test = stratified_split(np.random.default_rng(TEST_SEED), labels, 0.2)
    images = digits.images.astype(np.uint8)  # whole numbers 0..16
    return task_of("digits", images[train], labels[train], images[test], labels[test], augmentation="none")


def _reber(spec: str) -> Task:
    from nasgen.tasks.reber import VARIANTS, encoded, read_strings, reber_strings

    _, colon, choice = spec.partition(":")
    if not colon or choice in VARIANTS:
        strings = reber_strings(choice or VARIANTS[0])
    elif choice and Path(choice).is_dir():
        strings = read_strings(Path(choice))
    else:
        raise InputError(
            f"{spec}: expected {REBER}:{' or '.join(VARIANTS)}, or a folder that exists, found {choice!r}; a task must "
            f"be {ACCEPTED}"
        )
    codes, rows = encoded((*strings.train, *strings.test)), len(strings.train)
    parts = codes[:rows], strings.y_train, codes[rows:], strings.y_test
    return task_of(spec, *parts, classes=REBER_CLASSES, text=True)


def _file(path: Path) -> Task:
    arrays = _read(path)
    classes = arrays.get("classes")
    return task_of(
        str(arrays.get("name", path.stem)),
        *(arrays[key] for key in KEYS),
        classes=None if classes is None else tuple(map(str, classes.ravel())),
        augmentation=str(arrays.get("augmentation", "auto")),
        text=bool(np.any(arrays.get("text", False))),
    )


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays of a file, read without pickle."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = archive.files
            arrays = {key: archive[key] for key in (*KEYS, *OPTIONAL_KEYS) if key in found}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a task must be {ACCEPTED}") from None
    except MemoryError:
        raise InputError(f"{path}: its arrays do not fit into memory; bring fewer or smaller rows") from None
    except _UNREADABLE as error:
        why = "it holds Python objects" if "allow_pickle" in str(error) else "it cannot be read as one"
        raise InputError(
            f"{path}: must be an .npz of plain number arrays, but {why}; write it with numpy.savez"
        ) from None
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise InputError(
            f"{path}: must hold {', '.join(KEYS)}; found {', '.join(sorted(found)) or 'nothing'}, missing "
            f"{', '.join(missing)}"
        )
    return arrays


def _openml(name: str) -> Task:
    from sklearn.datasets import fetch_openml

    try:
        bunch = fetch_openml(name=name, as_frame=False, parser="auto")
    except Exception as error:  # urllib, http, OpenML and parsing errors share no base class
        raise InputError(
            f"openml:{name} could not be fetched ({type(error).__name__}); check the name and the network, or "
            "bring the data as FILE.npz"
        ) from error
    images = _square(name, np.asarray(bunch.data))
    values, labels = np.unique(np.asarray(bunch.target).astype(str), return_inverse=True)
    if all(value.lstrip("-").isdecimal() for value in values):  # "10" comes after "9"
        order = np.argsort(values.astype(np.int64), kind="stable")
        values, labels = values[order], np.argsort(order)[labels]
    labels = labels.astype(np.int64)
    train, test = _published_or_last(name, labels)
    return task_of(f"openml:{name}", images[train], labels[train], images[test], labels[test], classes=values.tolist())


def _square(name: str, rows: NDArray[Any]) -> NDArray[Any]:
    """Rows of pixels as square images with the channels last: 784 values are 28 x 28, 3,072 are 3 x 32 x 32."""
    for channels in (1, 3):
        side = round((rows.shape[-1] / channels) ** 0.5)
        if rows.ndim == 2 and rows.dtype.kind in "iuf" and channels * side * side == rows.shape[-1]:
            images = rows.reshape(len(rows), channels, side, side)
            whole = images.dtype.kind == "f" and bool((images == np.rint(images)).all())
            # ARFF knows no bytes: whole numbers come as floats
            return (images.astype(np.int64) if whole else images).transpose(0, 2, 3, 1)
    raise InputError(
        f"openml:{name} must be square images of 1 or 3 channels stored as rows of numbers, found rows of shape "
        f"{rows.shape[1:]}"
    )


def _published_or_last(name: str, labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    published = PUBLISHED_TRAINING_ROWS.get(name.lower())
    if published is not None and published < len(labels):
        return np.arange(published), np.arange(published, len(labels))
    counts = np.bincount(labels)
    if counts.min() < 3:
        raise InputError(f"openml:{name} must have at least 3 rows of each class, found {counts.min()} of one")
    return stratified_split(np.random.default_rng(TEST_SEED), labels, 1 / 6)
