"""Images: a part of a task as tensors in memory, from which batches are gathered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from nasgen.tasks.augmentation import Augmentation, positions
from nasgen.tasks.cut import training_cut
from nasgen.tasks.task import Codes, Integers, Normalisation, Pixels, Task


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images in memory, raw and with their channels last, and the scale they are normalised by.

    Attributes
    ----------
    pixels
        Shape (n, H, W, C), uint8 or float32.
    labels
        Shape (n,), int64.
    mean, std
        Shape (C, 1, 1).
    """

    pixels: torch.Tensor
    labels: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    @classmethod
    def of(cls, pixels: Pixels | Codes, labels: Integers, normalisation: Normalisation, device: str = "cpu") -> Images:
        """Images of shape (n, C, H, W) with their labels, copied to a device."""
        return cls(
            torch.tensor(pixels.transpose(0, 2, 3, 1), device=device).contiguous(),
            torch.tensor(labels, device=device),
            *(torch.tensor(row, device=device).view(-1, 1, 1) for row in (normalisation.mean, normalisation.std)),
        )

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def device(self) -> str:
        """Where the images lie."""
        return str(self.labels.device)

    def first(self, rows: int) -> Images:
        """The first rows as images of their own; no copy."""
        return replace(self, pixels=self.pixels[:rows], labels=self.labels[:rows])

    def halved(self) -> Images:
        """The images at half their height and width, by means of 2 x 2 pixels; an odd last row or column drops out."""
        pixels = torch.nn.functional.avg_pool2d(self.pixels.permute(0, 3, 1, 2).float(), 2)
        return replace(self, pixels=pixels.permute(0, 2, 3, 1).contiguous())

    def take(self, rows: slice) -> torch.Tensor:
        """The normalised images of a range of rows, in their order; shape (rows, C, H, W), channels last."""
        return self._normalised(self.pixels[rows])

    def draw(self, generator: torch.Generator, augmentation: Augmentation, rows: torch.Tensor) -> torch.Tensor:
        """The normalised, augmented images of the given rows; shape (rows, C, H, W), channels last."""
        if augmentation == "none":
            return self._normalised(self.pixels.index_select(0, rows.to(self.device)))
        n, height, width, channels = self.pixels.shape
        down, across = positions(generator, augmentation, len(rows), height, width)
        places = ((rows[:, None] * height + down) * width)[:, :, None] + across[:, None, :]  # (rows, H, W)
        flat = self.pixels.view(n * height * width, channels)
        drawn = flat.index_select(0, places.flatten().to(self.device))
        return self._normalised(drawn.view(len(rows), height, width, channels))

    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        """All rows in disorder, cut into so many nearly equal batches."""
        return torch.randperm(len(self), generator=generator).tensor_split(count)

    def parts(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The normalised images and their labels in their order, up to ``size`` rows at a time."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.take(rows), self.labels[rows]

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.permute(0, 3, 1, 2).float().sub(self.mean).div(self.std)


class TrainingImages(NamedTuple):
    """What a network is trained on, what it is judged by, and a part of that for looks in between."""

    training: Images
    validation: Images
    glance: Images


def training_images(task: Task, seed: int, rows: int | None = None, device: str = "cpu") -> TrainingImages:
    """The training and the validation rows of a task of images, cut by seed (:func:`nasgen.tasks.cut.training_cut`).

    Any task has :func:`nasgen.tasks.examples.training_examples`; these are for who needs pixels.
    """
    parts = training_cut(task, seed, rows)
    return TrainingImages(
        *(Images.of(task.x_train[part], task.y_train[part], task.normalisation, device) for part in parts)
    )
