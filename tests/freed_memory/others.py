"""Operations on sequences and flat inputs, and those of a training's step: recurrent cells, perceptrons, optimisers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

from freed_memory.comparing import Case, Found, Numbers, Setting, passed
from freed_memory.images import MOST_BATCH, MOST_CHANNELS, spread
from nasgen.training.optimiser import Optimiser
from nasgen.training.recipe import Recipe
from search_spaces import get_space
from search_spaces.rnn.genotype import GATES
from search_spaces.sparse.skip_layers import SkipLayerNetwork

STEPS, VOCABULARY, CLASSES = 24, 40, 5
IMAGE = 1, 12, 12
"""What perceptrons flatten."""

OPTIMISERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SGD", {}),
    ("Adam", {"optimiser": "adam"}),
    ("Muon", {"muon_lr": 0.1}),
)


def recurrent(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Every cell in random graphs, as the spaces build them and as the thesis did."""
    for number in range(count):
        cell, thesis = tuple(GATES)[number % len(GATES)], number // len(GATES) % 3 == 2
        options: dict[str, Any] = {"compat": "thesis"} if thesis else {"readout": ("last", "sinks")[number % 2]}
        space = get_space(
            "rnn",
            input_shape=(STEPS,),
            n_classes=CLASSES,
            cells=(cell,),
            nodes=(4, 40),
            vocabulary=VOCABULARY,
            **options,
        )
        genotype, batch = space.sample(rng), spread(rng, MOST_BATCH)

        def run(numbers: Numbers, space: Any = space, genotype: Any = genotype, batch: int = batch) -> Found:
            codes = numbers.integers(1, VOCABULARY, batch, STEPS)
            codes[torch.arange(STEPS) >= numbers.integers(1, STEPS + 1, batch, 1)] = 0
            return passed(space.build(genotype, (STEPS,), CLASSES), [codes], numbers, setting)

        yield Case(
            f"{cell}{' of the thesis' if thesis else ''}, {genotype.size} neurons, batch {batch}, {setting}", run
        )


def perceptrons(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Dense layers, and those with the weights of graphs, masks and any DAG."""
    for number in range(count):
        kind = ("dense", "mask", "sparse", "skip layers")[number % 4]
        batch, hidden = spread(rng, MOST_BATCH), (1 + spread(rng, MOST_CHANNELS), 1 + spread(rng, 64))
        seed = int(rng.integers(2**32))

        def build(kind: str = kind, hidden: tuple[int, int] = hidden, seed: int = seed) -> nn.Module:
            own = np.random.default_rng(seed)
            if kind == "dense":
                layers = nn.Linear(prod(IMAGE), hidden[0]), nn.ReLU(), nn.Linear(hidden[0], CLASSES)
                return nn.Sequential(nn.Flatten(), *layers)
            if kind == "skip layers":
                edges = [(int(v), w) for w in range(1, 30) for v in own.choice(w, min(w, 3), replace=False)]
                return SkipLayerNetwork(30, edges, prod(IMAGE), CLASSES)
            space = get_space(kind, input_shape=IMAGE, n_classes=CLASSES, hidden=hidden)
            return space.build(space.sample(own), IMAGE, CLASSES)

        def run(numbers: Numbers, batch: int = batch, build: Callable[[], nn.Module] = build) -> Found:
            return passed(build(), [numbers.normal(batch, *IMAGE)], numbers, setting)

        yield Case(f"{kind} perceptron of {hidden} units, batch {batch}, {setting}", run)


def optimisers(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Three steps of every optimiser, with gradients cut, on convolutions, matrices and vectors."""
    for number in range(count):
        title, options = OPTIMISERS[number % len(OPTIMISERS)]
        kernel = int(rng.choice((1, 3, 5, 7)))
        shapes = [(spread(rng, MOST_CHANNELS), spread(rng, MOST_CHANNELS), kernel, kernel)]
        shapes += [(spread(rng, 512), spread(rng, 512)), (spread(rng, 512),)]
        recipe = Recipe(epochs=1, batch=32, peak_lr=0.05, **options)

        def run(numbers: Numbers, shapes: list[tuple[int, ...]] = shapes, recipe: Recipe = recipe) -> Found:
            network = nn.ParameterList(nn.Parameter(numbers.normal(*shape)) for shape in shapes)
            if setting.channels_last:
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as in trainings
            optimiser, norms = Optimiser(network, recipe), []
            for _ in range(3):
                for parameter in network:
                    parameter.grad = torch.empty_like(parameter).copy_(numbers.normal(*parameter.shape))
                norms.append(nn.utils.clip_grad_norm_(network.parameters(), recipe.clip))
                optimiser.step(0.5)
            weights = {str(tuple(weight.shape)): weight.detach() for weight in network}
            return {**weights, "norms of the gradients": torch.stack(norms)}

        yield Case(f"{title} on {', '.join(map(str, shapes))}, {setting}", run)


def losses(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Cross-entropy with smoothed labels."""
    for _ in range(count):
        batch, classes = spread(rng, MOST_BATCH), 1 + spread(rng, 200)

        def run(numbers: Numbers, batch: int = batch, classes: int = classes) -> Found:
            logits = numbers.normal(batch, classes)
            logits = (logits.bfloat16() if setting.bfloat16 else logits).requires_grad_()
            loss = nn.CrossEntropyLoss(label_smoothing=0.1)(logits.float(), numbers.integers(0, classes, batch))
            loss.backward()
            assert logits.grad is not None  # it has just been computed
            return {"loss": loss.detach(), "gradient": logits.grad}

        yield Case(f"cross-entropy of {classes} classes, batch {batch}, {setting}", run)
