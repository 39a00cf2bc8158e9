"""Options: how any rate is reached, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from nasgen.compression.source import Source
from nasgen.errors import InputError
from nasgen.pruning.channels import CHANNEL_SCOPES
from nasgen.pruning.saliency import SALIENCIES, Looks
from nasgen.pruning.schedule import Cubic, Geometric, Schedule
from nasgen.pruning.scope import SCOPES
from nasgen.pruning.targets import targets_of
from nasgen.tasks.examples import all_training_examples
from search_spaces import SlimmingNetwork

SCHEDULES: Mapping[str, Callable[[float, int], Schedule]] = {"geometric": Geometric, "cubic": Cubic}
GRANULARITIES = ("weight", "channel")

METHOD = {"weight": "magnitude", "channel": "activation"}
SCOPE = {"weight": "global", "channel": "uniform"}
"""Unless told; where layers have batch norms, sums over filters say little of one layer beside another."""

MOST_SEEDS = 1_000
"""Trainings of later steps take the seeds from there on."""


@dataclass(frozen=True)
class Options:
    """How any rate is reached.

    Attributes
    ----------
    granularity, method, scope, schedule
        Names: in ``GRANULARITIES``, ``nasgen.pruning.SALIENCIES``, ``nasgen.pruning.SCOPES`` and ``SCHEDULES``.
    steps
        Of the schedule.
    retrain
        Epochs that are trained after each step.
    spare
        Patterns of weights that stay.
    seed
        Of random saliencies, and of the trainings: the first, where there are several.
    """

    granularity: str
    method: str
    scope: str
    schedule: str
    steps: int
    retrain: int
    spare: tuple[str, ...]
    seed: int


def check_options(options: Options, rates: Sequence[float], seeds: int) -> None:
    """Refuse what no network can be pruned by.

    Raises
    ------
    InputError
        Naming the option.
    """
    scopes = CHANNEL_SCOPES if options.granularity == "channel" else tuple(SCOPES)
    for option, known in (
        ("granularity", GRANULARITIES),
        ("method", tuple(SALIENCIES)),
        ("scope", scopes),
        ("schedule", tuple(SCHEDULES)),
    ):
        value = getattr(options, option)
        if value not in known:
            raise InputError(f"--{option} must be one of {', '.join(known)}, found {value!r}")
    if not rates or not all(0 <= rate < 1 for rate in rates) or len(set(rates)) < len(rates):
        raise InputError(f"--rate must be different numbers from 0 up to below 1, found {', '.join(map(str, rates))}")
    for option, number, least in (("steps", options.steps, 1), ("retrain", options.retrain, 0)):
        if number < least:
            raise InputError(f"--{option} must be at least {least}, found {number}")
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError(f"--seeds must be from 1 to {MOST_SEEDS}, found {seeds}")
    if not 0 <= options.seed < 2**62:
        raise InputError(f"--seed must be from 0 up to below 2**62, found {options.seed}")
    if options.spare and options.granularity == "channel":
        raise InputError("--spare goes with --granularity weight, found channel: leave it out")


def check_prunable(source: Source, options: Options) -> None:
    """Refuse a network that cannot be pruned so, before anything is trained.

    Raises
    ------
    InputError
        Saying what it lacks.
    """
    network = source.network()
    if options.granularity == "channel" and not isinstance(network, SlimmingNetwork):
        raise InputError(
            f"--granularity channel needs networks that can lose channels, as those of the space cnn, found one of "
            f"{source.space}: use --granularity weight"
        )
    try:
        targets = targets_of(network, spare=options.spare)
    except ValueError as error:
        raise InputError(f"--spare leaves nothing to prune, or names nothing: {error}") from error
    few = all_training_examples(source.task()).take(slice(0, 2))
    try:
        SALIENCIES[options.method](targets, Looks(network, few), torch.Generator())
    except ValueError as error:
        raise InputError(f"--method {options.method} cannot judge this network: {error}") from error
