"""How the training part of a task is cut for the trainings of a search."""

from __future__ import annotations

import numpy as np

from nasgen.tasks.task import Integers, Task, stratified_split

GLANCE_ROWS = 1_000
"""Validation rows that are scored between epochs, where there are more."""


def training_cut(task: Task, seed: int, rows: int | None = None) -> tuple[Integers, Integers, Integers]:
    """Positions of the training rows, of the validation rows, and of those for looks in between.

    With ``rows`` the training rows are no more than that many, of every class its share. Validation rows are then half
    as many at the most, but ``GLANCE_ROWS`` where there are so many: judging a short training should not take longer
    than the training.
    """
    train, validation = task.split(seed)
    if rows is not None:
        train = _share(task, train, rows, seed)
        validation = _share(task, validation, max(GLANCE_ROWS, rows // 2), seed)
    return train, validation, _share(task, validation, GLANCE_ROWS, seed)


def _share(task: Task, positions: Integers, rows: int, seed: int) -> Integers:
    """About so many of the positions, of every class its share; all of them where there are no more."""
    if rows >= len(positions):
        return positions
    rng = np.random.default_rng(seed)
    return positions[stratified_split(rng, task.y_train[positions], rows / len(positions))[1]]
