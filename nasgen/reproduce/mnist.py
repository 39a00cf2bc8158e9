"""MNIST as the authors cut it: 50,000 rows to train on, 10,000 to choose by, and the published 10,000 of test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasgen.errors import InputError
from nasgen.tasks.images import Images
from nasgen.tasks.task import stratified_split

if TYPE_CHECKING:
    from nasgen.tasks import Task

FILE = "mnist.npz"
ROWS, HELD_OUT = 60_000, 1 / 6


class Parts(NamedTuple):
    """Training rows, those that choices are made by, and those of test."""

    training: Images
    validation: Images
    test: Images


def check_mnist(folder: Path) -> Path:
    """The path of the file; InputError if it is not there or holds something else."""
    path = folder / FILE
    if not path.is_file():
        raise InputError(f"--data expects a folder with {FILE} (keras-style arrays of MNIST), found none in {folder}")
    task = mnist_task(path)
    if task.x_train.shape != (ROWS, 1, 28, 28) or task.n_classes != 10:
        found = f"{len(task.x_train)} of shape {task.input_shape} and {task.n_classes} classes"
        raise InputError(f"{path}: expected {ROWS} training images of shape (1, 28, 28) and 10 classes, found {found}")
    return path


@cache
def mnist(path: Path, seed: int) -> Parts:
    """The three parts, normalised by the mean and deviation of all training pixels; a sixth is held out by seed."""
    task = mnist_task(path)
    kept, held = stratified_split(np.random.default_rng(seed), task.y_train, HELD_OUT)
    return Parts(
        *(
            Images.of(x, y, task.normalisation)
            for x, y in (
                (task.x_train[kept], task.y_train[kept]),
                (task.x_train[held], task.y_train[held]),
                (task.x_test, task.y_test),
            )
        )
    )


@cache
def mnist_task(path: Path) -> Task:
    """The data as a search reads them."""
    from nasgen.tasks import get_task

    return get_task(path)
