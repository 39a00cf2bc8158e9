"""Rehearsal: a look at this machine and this data before a search that has to end in time.

A few genotypes are trained for a few steps, and their seconds per image are fitted as a constant plus a rate of
multiply-accumulates. From that follow what the candidates may cost and how long they train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasgen.budget import FINAL_SHARE, MOST_FINAL_EPOCHS, SEARCH_SHARE, TrainingBudget, default_max_macs, fidelity
from nasgen.errors import InputError
from nasgen.settings import Arguments, Fidelity

if TYPE_CHECKING:
    from nasgen.augmentation import Augmentation
    from nasgen.tasks import Task

CANDIDATES_AIMED_AT = 36
SAMPLED = 6
MEASURED_STEPS = 6
FEWEST_PASSES, MOST_PASSES = 4_000, 400_000
PARALLEL_SLOWDOWN = 1.25
"""How much longer a step takes when every core trains: they share caches and memory."""

TYPICAL_SHARE = 0.6
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
    from nasgen.recipe import Recipe
    from nasgen.tasks.images import training_images
    from nasgen.training import initialise

    numerics.prepare(arguments.threads)
    options = {"input_shape": list(task.input_shape), "n_classes": task.n_classes}
    space = build_space(arguments.space, options)
    check_space(arguments.space, space)
    images, _ = training_images(task, arguments.seed, device=numerics.default_device())
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


def search_seconds(rates: Rates, one: Fidelity, rows: int, max_macs: float) -> float:
    """Expected time of one candidate's training while every worker trains."""
    passes = (one.rows or rows) * int(one.recipe["epochs"])
    return PARALLEL_SLOWDOWN * passes * rates.seconds(TYPICAL_SHARE * max_macs)


def expected_evaluations(rates: Rates, budget: TrainingBudget, rows: int, seconds: float, workers: int) -> int:
    """How many candidates a budget of so many seconds is expected to train."""
    each = search_seconds(rates, budget.search, rows, budget.max_macs)
    return max(1, int(SEARCH_SHARE * seconds * workers / each))


def final_seconds(rates: Rates, final: Fidelity, rows: int, max_macs: float, workers: int) -> float:
    """Expected time of the final training of a network at the cap, on all cores."""
    return rows * int(final.recipe["epochs"]) * rates.seconds(max_macs) / max(1.0, 0.8 * workers)


def budget_for(
    rates: Rates, task: Task, arguments: Arguments, workers: int, rows: int, augmentation: Augmentation, left: float
) -> TrainingBudget:
    """The budget that fits ``left`` seconds.

    The cap on MACs and the images a candidate sees grow with the time there is for each of some three dozen
    candidates, or of as many as were asked for: the cap from a quarter of the default, the images from
    ``FEWEST_PASSES``.
    """
    candidates = arguments.evaluations or CANDIDATES_AIMED_AT
    seconds_each = SEARCH_SHARE * left * workers / candidates
    smallest = default_max_macs(task.input_shape) / 4
    at_least = PARALLEL_SLOWDOWN * FEWEST_PASSES * rates.seconds(TYPICAL_SHARE * smallest)
    max_macs = round(smallest * min(16.0, max(1.0, seconds_each / at_least) ** 0.4))
    per_image = PARALLEL_SLOWDOWN * rates.seconds(TYPICAL_SHARE * max_macs)
    passes = int(np.clip(seconds_each / per_image, FEWEST_PASSES, MOST_PASSES))
    epochs = min(12, max(2, round(passes / rows)))
    all_rows = len(task.y_train)
    final = fidelity(all_rows, all_rows, 1, augmentation)
    epoch_seconds = final_seconds(rates, final, all_rows, max_macs, workers)
    final_epochs = int(np.clip(FINAL_SHARE * left / epoch_seconds, 4, MOST_FINAL_EPOCHS))
    return TrainingBudget(
        max_macs=max_macs,
        search=fidelity(min(rows, passes // epochs), rows, epochs, augmentation),
        final=fidelity(all_rows, all_rows, final_epochs, augmentation),
    )
