"""Time budget: what the candidates of a search that has to end in time may cost, and how long they train.

It follows from the rates that a rehearsal has measured (:mod:`nasgen.planning.rehearsal`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nasgen.planning.budget import (
    FIDELITY_RATIO,
    FINAL_SHARES,
    LADDER,
    MOST_FINAL_EPOCHS,
    MOST_SEARCH_EPOCHS,
    SIZES,
    USABLE,
    Regime,
    TrainingBudget,
    default_max_macs,
    fidelity,
    sampling_fidelities,
    search_fidelities,
)
from nasgen.planning.rates import Rates
from nasgen.settings import Arguments, Fidelity
from nasgen.strategies.irwin_harris import RETRAINED, SHARE_OF_ROWS, samples_for
from nasgen.training.recipe import Recipe

if TYPE_CHECKING:
    from nasgen.tasks import Task

EVALUATIONS_A_MILLION = 50
"""Evaluations for which a million images are seen; they grow as what one candidate sees does.

What is said of images holds for sequences in proportion to their ``appetite`` (:class:`nasgen.planning.budget.Regime`).
"""

PROMOTED = 0.45
"""Rows promoted for each row of the fidelity below: about the middle of what searches had, .2 to .7.

Halving promotes the upper third of those seen so far, which changes as better ones come.
"""

EPOCHS_AIMED_AT = 80
"""Of the final training at the default cap; its share of the time is what they take, within ``FINAL_SHARES``."""

BALANCE = 7.8
"""Epochs of a final training that can just afford the default cap.

One that can afford more, or less, has cap and epochs both larger, or smaller, by the same factor.
"""

FINAL_BALANCE = 5.0
"""The same where the search trains narrower networks than the final training."""

NARROW = 0.5
"""Width of the networks that a search trains, where they take at most ``WORTH`` of the time of the wide ones."""

WORTH = 0.6

FEWEST_PASSES, MOST_PASSES = 6_000, 800_000
"""Images that a candidate sees, all epochs together."""

ENOUGH = 0.98
"""Of the fewest images, what the lowest of several fidelities sees at least: rows and epochs are whole numbers."""

AMPLE = 1.25
"""Times the expected time of the longest final training, what it may take."""

FEWEST_SAMPLING_EPOCHS = 2
"""Of Irwin-Harris' first trainings, for which networks are made smaller before they train for less."""

KEPT_BACK = 0.85
"""Of the search's time, what Irwin-Harris' trainings are planned with: the three that matter come last."""

PARALLEL_SLOWDOWN = 1.1
"""How much longer a step takes when every core trains: they share caches and memory."""

TYPICAL_SHARE = 0.8
"""MACs of a usual candidate as a share of the cap: a search drifts towards the large ones."""


def passes_of(one: Fidelity, rows: int) -> float:
    """Images of full resolution that a training is worth, of so many rows where it reads all."""
    recipe = Recipe(**one.recipe)
    return (one.rows or rows) * recipe.epochs * recipe.relative_cost()


def promoted(levels: int) -> list[float]:
    """Rows at each of so many fidelities, the lowest first, for each row at the lowest."""
    return [PROMOTED**level for level in range(levels)]


def share_of_lowest(levels: int) -> float:
    """Images that the lowest of so many fidelities sees, for each that an evaluation sees on average.

    Those that are promoted see ``FIDELITY_RATIO`` times as many.
    """
    rows = promoted(levels)
    seen = sum(share * float(FIDELITY_RATIO) ** level for level, share in enumerate(rows))
    return sum(rows) / seen


def candidate_seconds(rates: Rates, one: Fidelity, rows: int, max_macs: float) -> float:
    """Expected time of a usual candidate while every worker trains, of so many rows where it reads all."""
    return PARALLEL_SLOWDOWN * passes_of(one, rows) * rates.seconds(TYPICAL_SHARE * one.width**2 * max_macs)


def shares(budget: TrainingBudget) -> list[float]:
    """Of all evaluations, those at each fidelity: ``PROMOTED`` of the rows go on, unless the budget says otherwise."""
    weights = budget.weights or promoted(len(budget.fidelities))
    return [weight / sum(weights) for weight in weights]


def search_seconds(rates: Rates, budget: TrainingBudget, rows: int) -> float:
    """Expected time of one evaluation, on average over the fidelities."""
    seconds = [candidate_seconds(rates, one, rows, budget.max_macs) for one in budget.fidelities.values()]
    return math.fsum(share * each for share, each in zip(shares(budget), seconds, strict=True))


def expected_evaluations(rates: Rates, budget: TrainingBudget, rows: int, seconds: float, workers: int) -> int:
    """How many candidates a budget of so many seconds is expected to train."""
    each = search_seconds(rates, budget, rows)
    return max(1, int(budget.search_share * seconds * workers / each))


def final_seconds(rates: Rates, final: Fidelity, rows: int, max_macs: float, cores: int) -> float:
    """Expected time of the final training of a network at the cap, with replicas on so many cores."""
    from nasgen.training.replicas import replicas_for, worth_all_cores

    batch = final.recipe["batch"]
    replicas = replicas_for(cores, batch) if worth_all_cores(batch * min(max_macs, rates.largest)) else 1
    return passes_of(final, rows) * rates.seconds(max_macs) / max(1.0, 0.8 * replicas)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a time budget has to fit.

    Attributes
    ----------
    rates
        Of this machine on this data.
    shape
        (C, H, W) of images, (steps,) of sequences.
    rows, all_rows
        Training rows without and with those of validation.
    regime
        Of every training.
    workers
        Evaluations at once.
    cores
        Of the final training.
    left
        Seconds.
    narrows
        Whether the search may train narrower networks than the final training.
    """

    rates: Rates
    shape: tuple[int, ...]
    rows: int
    all_rows: int
    regime: Regime
    workers: int
    cores: int
    left: float
    narrows: bool = False

    def fidelity(self, epochs: int) -> Fidelity:
        """A training on all rows."""
        return fidelity(self.all_rows, self.all_rows, epochs, self.regime)

    def epoch(self, max_macs: float) -> float:
        """Seconds that an epoch of the final training takes, of a network at a cap."""
        return final_seconds(self.rates, self.fidelity(1), self.all_rows, max_macs, self.cores)

    def final_share(self) -> float:
        """Of the time, for the final training: the more, the longer a network at the default cap needs."""
        return float(np.clip(EPOCHS_AIMED_AT * self.epoch(default_max_macs(self.shape)) / self.left, *FINAL_SHARES))

    def size(self, final_share: float, balance: float = BALANCE) -> float:
        """The cap as a multiple of the default.

        What the final training can afford, epochs times MACs, is cut evenly between the two: twice the budget is 1.4
        times the cap and 1.4 times the epochs.
        """
        epochs = final_share * self.left / self.epoch(default_max_macs(self.shape))
        return float(np.clip(math.sqrt(epochs / balance), *SIZES))

    def width(self, max_macs: float) -> float:
        """Of the channels of a candidate at the cap, the share that the search trains."""
        whole, narrow = (self.rates.seconds(TYPICAL_SHARE * width**2 * max_macs) for width in (1.0, NARROW))
        return NARROW if self.narrows and narrow <= WORTH * whole else 1.0

    def final_epochs(self, final_share: float, max_macs: int) -> int:
        """Epochs of the final training that fit its share, of a network at the cap."""
        return int(np.clip(final_share * self.left / self.epoch(max_macs), 4, MOST_FINAL_EPOCHS))

    def trimmed(self, final_share: float, max_macs: int) -> float:
        """The share that the longest final training can use; the search has better use for more."""
        longest = AMPLE * MOST_FINAL_EPOCHS * self.epoch(max_macs) / self.left
        return min(final_share, longest)

    def ladder(self, images: float, levels: int, fewest: int, width: float) -> dict[str, Fidelity]:
        """As many fidelities, up to ``levels``, as an evaluation that sees so many images on average allows."""
        appetite = self.regime.appetite
        while True:
            lowest = images * share_of_lowest(levels)
            passes = lowest * FIDELITY_RATIO ** (levels - 1)
            passes = float(np.clip(passes, appetite * FEWEST_PASSES, appetite * MOST_PASSES))
            ladder = search_fidelities(passes, self.rows, self.regime, levels, 2, width)
            first = next(iter(ladder.values()))
            seen = (first.rows or self.rows) * first.recipe["epochs"]
            if levels <= fewest or min(seen, lowest) >= ENOUGH * appetite * FEWEST_PASSES:
                return ladder
            levels -= 1

    def search_images(self, final_share: float, max_macs: float) -> float:
        """Images that all candidates together may see, under the schedule of resolutions of this shape."""
        each = PARALLEL_SLOWDOWN * self.rates.seconds(TYPICAL_SHARE * max_macs)
        relative_cost = Recipe(**self.fidelity(1).recipe).relative_cost()
        return (USABLE - final_share) * self.left * self.workers / each / relative_cost


def budget_for(
    rates: Rates,
    task: Task,
    arguments: Arguments,
    workers: int,
    cores: int,
    rows: int,
    regime: Regime,
    left: float,
    narrows: bool = False,
) -> TrainingBudget:
    """The budget that fits ``left`` seconds; see :class:`Frame`."""
    frame = Frame(rates, task.input_shape, rows, len(task.y_train), regime, workers, cores, left, narrows)
    return _sampling(frame, arguments) if arguments.strategy == "irwin-harris" else _climbing(frame, arguments)


def _climbing(frame: Frame, arguments: Arguments) -> TrainingBudget:
    """For as many candidates as it is good to have, or were asked for.

    The best go on to four times the images, and the best of these again where the time is long enough.
    """
    final_share = frame.final_share()
    max_macs = round(default_max_macs(frame.shape) * frame.size(final_share, FINAL_BALANCE))
    width = frame.width(max_macs)
    if width == 1:
        max_macs = round(default_max_macs(frame.shape) * frame.size(final_share))
    final_share = frame.trimmed(final_share, max_macs)
    images = frame.search_images(final_share, width**2 * max_macs)
    evaluations = arguments.evaluations or EVALUATIONS_A_MILLION * math.sqrt(images / frame.regime.appetite / 1e6)
    levels = len(LADDER) if arguments.on_a_ladder else 1
    return TrainingBudget(
        max_macs=max_macs,
        fidelities=frame.ladder(images / evaluations, levels, 2 if arguments.halving else 1, width),
        final=frame.fidelity(frame.final_epochs(final_share, max_macs)),
        search_share=USABLE - final_share,
    )


def _sampling(frame: Frame, arguments: Arguments) -> TrainingBudget:
    """For 200 random networks on a tenth of the rows, or as many as were asked for, and the best three on all.

    Where the time is short the networks become smaller, then their epochs fewer. (That they become fewer themselves
    is decided with the strategy's options.)
    """
    samples = samples_for(arguments.evaluations)
    seen = samples * frame.rows / SHARE_OF_ROWS + RETRAINED * frame.rows  # images, by all of them, in one epoch
    final_share = frame.final_share()
    size = frame.size(final_share)
    final_share = frame.trimmed(final_share, round(default_max_macs(frame.shape) * size))

    def epochs_at(size: float) -> float:
        return KEPT_BACK * frame.search_images(final_share, round(default_max_macs(frame.shape) * size)) / seen

    while size > SIZES[0] and epochs_at(size) < FEWEST_SAMPLING_EPOCHS:
        size = max(SIZES[0], 0.9 * size)
    epochs = int(np.clip(epochs_at(size), 1, MOST_SEARCH_EPOCHS))
    max_macs = round(default_max_macs(frame.shape) * size)
    return TrainingBudget(
        max_macs=max_macs,
        fidelities=sampling_fidelities(epochs, frame.rows, frame.regime),
        final=frame.fidelity(frame.final_epochs(final_share, max_macs)),
        search_share=USABLE - final_share,
        weights=(samples, RETRAINED),
    )
