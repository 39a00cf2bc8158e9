"""Kinds of data: whether the networks of a search space read what a task holds."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nasgen.errors import InputError
from nasgen.plugins import is_plugin, load_plugin
from search_spaces.space import space_class

if TYPE_CHECKING:
    from nasgen.tasks import Task
    from nasgen.tasks.task import Kind

IMAGES: Kind = "images"
"""What the networks of a space read that does not say."""

SPACE_OF = {"images": "cnn", "sequences": "rnn"}
TASK_OF = {"images": "digits", "sequences": "reber"}
"""What to say instead, where the two do not go together."""


def default_task(space: str) -> str:
    """The task of a search that names none."""
    return TASK_OF["sequences" if space == SPACE_OF["sequences"] else "images"]


def maker(space: str) -> Any:
    """What makes a space, by its name or ``FILE.py:NAME``: a class in most cases."""
    return load_plugin(space) if is_plugin(space) else space_class(space)


def check_kind(name: str, space: Any, task: Task) -> None:
    """Refuse a task that the networks of a space, or of a class of spaces, cannot read.

    Raises
    ------
    InputError
        Naming another space and another task.
    """
    reads = getattr(space, "reads", IMAGES)
    if reads not in SPACE_OF:
        raise InputError(f"{name}: reads must be one of {', '.join(SPACE_OF)}, found {reads!r}")
    if reads != task.kind:
        raise InputError(
            f"--space {name} reads {reads}, and the task {task.name} is of {task.kind}: use --space "
            f"{SPACE_OF[task.kind]}, or a task of {reads} such as {TASK_OF[reads]}"
        )


def check_dimensions(name: str, shape: Sequence[int]) -> None:
    """Refuse a shape that is none of what the class of a space reads.

    Raises
    ------
    InputError
        Saying which shape it would have.
    """
    make = maker(name)
    reads = getattr(make, "reads", IMAGES)
    if inspect.isclass(make) and (len(shape) == 3) != (reads == IMAGES):
        wanted = "C,H,W" if reads == IMAGES else "the steps alone"
        raise InputError(f"--space {name} reads {reads}, whose shape is {wanted}, found {','.join(map(str, shape))}")


def common_options(space: str, task: Task) -> dict[str, Any]:
    """What every space is made of for a task; of sequences also the ``vocabulary``, where the space takes it.

    Raises
    ------
    InputError
        If the class of the space reads another kind of data.
    """
    make = maker(space)
    if inspect.isclass(make):  # before one is made, of a shape that it may not understand
        check_kind(space, make, task)
    options: dict[str, Any] = {"input_shape": list(task.input_shape), "n_classes": task.n_classes}
    if task.kind == "sequences" and "vocabulary" in inspect.signature(make).parameters:
        options["vocabulary"] = task.vocabulary
    return options
