"""Augmentation: which pixels an augmented image is made of.

A shift or a flip moves pixels and changes none, so that it is two rows of positions for each image; drawing
the batch, shifting and flipping are then one gather (:meth:`nasgen.tasks.images.Images.batch`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Augmentation = Literal["none", "shift", "flip+shift"]

AUGMENTATIONS: tuple[Augmentation, ...] = ("none", "shift", "flip+shift")
"""From the mildest to the strongest."""


def largest_shift(side: int) -> int:
    """Pixels that an image of this side is shifted by at most: 1 up to 16 pixels, 2 up to 32, and so on."""
    return max(1, round(side / 16))


def positions(
    generator: torch.Generator, augmentation: Augmentation, count: int, height: int, width: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows (count, height) and columns (count, width) of the pixels that make up ``count`` augmented images.

    Every image is shifted by its own whole number of pixels up, down, left and right; what enters at the edge
    is reflected. ``flip+shift`` mirrors every other image, left to right, by chance.
    """
    import torch

    rows = torch.arange(height).expand(count, height)
    columns = torch.arange(width).expand(count, width)
    if augmentation == "none":
        return rows, columns
    down, right = (
        torch.randint(-largest, largest + 1, (count, 1), generator=generator)
        for largest in (largest_shift(height), largest_shift(width))
    )
    rows, columns = _reflected(rows + down, height), _reflected(columns + right, width)
    if augmentation == "flip+shift":
        flipped = torch.rand((count, 1), generator=generator) < 0.5
        columns = torch.where(flipped, width - 1 - columns, columns)
    return rows, columns


def _reflected(positions: torch.Tensor, side: int) -> torch.Tensor:
    """Positions beyond an edge, folded back: -1 is 1, and ``side`` is ``side - 2``."""
    return side - 1 - (side - 1 - positions.abs()).abs()
