"""How feed-forward networks are trained before and after pruning: as published, and as we would.

Stier, Darji, Granitzer 2021, sec. 4.1 and the authors' code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from nasgen.reproduce.mnist import Parts
from nasgen.training.loop import Epoch, Trained, train
from nasgen.training.recipe import UNCUT, Recipe

PUBLISHED = Recipe(
    epochs=200,
    batch=64,
    peak_lr=0.01,
    schedule="constant",
    momentum=0.0,
    weight_decay=0.0,
    label_smoothing=0.0,
    clip=UNCUT,
    precision="float32",
)
"""Plain gradient descent."""

LATER = PUBLISHED.model_copy(update={"peak_lr": 0.001, "momentum": 0.5})
"""From where the validation accuracy no longer grows; at the next such epoch the training ends."""

LEAST_GAIN = 1e-5
RETRAINING_EPOCHS = 2

OURS = PUBLISHED.model_copy(
    update={
        "epochs": 8,
        "batch": 128,
        "peak_lr": 0.1,
        "schedule": "one-cycle",
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "label_smoothing": 0.05,
    }
)
OURS_RETRAINING = OURS.model_copy(update={"epochs": 5})
"""Nesterov momentum and one cycle, of a dense network and after each step of pruning.

Of eight recipes tried on seeds 10 and 11, weight decay brought most in validation accuracy (.003 at 80 and 95 %).
"""


def mlp(widths: Sequence[int], dropout: float = 0.0) -> nn.Sequential:
    """A network of linear layers with ReLUs between; 784-100-10 has ``widths`` (784, 100, 10).

    ``dropout`` is that of hidden units.
    """
    layers: list[nn.Module] = [nn.Flatten()]
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        layers += [nn.ReLU(), *([nn.Dropout(dropout)] if dropout else [])] if number else []
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


def train_as_published(network: nn.Module, parts: Parts, seed: int) -> int:
    """Train a network with their schedule; returns the epochs it took.

    The rate falls from .01 to .001, and momentum rises to .5, once an epoch gains less than 1e-5 in validation
    accuracy over the best before it; the second time, the training ends. 200 epochs at most.
    """
    taken = 0
    for phase, recipe in enumerate((PUBLISHED, LATER)):
        left = recipe.model_copy(update={"epochs": PUBLISHED.epochs - taken})
        taken += len(train_until_no_gain(network, parts, left, seed + phase, LEAST_GAIN).curve)
        if taken == PUBLISHED.epochs:
            break
    return taken


def train_until_no_gain(network: nn.Module, parts: Parts, recipe: Recipe, seed: int, least: float) -> Trained:
    """Train a network until an epoch gains less than ``least`` in validation accuracy over the best before it."""
    best = -math.inf

    def no_gain(number: int, epoch: Epoch) -> bool:
        nonlocal best
        stops = epoch.validation_accuracy - best < least
        best = max(best, epoch.validation_accuracy)
        return stops

    return train(network, parts.training, recipe, seed=seed, validation=parts.validation, on_epoch=no_gain)
