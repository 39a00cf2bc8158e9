"""Examples: what a network is trained on and scored on, whatever the kind of data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from nasgen.tasks.augmentation import Augmentation
from nasgen.tasks.cut import training_cut
from nasgen.tasks.images import Images
from nasgen.tasks.sequences import Sequences
from nasgen.tasks.task import Codes, Integers, Pixels, Task

if TYPE_CHECKING:
    import torch


class Examples(Protocol):
    """A labelled part of a task as tensors in memory, from which batches are made.

    The laws (``tests/contracts/examples_contract.py``): the batches of an epoch have every row once, and are the same
    under an equal generator; so have the parts, in which a network is scored.
    """

    @property
    def labels(self) -> torch.Tensor:
        """Shape (n,), int64, where the examples lie."""
        ...

    @property
    def device(self) -> str:
        """Where the examples lie."""
        ...

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def first(self, rows: int) -> Self:
        """The first rows as examples of their own."""
        ...

    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        """The rows of an epoch, on the CPU, cut into so many nearly equal batches."""
        ...

    def draw(self, generator: torch.Generator, augmentation: Augmentation, rows: torch.Tensor) -> torch.Tensor:
        """What a network reads in training of the given rows."""
        ...

    def take(self, rows: slice) -> torch.Tensor:
        """What a network reads of a range of rows, in their order."""
        ...

    def parts(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Everything, up to ``size`` rows at a time: what a network reads, and the labels."""
        ...


class TrainingExamples(NamedTuple):
    """What a candidate is trained on, what it is judged by, and a part of that for looks in between."""

    training: Examples
    validation: Examples
    glance: Examples


def training_examples(task: Task, seed: int, rows: int | None = None, device: str = "cpu") -> TrainingExamples:
    """The training and the validation rows of a task, cut by seed (:func:`nasgen.tasks.cut.training_cut`)."""
    parts = training_cut(task, seed, rows)
    return TrainingExamples(*(_examples(task, task.x_train[part], task.y_train[part], device) for part in parts))


def all_training_examples(task: Task, device: str = "cpu") -> Examples:
    """Everything but test, for the winner's final training."""
    return _examples(task, task.x_train, task.y_train, device)


def final_test_examples(task: Task, device: str = "cpu") -> Examples:
    """The test part: read once, at the end, for the winner."""
    return _examples(task, task.x_test, task.y_test, device)


def _examples(task: Task, x: Pixels | Codes, y: Integers, device: str) -> Examples:
    if task.kind == "sequences":
        return Sequences.of(x, y, device)
    return Images.of(x, y, task.normalisation, device)
