"""Random genotypes of every trainable space, each trained for three steps as a search trains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from freed_memory.comparing import Case, Found, Numbers, Setting
from nasgen.tasks.examples import Examples
from nasgen.tasks.images import Images
from nasgen.tasks.sequences import Sequences
from nasgen.training.loop import initialise, train
from nasgen.training.recipe import Recipe
from search_spaces import get_space

CLASSES = 5
BATCHES = 16, 64, 200
STEPS = 3
SHAPES = (1, 8, 8), (3, 12, 20), (1, 28, 28), (3, 32, 32)

SMALL_AT_FIRST = (1 / STEPS, 0.5), (2 / STEPS, 0.75)
"""Every one of the three steps reads images of another size, so that maps come to all that they may have."""


def of_cnn(rng: np.random.Generator, number: int) -> tuple[Any, tuple[int, ...], Recipe]:
    """Any widths and pyramids; Muon and resizing for every other one."""
    shape, widths = SHAPES[number % len(SHAPES)], ("any", "pyramid")[number // len(SHAPES) % 2]
    space = get_space(
        "cnn", input_shape=shape, n_classes=CLASSES, max_macs=int(rng.choice((1, 4))) * 1_000_000, widths=widths
    )
    more = {"muon_lr": 0.1, "progressive": SMALL_AT_FIRST} if rng.random() < 0.5 else {}
    batch = int(rng.choice(BATCHES))
    return space, shape, Recipe(epochs=1, batch=batch, peak_lr=0.02, augmentation="flip+shift", **more)


def of_rnn(rng: np.random.Generator, number: int) -> tuple[Any, tuple[int, ...], Recipe]:
    """All cells."""
    steps = int(rng.choice((6, 20)))
    return (
        get_space("rnn", input_shape=(steps,), n_classes=CLASSES, nodes=(4, 40)),
        (steps,),
        Recipe.for_sequences(6_000, 1),
    )


def of_masks(rng: np.random.Generator, number: int) -> tuple[Any, tuple[int, ...], Recipe]:
    """One hidden layer or two."""
    shape, hidden = SHAPES[number % 3], ((64,), (48, 96))[number % 2]
    return (
        get_space("mask", input_shape=shape, n_classes=CLASSES, hidden=hidden),
        shape,
        Recipe.for_perceptrons(8_000, 1),
    )


def of_sparse(rng: np.random.Generator, number: int) -> tuple[Any, tuple[int, ...], Recipe]:
    """One hidden layer or two."""
    shape, hidden = SHAPES[number % 3], ((64,), (48, 96))[number % 2]
    return (
        get_space("sparse", input_shape=shape, n_classes=CLASSES, hidden=hidden),
        shape,
        Recipe.for_perceptrons(8_000, 1),
    )


SPACES = {"cnn": of_cnn, "rnn": of_rnn, "mask": of_masks, "sparse": of_sparse}


def trainings(rng: np.random.Generator, count: int, setting: Setting, space_name: str) -> Iterator[Case]:
    """So many genotypes; every third one on two replicas, as final trainings are."""
    for number in range(count):
        space, shape, recipe = SPACES[space_name](rng, number)
        genotype, replicas = space.sample(rng), 1 + (number % 3 == 2)
        recipe = recipe.model_copy(update={"precision": "auto" if setting.bfloat16 else "float32"})

        def run(
            numbers: Numbers,
            space: Any = space,
            genotype: Any = genotype,
            shape: tuple[int, ...] = shape,
            recipe: Recipe = recipe,
            replicas: int = replicas,
        ) -> Found:
            network = initialise(lambda: space.build(genotype, shape, CLASSES), 1)
            examples = _examples(numbers, shape, STEPS * recipe.batch)
            trained = train(
                network, examples, recipe, seed=1, validation=examples.first(recipe.batch), replicas=replicas
            )
            state = {name: value for name, value in network.state_dict().items() if value.is_floating_point()}
            return {**state, "curve": torch.tensor(trained.curve)}

        yield Case(f"{space.encode(genotype)}, {shape}, {recipe.batch} rows, {replicas} replicas, {setting}", run)


def _examples(numbers: Numbers, shape: tuple[int, ...], rows: int) -> Examples:
    labels = numbers.integers(0, CLASSES, rows)
    if len(shape) == 1:
        codes = numbers.integers(1, 100, rows, *shape)
        codes[torch.arange(shape[0]) >= numbers.integers(1, shape[0] + 1, rows, 1)] = 0
        return Sequences.of(codes.numpy().astype(np.uint8), labels.numpy())
    channels, height, width = shape
    scales = torch.zeros(channels, 1, 1), torch.ones(channels, 1, 1)
    return Images(numbers.normal(rows, height, width, channels), labels, *scales)
