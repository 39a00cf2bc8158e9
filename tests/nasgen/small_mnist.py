"""A file like MNIST's, small: bright bars at a place for each class, under noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ROWS = 600


def write_small_mnist(folder: Path) -> Path:
    """``mnist.npz`` with 600 and 100 images of 28 x 28 in ten classes."""
    rng = np.random.default_rng(0)
    parts = {}
    for part, rows in (("train", ROWS), ("test", 100)):
        labels = np.arange(rows) % 10
        images = rng.integers(0, 120, (rows, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2 + 2 * label : 4 + 2 * label, 4:24] += 110
        parts |= {f"x_{part}": images.astype(np.uint8), f"y_{part}": labels}
    np.savez(folder / "mnist.npz", **parts)
    return folder
