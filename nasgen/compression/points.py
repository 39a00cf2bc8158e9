"""Points: the network pruned to one rate, trained on, scored, and put into a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from nasgen.compression.source import Source
from nasgen.errors import InputError
from nasgen.jobs.journal import Unit
from nasgen.plugins import file_hash
from nasgen.pruning.channels import ChannelPruner
from nasgen.pruning.pruner import Pruner
from nasgen.pruning.saliency import SALIENCIES, Looks
from nasgen.pruning.schedule import Cubic, Geometric, Schedule
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

SCHEDULES: Mapping[str, Callable[[float, int], Schedule]] = {"geometric": Geometric, "cubic": Cubic}
GRANULARITIES = ("weight", "channel")
LOOKED_AT = 1_000
"""Training rows that a saliency may look at."""


@dataclass(frozen=True)
class Point(Unit):
    """One rate, and how it is come to.

    Attributes
    ----------
    rate
        Share of the weights, or of the groups of channels, that go; 0 only trains on.
    granularity, method, scope, schedule
        Names: in ``GRANULARITIES``, ``nasgen.pruning.SALIENCIES``, ``nasgen.pruning.SCOPES`` and ``SCHEDULES``.
    steps
        Of the schedule.
    epochs
        Trained after each step.
    spare
        Patterns of weights that stay.
    seed
        Of random saliencies, and of the trainings.
    inputs
        The hash of data, recipe and search space (:attr:`nasgen.compression.source.Source.inputs_hash`).
    """

    rate: float
    granularity: str
    method: str
    scope: str
    schedule: str
    steps: int
    epochs: int
    spare: tuple[str, ...]
    seed: int
    inputs: str

    @property
    def folder(self) -> str:
        """The name of its folder."""
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
    left = 1 - unit.rate if unit.granularity == "channel" else 1.0
    return 0.2 + unit.steps * unit.epochs * left**2


@dataclass(frozen=True)
class Place:
    """What is pruned, and where the smaller networks go."""

    source: Source
    out: Path


def measure(place: Place, unit: AsExported | Point) -> dict[str, Any]:
    """What :func:`described` says, ``test_accuracy`` and the weights' ``sha256``; or the ``failure`` of a training."""
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
    _export(place, unit.folder, network)
    sha256 = file_hash(place.out / unit.folder / WEIGHTS)
    return {**described(place.source, network), "test_accuracy": test_accuracy, "sha256": sha256}


def _failure(place: Place, unit: Point, why: str) -> dict[str, Any]:
    """A row without a network; one that was there under other options goes."""
    shutil.rmtree(place.out / unit.folder, ignore_errors=True)
    return {"failure": why}


def is_there(place: Place, unit: AsExported | Point, row: Mapping[str, Any]) -> bool:
    """Whether the folder of a unit holds the network that a row of :func:`measure` tells of, where it tells of one."""
    weights = place.out / unit.folder / WEIGHTS
    return "failure" in row or (weights.is_file() and file_hash(weights) == row["sha256"])


def _pruned(network: nn.Module, point: Point, recipe: Recipe, examples: Examples) -> nn.Module:
    recipe = retraining(recipe, point.epochs)

    def train_on(network: nn.Module, step: int) -> None:
        if point.epochs:
            train(network, examples, recipe, seed=point.seed + 1000 * step)

    pruner = _pruner(network, point, examples)
    steps = 0
    for step in pruner:
        train_on(pruner.network, step.number)
        steps += 1
    for number in range(steps, point.steps):  # where nothing is left to remove, training is as long as elsewhere
        train_on(pruner.network, number)
    if isinstance(pruner, Pruner):
        for target in pruner.targets:
            target.apply()
    return pruner.network


def _pruner(network: nn.Module, point: Point, examples: Examples) -> Pruner | ChannelPruner:
    generator = torch.Generator().manual_seed(point.seed)
    some = torch.randperm(len(examples), generator=generator)[:LOOKED_AT]  # a file may be sorted by label
    inputs = examples.draw(generator, "none", some)
    schedule = SCHEDULES[point.schedule](point.rate, point.steps)
    if point.granularity == "channel":
        return ChannelPruner(network, point.method, point.scope, schedule, inputs=inputs, seed=point.seed)
    targets = targets_of(network, spare=point.spare)
    for target in targets:
        target.keep(target.weight != 0)  # what was pruned before stays so
    return Pruner(network, targets, point.method, point.scope, schedule, inputs=inputs, seed=point.seed)


def check_prunable(source: Source, granularity: str, method: str, spare: Sequence[str]) -> None:
    """Refuse a network that cannot be pruned so, before anything is trained.

    Raises
    ------
    InputError
        Saying what it lacks.
    """
    network = source.network()
    if granularity == "channel" and not isinstance(network, SlimmingNetwork):
        raise InputError(
            f"--granularity channel needs networks that can lose channels, as those of the space cnn, found one of "
            f"{source.space}: use --granularity weight"
        )
    try:
        targets = targets_of(network, spare=spare)
    except ValueError as error:
        raise InputError(f"--spare leaves nothing to prune, or names nothing: {error}") from error
    few = all_training_examples(source.task()).take(slice(0, 2))
    try:
        SALIENCIES[method](targets, Looks(network, few), torch.Generator())
    except ValueError as error:
        raise InputError(f"--method {method} cannot judge this network: {error}") from error


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
