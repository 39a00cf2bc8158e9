"""Rehearsal: a look at this machine and this data before a search that has to end in time.

A few genotypes are trained for a few steps, and their seconds per image are fitted as a constant plus a rate of
multiply-accumulates. What follows from that says :mod:`nasgen.time_budget`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasgen.budget import default_max_macs
from nasgen.errors import InputError
from nasgen.recipe import Recipe
from nasgen.settings import Arguments

if TYPE_CHECKING:
    from nasgen.tasks import Task

SAMPLED = 5
MEASURED_STEPS = 4
LARGEST = 3.0  # of the default cap: larger networks would take longer, and their rate is the same


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
    largest = round(default_max_macs(task.input_shape) * LARGEST)
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
