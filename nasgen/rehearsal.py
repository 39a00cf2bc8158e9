"""Rehearsal: a look at this machine and this data before a search that has to end in time.

A few genotypes are trained for a few steps, and their seconds per image are fitted as a constant plus a rate of
multiply-accumulates. From that follow what the candidates may cost and how long they train.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasgen.budget import (
    FIDELITY_RATIO,
    FINAL_SHARES,
    LADDER,
    MOST_FINAL_EPOCHS,
    USABLE,
    TrainingBudget,
    default_max_macs,
    fidelity,
    search_fidelities,
)
from nasgen.errors import InputError
from nasgen.halving import ETA
from nasgen.recipe import Recipe
from nasgen.settings import Arguments, Fidelity

if TYPE_CHECKING:
    from nasgen.augmentation import Augmentation
    from nasgen.tasks import Task

EVALUATIONS_A_MILLION = 64
"""Evaluations for which a million images are seen; they grow as what one candidate sees does."""

EPOCHS_AIMED_AT = 32
"""Of a final training at the default cap: where they take too long, the search gets the least."""

BALANCE = 12.0
SIZES = 0.25, 4.0
"""Of the cap, as multiples of the default."""

SAMPLED = 5
MEASURED_STEPS = 4
FEWEST_PASSES, MOST_PASSES = 2_500, 800_000
"""Images that a candidate sees, all epochs together."""

PARALLEL_SLOWDOWN = 1.1
"""How much longer a step takes when every core trains: they share caches and memory."""

TYPICAL_SHARE = 0.8
"""MACs of a usual candidate as a share of the cap: a search drifts towards the large ones."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Training time of one image on one worker: a constant in seconds, and seconds a multiply-accumulate."""

    constant: float
    per_mac: float

    def seconds(self, macs: float) -> float:
        """Training time of one image on a network of so many MACs."""
        return self.constant + self.per_mac * macs


def measure_rates(task: Task, arguments: Arguments) -> Rates:
    """Train a few small and large genotypes for a few steps each, in this process.

    Those that raise are left out, as they will be in the search.

    Raises
    ------
    InputError
        If every one raises, or the space itself does.
    """
    from nasgen import numerics
    from nasgen.assembly import check_space
    from nasgen.evaluators import build_space
    from nasgen.final import seconds_per_epoch
    from nasgen.resolve import space_options
    from nasgen.tasks.images import training_images
    from nasgen.training import initialise

    numerics.prepare(arguments.threads)
    largest = round(default_max_macs(task.input_shape) * SIZES[1])
    space = build_space(arguments.space, space_options(arguments, task, largest))
    check_space(arguments.space, space)
    images = training_images(task, arguments.seed, device=numerics.default_device()).training
    recipe = Recipe.for_rows(len(images), 1)
    rng = np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(8 * SAMPLED)]
    sizes = [float(space.to_graph(genotype).info.get("macs", 0.0)) for genotype in genotypes]
    order = np.argsort(sizes, kind="stable")
    chosen = order[np.linspace(0, 0.75 * (len(order) - 1), SAMPLED).round().astype(int)]
    macs, seconds, failure = [], [], None
    for index in chosen:
        genotype = genotypes[index]
        try:
            network = initialise(lambda: space.build(genotype, task.input_shape, task.n_classes), 0)  # noqa: B023  # called at once
            epoch = seconds_per_epoch(network, images, recipe, steps=MEASURED_STEPS)
        except Exception as error:
            failure = error
            continue
        macs.append(sizes[index])
        seconds.append(epoch / len(images))
    if not seconds:
        raise InputError(
            f"none of {SAMPLED} random genotypes of {arguments.space} could be trained: "
            f"{type(failure).__name__}: {failure}"
        ) from failure
    return fit_rates(np.array(macs), np.array(seconds))


def fit_rates(macs: np.ndarray, seconds: np.ndarray) -> Rates:
    """A line through the measurements, neither of whose terms is negative."""
    from scipy.optimize import nnls

    scale = macs.max() or 1.0
    (constant, rate), _ = nnls(np.column_stack([np.ones_like(macs), macs / scale]), seconds)
    return Rates(float(constant), float(rate / scale))


def passes_of(one: Fidelity, rows: int) -> float:
    """Images of full resolution that a training is worth, of so many rows where it reads all."""
    recipe = Recipe(**one.recipe)
    return (one.rows or rows) * recipe.epochs * recipe.relative_cost()


def share_of_lowest(levels: int) -> float:
    """Images that the lowest of so many fidelities sees, for each that an evaluation sees on average.

    One in ``ETA`` rows is promoted, and sees ``FIDELITY_RATIO`` times as many.
    """
    shares = [float(ETA) ** -level for level in range(levels)]
    seen = sum(share * float(FIDELITY_RATIO) ** level for level, share in enumerate(shares))
    return sum(shares) / seen


def search_seconds(rates: Rates, budget: TrainingBudget, rows: int) -> float:
    """Expected time of one evaluation while every worker trains, on average over the fidelities."""
    weights = [1 / ETA**level for level in range(len(budget.fidelities))]
    passes = [passes_of(one, rows) for one in budget.fidelities.values()]
    mean: float = sum(weight * each for weight, each in zip(weights, passes, strict=True)) / sum(weights)
    return PARALLEL_SLOWDOWN * mean * rates.seconds(TYPICAL_SHARE * budget.max_macs)


def expected_evaluations(rates: Rates, budget: TrainingBudget, rows: int, seconds: float, workers: int) -> int:
    """How many candidates a budget of so many seconds is expected to train."""
    each = search_seconds(rates, budget, rows)
    return max(1, int(budget.search_share * seconds * workers / each))


def final_seconds(rates: Rates, final: Fidelity, rows: int, max_macs: float, workers: int) -> float:
    """Expected time of the final training of a network at the cap, on all cores."""
    return passes_of(final, rows) * rates.seconds(max_macs) / max(1.0, 0.8 * workers)


def budget_for(
    rates: Rates, task: Task, arguments: Arguments, workers: int, rows: int, augmentation: Augmentation, left: float
) -> TrainingBudget:
    """The budget that fits ``left`` seconds.

    The final training takes the larger share the longer a network at the default cap needs to learn the data. What
    it can afford, epochs times MACs, is cut evenly between the two: twice the budget is 1.4 times the cap and 1.4
    times the epochs. What is left for the search is divided among as many candidates as it is good to have, or were
    asked for, of which one in three goes on to four times the images, and of these one in three again where the time
    is long enough.
    """
    default, all_rows = default_max_macs(task.input_shape), len(task.y_train)
    one_epoch = fidelity(all_rows, all_rows, 1, augmentation, task.input_shape)
    default_seconds = final_seconds(rates, one_epoch, all_rows, default, workers)
    final_share = float(np.clip(EPOCHS_AIMED_AT * default_seconds / left, *FINAL_SHARES))
    affordable = final_share * left / default_seconds  # epochs at the default cap
    size = float(np.clip(math.sqrt(affordable / BALANCE), *SIZES))
    max_macs = round(default * size)
    epoch_seconds = final_seconds(rates, one_epoch, all_rows, max_macs, workers)
    final_epochs = int(np.clip(final_share * left / epoch_seconds, 4, MOST_FINAL_EPOCHS))

    search_share = USABLE - final_share
    per_image = PARALLEL_SLOWDOWN * rates.seconds(TYPICAL_SHARE * max_macs)
    images = search_share * left * workers / per_image / Recipe(**one_epoch.recipe).relative_cost()
    evaluations = arguments.evaluations or EVALUATIONS_A_MILLION * math.sqrt(images / 1e6)
    levels = len(LADDER) if arguments.on_a_ladder else 1
    while levels > 1 and images / evaluations * share_of_lowest(levels) < FEWEST_PASSES:
        levels -= 1
    lowest = images / evaluations * share_of_lowest(levels)
    passes = float(np.clip(lowest * FIDELITY_RATIO ** (levels - 1), FEWEST_PASSES, MOST_PASSES))
    return TrainingBudget(
        max_macs=max_macs,
        fidelities=search_fidelities(task.input_shape, passes, rows, augmentation, levels, fewest_epochs=2),
        final=fidelity(all_rows, all_rows, final_epochs, augmentation, task.input_shape),
        search_share=search_share,
    )
