"""Points: the network pruned to one rate, trained on, scored, and put into a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from nasgen.compression.options import MOST_SEEDS, SCHEDULES, Options
from nasgen.compression.source import Source
from nasgen.jobs.journal import Unit
from nasgen.plugins import file_hash
from nasgen.pruning.channels import ChannelPruner
from nasgen.pruning.pruner import Pruner
from nasgen.pruning.targets import count_weights, targets_of
from nasgen.tasks.examples import all_training_examples, final_test_examples
from nasgen.training import numerics
from nasgen.training.loop import DivergedError, score, train
from nasgen.training.recipe import Recipe
from nasgen.winner.export import WEIGHTS, export_best
from search_spaces import SlimmingNetwork, SourceSpace

if TYPE_CHECKING:
    from torch import nn

    from nasgen.tasks.examples import Examples

LOOKED_AT = 1_000
"""Training rows that a saliency may look at, and by which batch norms are recalibrated without retraining."""


@dataclass(frozen=True)
class Point(Unit):
    """One rate, reached once.

    Attributes
    ----------
    rate
        Share of the weights, or of the groups of channels, that go; 0 only trains on.
    options
        How it is reached.
    number
        From 0, of the seed among several; the network of the first one is what is exported.
    inputs
        The hash of data, recipe and search space (:attr:`nasgen.compression.source.Source.inputs_hash`).
    """

    rate: float
    options: Options
    number: int
    inputs: str

    @property
    def seed(self) -> int:
        """Of random saliencies, and of the trainings."""
        return self.options.seed + self.number

    @property
    def folder(self) -> str:
        """The name of the folder of its rate."""
        return f"rate-{self.rate}"


@dataclass(frozen=True)
class AsExported(Unit):
    """The network as it is; ``inputs`` as for a :class:`Point`."""

    inputs: str
    folder: ClassVar[str] = "dense"


def cost(unit: AsExported | Point) -> float:
    """About how many epochs of the whole network a unit takes; without channels an epoch is shorter."""
    if isinstance(unit, AsExported):
        return 0.2
    left = 1 - unit.rate if unit.options.granularity == "channel" else 1.0
    return 0.2 + unit.options.steps * unit.options.retrain * left**2


@dataclass(frozen=True)
class Place:
    """What is pruned, and where the smaller networks go."""

    source: Source
    out: Path


def measure(place: Place, unit: AsExported | Point) -> dict[str, Any]:
    """What :func:`described` says and ``test_accuracy``; or the ``failure`` of a training.

    Of a network that is exported also the ``sha256`` of its weights.
    """
    numerics.prepare(1)
    device = numerics.default_device()
    network = place.source.network().to(device)
    recipe = Recipe.model_validate_json(place.source.recipe)
    if isinstance(unit, Point):
        try:
            network = _pruned(network, unit, recipe, all_training_examples(place.source.task(), device))
        except DivergedError as error:
            return _failure(place, unit, str(error))
        except (MemoryError, torch.OutOfMemoryError):
            return _failure(place, unit, "the memory ran out")
    test_accuracy = score(network, final_test_examples(place.source.task(), device), recipe.precision).accuracy
    row = {**described(place.source, network), "test_accuracy": test_accuracy}
    if isinstance(unit, Point) and unit.number:
        return row
    _export(place, unit.folder, network)
    return {**row, "sha256": file_hash(place.out / unit.folder / WEIGHTS)}


def _failure(place: Place, unit: Point, why: str) -> dict[str, Any]:
    """A row without a network; one that was there under other options goes."""
    if not unit.number:
        shutil.rmtree(place.out / unit.folder, ignore_errors=True)
    return {"failure": why}


def is_there(place: Place, unit: AsExported | Point, row: Mapping[str, Any]) -> bool:
    """Whether the folder of a unit holds the network that a row of :func:`measure` exported, where it did."""
    weights = place.out / unit.folder / WEIGHTS
    return "sha256" not in row or (weights.is_file() and file_hash(weights) == row["sha256"])


def _pruned(network: nn.Module, point: Point, recipe: Recipe, examples: Examples) -> nn.Module:
    options, inputs = point.options, _some(point, examples)
    recipe = retraining(recipe, options.retrain)
    pruner = _pruner(network, point, inputs)
    removing = iter(pruner)
    for step in range(options.steps):
        next(removing, None)  # where nothing is left to remove, training is as long as elsewhere
        if options.retrain:
            train(pruner.network, examples, recipe, seed=point.seed + MOST_SEEDS * step)
        else:
            update_bn([inputs], pruner.network)
    if isinstance(pruner, Pruner):
        for target in pruner.targets:
            target.apply()
    return pruner.network


def _some(point: Point, examples: Examples) -> Tensor:
    """Training rows to look at, drawn, for a file may be sorted by label."""
    generator = torch.Generator().manual_seed(point.seed)
    return examples.draw(generator, "none", torch.randperm(len(examples), generator=generator)[:LOOKED_AT])


def _pruner(network: nn.Module, point: Point, inputs: Tensor) -> Pruner | ChannelPruner:
    options = point.options
    schedule = SCHEDULES[options.schedule](point.rate, options.steps)
    if options.granularity == "channel":
        return ChannelPruner(network, options.method, options.scope, schedule, inputs=inputs, seed=point.seed)
    targets = targets_of(network, spare=options.spare)
    for target in targets:
        target.keep(target.weight != 0)  # what was pruned before stays so
    return Pruner(network, targets, options.method, options.scope, schedule, inputs=inputs, seed=point.seed)


def retraining(recipe: Recipe, epochs: int) -> Recipe:
    """The recipe of a network's training for so many epochs, at the same learning rates and full resolution.

    Renda, Frankle, Carbin 2020, "Comparing Rewinding and Fine-tuning in Neural Network Pruning": going back to the
    learning rates of the training is better than to train on at the last of them.
    """
    return recipe.model_copy(update={"epochs": max(1, epochs), "progressive": ()})


def described(source: Source, network: nn.Module) -> dict[str, Any]:
    """The size of a network: ``kept`` of its ``weights`` are not 0; all its ``parameters``; and ``macs`` an image."""
    kept, weights = count_weights(network)
    info = source.search_space().to_graph(_written(source, network)[0]).info
    return {
        "kept": kept,
        "weights": weights,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "macs": info.get("macs"),
    }


def _written(source: Source, network: nn.Module) -> tuple[Any, str | None, str]:
    """The genotype of a network, its code, and the class in that; no code where the space writes none."""
    if isinstance(network, SlimmingNetwork):
        return network.described()
    task, space = source.task(), source.search_space()
    genotype = space.decode(source.genotype)
    if isinstance(space, SourceSpace):
        return genotype, *space.source(genotype, task.input_shape, task.n_classes)
    return genotype, None, ""


def _export(place: Place, folder: str, network: nn.Module) -> None:
    task = place.source.task()
    genotype, code, base = _written(place.source, network)
    place.out.mkdir(parents=True, exist_ok=True)
    export_best(
        place.out / folder,
        genotype=place.source.search_space().encode(genotype),
        state=network.state_dict(),
        source=code,
        base=base,
        input_shape=task.input_shape,
        normalisation=task.normalisation if task.kind == "images" else None,
        classes=task.classes,
        text=task.text,
    )
