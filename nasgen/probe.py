"""The augmentation probe: whether shifting and flipping suit a data set, found out on a small part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nasgen.augmentation import AUGMENTATIONS, Augmentation

if TYPE_CHECKING:
    from torch import nn

    from nasgen.tasks.task import Task

PROBE_ROWS = 2_000
PROBE_VALIDATION_ROWS = 2_000
PROBE_EPOCHS = 6


def choose_augmentation(task: Task, asked: str, seed: int) -> Augmentation:
    """The augmentation asked for; for ``auto`` the task's own, or what :func:`probe_augmentation` finds."""
    for choice in (asked, task.augmentation):
        if choice != "auto":
            return cast(Augmentation, choice)
    return probe_augmentation(task, seed)


def probe_augmentation(task: Task, seed: int) -> Augmentation:
    """The augmentation under which a small fixed network has the lowest validation loss.

    One network is trained three times, from the same weights, on 2,000 rows for 6 epochs and scored on at most
    2,000 validation rows: few rows seen often, as in a long training, so that fitting them by heart shows. The
    loss is compared, which is steadier than accuracy on so few rows; of equal ones the mildest wins.
    """
    from nasgen.recipe import Recipe
    from nasgen.tasks.images import training_images
    from nasgen.training import DivergedError, initialise, train

    images, validation = training_images(task, seed, PROBE_ROWS)
    validation = validation.first(PROBE_VALIDATION_ROWS)
    losses = []
    for augmentation in AUGMENTATIONS:
        recipe = Recipe.for_rows(len(images), PROBE_EPOCHS, augmentation)
        network = initialise(lambda: _network(task.input_shape[0], task.n_classes), seed)
        try:
            trained = train(network, images, recipe, seed=seed, validation=validation)
            losses.append(trained.curve[-1].validation_loss)
        except DivergedError:
            losses.append(float("inf"))
    return AUGMENTATIONS[losses.index(min(losses))]


def _network(channels: int, n_classes: int) -> nn.Module:
    from torch import nn

    layers: list[nn.Module] = []
    for width in (16, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, n_classes))
