"""Rehearsal: a look at this machine and this data before a search that has to end in time.

A few genotypes are trained for a few steps, and their seconds per image, or sequence, are fitted as a constant plus a
rate of multiply-accumulates. What follows from that says :mod:`nasgen.planning.time_budget`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nasgen.errors import InputError
from nasgen.executors.workers import There, here
from nasgen.planning.budget import Regime, default_max_macs, fidelity
from nasgen.planning.rates import Rates, fit_rates
from nasgen.plugins import is_plugin
from nasgen.settings import Arguments
from nasgen.training.recipe import Recipe
from search_spaces import TrainableSpace

if TYPE_CHECKING:
    from nasgen.tasks import Task

CAPS = (0.25, 0.25, 1.0, 1.0, 3.0)
"""Of the genotypes that are trained, as multiples of the default cap: a line needs points that lie apart."""

MEASURED_STEPS = 6

DRAWN = 100
"""Genotypes that tell how large the networks of a space are, where its cap does not."""


def measure_rates(
    task: Task, arguments: Arguments, regime: Regime, say: Callable[[str], None], there: There = here
) -> Rates:
    """Train a few small and large genotypes for a few steps each, ``there``.

    Those that raise are left out, as they will be in the search.

    Raises
    ------
    InputError
        If every one raises, or the space itself does.
    """
    from nasgen.planning.assembly import check_space
    from nasgen.planning.space_options import space_options
    from nasgen.training.evaluators import build_space

    default = default_max_macs(task.input_shape)
    spaces = [build_space(arguments.space, space_options(arguments, task, round(cap * default))) for cap in CAPS]
    check_space(arguments.space, spaces[-1])
    macs, seconds, failure = there(_measure, task, spaces, arguments.threads, arguments.seed, regime, say=say)
    if not seconds:
        raise InputError(f"none of {len(CAPS)} random genotypes of {arguments.space} could be trained: {failure}")
    rates = fit_rates(np.array(macs), np.array(seconds))
    # spaces of the user's own know no cap, and recurrent networks stay far below theirs
    small = is_plugin(arguments.space) or task.kind == "sequences"
    return replace(rates, largest=max(*macs, largest_drawn(spaces[-1]))) if small else rates


def _measure(
    task: Task,
    spaces: Sequence[TrainableSpace[Any]],
    threads: int,
    seed: int,
    regime: Regime,
    *,
    say: Callable[[str], None],
) -> tuple[list[float], list[float], str]:
    """MACs and seconds a row of a genotype of each space, and what the last one raised that could not be trained."""
    from nasgen.tasks.examples import training_examples
    from nasgen.training import numerics
    from nasgen.training.loop import initialise
    from nasgen.training.speed import seconds_per_epoch

    numerics.prepare(threads)
    examples = training_examples(task, seed, device=numerics.default_device()).training
    part = max(2, len(examples) // 2)  # in batches of the size that most candidates have
    recipe = Recipe(**fidelity(part, part, 1, regime).recipe)
    rng = np.random.default_rng(0)
    macs, seconds, failure = [], [], ""
    for space in spaces:
        try:
            genotype = space.sample(rng)
            network = initialise(lambda: space.build(genotype, task.input_shape, task.n_classes), 0)  # noqa: B023  # called at once
            epoch = seconds_per_epoch(network, examples, recipe, steps=MEASURED_STEPS)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
            continue
        macs.append(float(space.to_graph(genotype).info.get("macs", 0.0)))
        seconds.append(epoch / len(examples))
    return macs, seconds, failure


def largest_drawn(space: TrainableSpace[Any]) -> float:
    """MACs of the largest of ``DRAWN`` random genotypes; 0 where the space counts none."""
    rng = np.random.default_rng(0)
    found = 0.0
    for _ in range(DRAWN):
        with suppress(Exception):  # as in the search, one that raises is no more than lost
            found = max(found, float(space.to_graph(space.sample(rng)).info.get("macs", 0.0)))
    return found
