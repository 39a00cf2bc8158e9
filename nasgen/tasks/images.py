"""Images: a part of a task as tensors in memory, from which batches are gathered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch

from nasgen.augmentation import Augmentation, positions
from nasgen.tasks.task import Integers, Normalisation, Pixels, Task, stratified_split


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
    def of(cls, pixels: Pixels, labels: Integers, normalisation: Normalisation, device: str = "cpu") -> Images:
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

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.permute(0, 3, 1, 2).float().sub(self.mean).div(self.std)


GLANCE_ROWS = 1_000
"""Validation images that are scored between epochs, where there are more."""


class TrainingImages(NamedTuple):
    """What a candidate is trained on, what it is judged by, and a part of that for looks in between."""

    training: Images
    validation: Images
    glance: Images


def training_images(task: Task, seed: int, rows: int | None = None, device: str = "cpu") -> TrainingImages:
    """The training and the validation images of a task, cut by seed.

    With ``rows`` the training images are no more than that many, of every class its share. Validation images are
    then half as many at the most, but ``GLANCE_ROWS`` where there are so many: judging a short training should not
    take longer than the training.
    """
    train, validation = task.split(seed)
    if rows is not None:
        train = _share(task, train, rows, seed)
        validation = _share(task, validation, max(GLANCE_ROWS, rows // 2), seed)
    glance = _share(task, validation, GLANCE_ROWS, seed)
    return TrainingImages(*(_part(task, part, device) for part in (train, validation, glance)))


def _share(task: Task, positions: Integers, rows: int, seed: int) -> Integers:
    """About so many of the positions, of every class its share; all of them where there are no more."""
    if rows >= len(positions):
        return positions
    rng = np.random.default_rng(seed)
    return positions[stratified_split(rng, task.y_train[positions], rows / len(positions))[1]]


def _part(task: Task, rows: Integers, device: str) -> Images:
    return Images.of(task.x_train[rows], task.y_train[rows], task.normalisation, device)


def all_training_images(task: Task, device: str = "cpu") -> Images:
    """Everything but test, for the winner's final training."""
    return Images.of(task.x_train, task.y_train, task.normalisation, device)


def final_test_images(task: Task, device: str = "cpu") -> Images:
    """The test part: read once, at the end, for the winner."""
    return Images.of(task.x_test, task.y_test, task.normalisation, device)
