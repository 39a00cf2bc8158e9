"""Operations on images: those of the vocabulary of CNNs, and what is done to a batch before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from freed_memory.comparing import Case, Found, Numbers, Setting, passed
from nasgen.planning import probe
from nasgen.tasks.augmentation import AUGMENTATIONS, Augmentation
from nasgen.tasks.images import Images
from nasgen.training.loop import scaled, score
from search_spaces.cnn.network import ConvBlock, Merge, Pool
from search_spaces.cnn.plan import Fit
from search_spaces.cnn.validity import KERNELS

MOST_CHANNELS, MOST_SIDE, MOST_BATCH = 256, 32, 512

MOST_MACS = 2e8
"""Of a convolution's forward pass: a wide one on a large map sees few images."""

MOST_NUMBERS = 2_000_000
"""In what any other operation reads."""


def spread(rng: np.random.Generator, most: int) -> int:
    """1..most, even on a logarithmic scale: small ones are where kernels have corners to cut."""
    return min(most, int(np.exp(rng.uniform(0, np.log(most + 1)))))


def drawn(
    rng: np.random.Generator, cost: Callable[..., float], most: float, largest: int = MOST_SIDE
) -> tuple[int, int, int, int]:
    """Batch, channels, height and width of a map that costs no more than that; most are square."""
    while True:
        height = spread(rng, largest)
        width = height if rng.random() < 0.7 else spread(rng, MOST_SIDE)
        shape = spread(rng, MOST_BATCH), spread(rng, MOST_CHANNELS), height, width
        if cost(*shape) <= most:
            return shape


def numbers_in(*shape: int) -> float:
    """How many numbers an array holds."""
    return float(np.prod(shape))


def convolutions(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Blocks of the vocabulary, with their norm and ReLU; half of them on maps that are smaller than the kernel."""
    for number in range(count):
        kernel, outputs = int(rng.choice(KERNELS)), spread(rng, MOST_CHANNELS)
        largest = MOST_SIDE if number % 2 else kernel - 1
        shape = drawn(rng, lambda n, c, h, w, k=kernel, o=outputs: n * c * h * w * k**2 * o, MOST_MACS, largest)
        if shape[0] * shape[2] * shape[3] < 2:
            shape = (2, *shape[1:])  # a batch norm cannot learn from one number

        def run(
            numbers: Numbers, kernel: int = kernel, outputs: int = outputs, shape: tuple[int, ...] = shape
        ) -> Found:
            images = setting.laid_out(numbers.normal(*shape))
            return passed(ConvBlock(shape[1], outputs, kernel), [images], numbers, setting)

        yield Case(f"conv{kernel}x{kernel} to {outputs} channels, {_of(shape)}, {setting}", run)


def poolings(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Max and average pooling, of odd sizes too."""
    for number in range(count):
        kind, shape = ("max_pool", "avg_pool")[number % 2], drawn(rng, numbers_in, MOST_NUMBERS)

        def run(numbers: Numbers, kind: str = kind, shape: tuple[int, ...] = shape) -> Found:
            return passed(Pool(kind), [setting.laid_out(numbers.normal(*shape))], numbers, setting)

        yield Case(f"{kind}, {_of(shape)}, {setting}", run)


def merges(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Sums and concatenations of two or three maps of different sizes."""
    for number in range(count):
        kind = ("sum", "concat")[number % 2]
        batch, *first = drawn(rng, numbers_in, MOST_NUMBERS / 4)
        sides = [(first[1] // part or 1, first[2] // part or 1) for part in (1, *rng.choice((1, 2, 3, 4), 2))]
        shapes = [(batch, spread(rng, first[0]), *side) for side in sides[: 2 + number % 3 % 2]]
        most = max(shape[1] for shape in shapes)
        fits = tuple(Fit(padding=most - shape[1] if kind == "sum" else 0) for shape in shapes)

        def run(
            numbers: Numbers, kind: str = kind, shapes: list[tuple[int, ...]] = shapes, fits: tuple[Fit, ...] = fits
        ) -> Found:
            inputs = [setting.laid_out(numbers.normal(*shape)) for shape in shapes]
            return passed(Merge(kind, fits), inputs, numbers, setting)

        yield Case(f"{kind}, {'; '.join(map(_of, shapes))}, {setting}", run)


class Head(nn.Module):
    """What follows the last map: the mean over its places, and a classifier."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.head = nn.Linear(channels, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        logits: torch.Tensor = self.head(images.mean(dim=(2, 3)))
        return logits


def heads(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Classifiers of 2 to 100 classes."""
    for _ in range(count):
        shape, classes = drawn(rng, numbers_in, MOST_NUMBERS), 1 + spread(rng, 99)

        def run(numbers: Numbers, shape: tuple[int, ...] = shape, classes: int = classes) -> Found:
            images = setting.laid_out(numbers.normal(*shape))
            return passed(Head(shape[1], classes), [images], numbers, setting)

        yield Case(f"head of {classes} classes, {_of(shape)}, {setting}", run)


def probes(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """The network of the augmentation probe."""
    for _ in range(count):
        batch, _, height, width = drawn(rng, lambda n, c, h, w: n * h * w * 5_000, MOST_MACS)
        shape = (max(2, batch), int(rng.choice((1, 3, 4))), height, width)

        def run(numbers: Numbers, shape: tuple[int, ...] = shape) -> Found:
            network = probe._network(shape[1], 10)
            return passed(network, [setting.laid_out(numbers.normal(*shape))], numbers, setting)

        yield Case(f"augmentation probe, {_of(shape)}, {setting}", run)


def batches(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Drawing with every augmentation, resizing, halving, and scoring; raw images of both types."""
    for number in range(count):
        augmentation = AUGMENTATIONS[number % len(AUGMENTATIONS)]
        shape, scale = drawn(rng, numbers_in, MOST_NUMBERS), float(rng.choice((0.5, 0.75)))
        if min(shape[2:]) < 2:
            shape = (shape[0], shape[1], 1 + shape[2], 1 + shape[3])
        whole = bool(rng.random() < 0.5)

        def run(
            numbers: Numbers,
            augmentation: Augmentation = augmentation,
            shape: tuple[int, ...] = shape,
            scale: float = scale,
            whole: bool = whole,
        ) -> Found:
            n, channels, height, width = shape
            pixels = numbers.integers(0, 256, n, height, width, channels).to(torch.uint8 if whole else torch.float32)
            scales = torch.full((channels, 1, 1), 100.0)
            images = Images(pixels, numbers.integers(0, 10, n), scales, scales)
            read = images.draw(torch.Generator().manual_seed(0), augmentation, torch.arange(n))
            scored = score(Head(channels, 10), images, "auto" if setting.bfloat16 else "float32")
            return {
                "drawn": read,
                "resized": scaled(read, scale),
                "halved": images.halved().pixels,
                "taken": images.take(slice(0, n)),
                "scored": torch.tensor(scored),
            }

        name = f"{augmentation}, resized by {scale} and scored, {'uint8' if whole else 'float32'} pixels"
        yield Case(f"{name}, {_of(shape)}, {setting}", run)


def _of(shape: tuple[int, ...]) -> str:
    batch, channels, height, width = shape
    return f"{batch} x {channels} x {height} x {width}"
