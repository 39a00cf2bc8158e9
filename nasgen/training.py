"""The training loop: one for every network, on CPU or CUDA, and exact on one CPU thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from nasgen.numerics import layout_and_dtype
from nasgen.recipe import Recipe
from nasgen.tasks.images import Images

CHECK_EVERY = 16
"""Steps between two looks at the loss: often enough to stop a lost training early, and free on a GPU."""

EXPLODED = 10.0
"""A loss of so many times the first one, or that of guessing if it is larger, does not come back."""

EVALUATION_BATCH = 500


class DivergedError(Exception):
    """The training loss became infinite, NaN, or far larger than at the start."""


class Epoch(NamedTuple):
    """What one epoch came to: mean training loss, validation loss and validation accuracy (0..1)."""

    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training went: one :class:`Epoch` an epoch, optimiser steps taken, and wall time in seconds.

    Without validation images the validation columns are NaN.
    """

    curve: tuple[Epoch, ...]
    steps: int
    seconds: float

    @property
    def fitness(self) -> float:
        """Validation accuracy after the last epoch.

        Not the best of all epochs: that would pick the luckiest of several draws, and the one-cycle schedule
        is made to end well.
        """
        return self.curve[-1].validation_accuracy


class Score(NamedTuple):
    """Mean cross-entropy and accuracy (0..1) over a set of images."""

    loss: float
    accuracy: float


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network that ``build`` makes under a seed; the global generators are left as they were."""
    with _seeded(seed, "cpu"):
        return build()


def train(
    network: nn.Module,
    images: Images,
    recipe: Recipe,
    *,
    seed: int,
    validation: Images | None = None,
    on_epoch: Callable[[int, Epoch], bool] | None = None,
) -> Trained:
    """Train a network in place, where its images lie, and leave it in evaluation mode.

    Parameters
    ----------
    network
        Maps (n, C, H, W) to logits (n, classes); moved to the device of the images.
    images
        Training images, two at least.
    recipe
        How to train.
    seed
        Of shuffling, augmentation and whatever the network draws (dropout).
    validation
        Scored after every epoch.
    on_epoch
        Told the number of the epoch from 0 and its figures; the training ends there if it returns True.

    Raises
    ------
    DivergedError
        As soon as the loss is not finite or has exploded.
    """
    started = time.perf_counter()
    layout, dtype = layout_and_dtype(images.device)
    network.to(images.device, memory_format=layout).train()
    optimiser = _optimiser(network, recipe)
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    batches = max(1, len(images) // recipe.batch)
    steps = recipe.epochs * batches
    generator = torch.Generator().manual_seed(seed)
    watch = _Watch()
    curve: list[Epoch] = []
    step = 0
    with _seeded(seed, images.device):
        for number in range(recipe.epochs):
            for rows in torch.randperm(len(images), generator=generator).tensor_split(batches):
                for group in optimiser.param_groups:
                    group["lr"] = recipe.learning_rate(step, steps)
                inputs = images.draw(generator, recipe.augmentation, rows)
                with _autocast(images.device, dtype):
                    logits = network(inputs)
                loss = loss_of(logits.float(), images.labels[rows.to(images.device)])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
                optimiser.step()
                watch.add(loss.detach(), logits.shape[1])
                step += 1
            score = Score(math.nan, math.nan) if validation is None else evaluate(network, validation)
            curve.append(Epoch(watch.end_epoch(), *score))
            if on_epoch is not None and on_epoch(number, curve[-1]):
                break
            network.train()
    network.eval()
    return Trained(tuple(curve), step, time.perf_counter() - started)
