"""Budget: how large the candidates may be and how long they are trained.

With a number of evaluations alone everything here is a fixed function of the data's shape, the number of training
rows and the number of evaluations, so that a seed repeats exactly. With minutes a rehearsal
(:mod:`nasgen.planning.rehearsal`) measures the machine first. "Images" in the names and texts of budgets are sequences
where the data are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nasgen.settings import Fidelity
from nasgen.strategies.irwin_harris import RETRAINED, SHARE_OF_ROWS
from nasgen.tasks.augmentation import Augmentation
from nasgen.training.recipe import PUBLISHED_EPOCHS, PUBLISHED_MASK_EPOCHS, Progressive, Recipe

SEARCH_PASSES = 30_000
"""Images a candidate sees in the search, all epochs together, where the data set is large enough."""

SEQUENCE_PASSES = 100_000
"""The same of sequences."""

PERCEPTRON_PASSES = 200_000
"""The same of images that perceptrons read, which cost a hundredth of a convolution's."""

FINAL_PASSES = 500_000
"""What the winner sees in its final training, images or sequences."""

USABLE = 0.94
"""Of a time budget, for the search and for the final training; the rest is for what cannot be foreseen."""

FINAL_SHARES = 0.32, 0.62
"""Of a time budget, for the final training: the least, and the most, where images are many and the time is short."""

SLOWEST_RATE = 0.5e9
"""Multiply-accumulates a second, forward and backward, that any machine reaches."""

SIZES = 0.4, 6.0
"""Of the cap under a clock, as multiples of the default."""

MOST_FINAL_EPOCHS = 60
"""That are planned."""

LONGEST_FINAL_EPOCHS = 2 * MOST_FINAL_EPOCHS
"""Under a clock, for a winner smaller than the networks that were planned for."""

MOST_SEARCH_EPOCHS = 12

LADDER = ("glimpse", "proxy", "search")
"""Names of the fidelities, from the lowest to the highest; a search has the last of them, or more."""

FIDELITY_RATIO = 4
"""Images that a candidate sees for each that it saw one level below."""

LARGE = 24
"""Height and width from which images are read small at first, and convolutions trained by Muon."""

MACS_A_STEP = 40_000
"""Multiply-accumulates for each step of a sequence: about a GRU of 100 units."""

PROGRESSIVE: Progressive = ((0.35, 0.5), (0.65, 0.75))

MUON_LR = 0.1
"""Share of its norm by which Muon moves a convolution at most (docs/decisions/0013-muon-for-convolutions.md)."""


@dataclass(frozen=True, slots=True)
class Regime:
    """What all trainings on images have in common: fields of :class:`nasgen.training.recipe.Recipe`."""

    augmentation: Augmentation = "none"
    progressive: Progressive = ()
    muon_lr: float = 0.0

    @classmethod
    def for_images(cls, shape: tuple[int, ...], augmentation: Augmentation, resizes: bool) -> Regime:
        """For images of shape (C, H, W), and networks that take any size or one alone."""
        large = min(shape[1:]) >= LARGE
        return cls(augmentation, PROGRESSIVE if large and resizes else (), MUON_LR if large else 0.0)

    def recipe(self, rows: int, epochs: int) -> Recipe:
        """That of a training on so many rows."""
        own = {"augmentation": self.augmentation, "progressive": self.progressive, "muon_lr": self.muon_lr}
        return Recipe.for_rows(rows, epochs).model_copy(update=own)

    def search_passes(self, rows: int) -> float:
        """Images that a candidate sees, of so many rows, where the data set is large enough."""
        return SEARCH_PASSES

    @property
    def most_search_epochs(self) -> int:
        """Epochs of a candidate, where rows are few."""
        return MOST_SEARCH_EPOCHS

    @property
    def final_epochs(self) -> int | None:
        """Epochs of the final training; None where they follow from the rows."""
        return None

    @property
    def appetite(self) -> float:
        """Rows that a training has to see for each that one on images has to."""
        return 1.0


@dataclass(frozen=True, slots=True)
class SequenceRegime(Regime):
    """What all trainings on sequences have in common; ``published`` is the protocol of Darji 2021."""

    published: bool = False

    def recipe(self, rows: int, epochs: int) -> Recipe:
        """That of a training on so many rows."""
        return Recipe.published_for_sequences(epochs) if self.published else Recipe.for_sequences(rows, epochs)

    def search_passes(self, rows: int) -> float:
        """Sequences that a candidate sees, of so many rows, where the data set is large enough."""
        return PUBLISHED_EPOCHS * rows if self.published else SEQUENCE_PASSES

    @property
    def most_search_epochs(self) -> int:
        """Epochs of a candidate, where rows are few."""
        return PUBLISHED_EPOCHS if self.published else MOST_SEARCH_EPOCHS

    @property
    def final_epochs(self) -> int | None:
        """Epochs of the final training; None where they follow from the rows."""
        return PUBLISHED_EPOCHS if self.published else None

    @property
    def appetite(self) -> float:
        """Sequences that a training has to see for each image that one on images has to."""
        return SEQUENCE_PASSES / SEARCH_PASSES


@dataclass(frozen=True, slots=True)
class PerceptronRegime(Regime):
    """What all trainings of perceptrons under masks have in common; ``published`` is the protocol of BoGP."""

    published: bool = False

    def recipe(self, rows: int, epochs: int) -> Recipe:
        """That of a training on so many rows."""
        recipe = Recipe.published_for_masks(epochs) if self.published else Recipe.for_perceptrons(rows, epochs)
        return recipe.model_copy(update={"augmentation": self.augmentation})

    def search_passes(self, rows: int) -> float:
        """Images that a candidate sees, of so many rows, where the data set is large enough."""
        return PUBLISHED_MASK_EPOCHS * rows if self.published else PERCEPTRON_PASSES

    @property
    def most_search_epochs(self) -> int:
        """Epochs of a candidate, where rows are few."""
        return PUBLISHED_MASK_EPOCHS if self.published else MOST_SEARCH_EPOCHS

    @property
    def final_epochs(self) -> int | None:
        """Epochs of the final training; None where they follow from the rows."""
        return PUBLISHED_MASK_EPOCHS if self.published else None

    @property
    def appetite(self) -> float:
        """Images that a training has to see for each that a convolutional one has to."""
        return PERCEPTRON_PASSES / SEARCH_PASSES


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """What one candidate and the winner may cost.

    Attributes
    ----------
    max_macs
        Multiply-accumulates of the forward pass of one image, or the longest sequence, at most.
    fidelities
        Those of the search by name, from the lowest to the highest.
    final
        The fidelity of the winner's final training.
    search_share
        Of a time budget, for the search.
    weights
        In which proportions evaluations are at each fidelity, where the strategy is on no ladder.
    """

    max_macs: int
    fidelities: Mapping[str, Fidelity]
    final: Fidelity
    search_share: float = USABLE - FINAL_SHARES[0]
    weights: tuple[float, ...] = ()


def window_for(evaluations: int | None, trains: bool) -> int:
    """Asks that may be under way at once: 1 for look-ups, which take no time; else 4 to 16."""
    if not trains:
        return 1
    return 16 if evaluations is None else min(16, max(4, evaluations // 8))


def longest_training(one: Fidelity, rows: int, max_macs: float) -> float:
    """Seconds that a training at a fidelity may take on a slow machine, before any has shown how long it takes."""
    passes = (one.rows or rows) * int(one.recipe["epochs"])
    return 3 * passes * max_macs / SLOWEST_RATE


def default_max_macs(shape: tuple[int, ...]) -> int:
    """The cap where no clock was consulted: 1.3 million at 8 x 8, 6.6 at 28 x 28, 13.7 at 32 x 32 x 3.

    For sequences 40,000 a step.
    """
    if len(shape) == 1:
        return MACS_A_STEP * shape[0]
    channels, height, width = shape
    return int(1.3e6 * (height * width / 64) ** 0.65 * math.sqrt(channels))


def training_budget(
    shape: tuple[int, ...],
    rows: int,
    all_rows: int,
    regime: Regime,
    halving: bool = False,
    samples: int = 0,
) -> TrainingBudget:
    """The fixed budget for ``rows`` training rows, and ``all_rows`` with validation.

    Small data sets are passed over more often, up to 12 times in the search and 60 times at the end; of large ones
    the search reads a part. With ``halving`` candidates begin with a quarter of the images. With ``samples`` so many
    read a tenth of the rows, and the best three (Irwin-Harris et al. 2019) all of them.
    """
    final_epochs = regime.final_epochs or min(MOST_FINAL_EPOCHS, max(10, round(FINAL_PASSES / all_rows)))
    passes = regime.search_passes(rows)
    if samples:
        fidelities = sampling_fidelities(_search_epochs(passes, rows, 3, regime), rows, regime)
    else:
        fidelities = search_fidelities(passes, rows, regime, 1 + halving, 3)
    return TrainingBudget(
        max_macs=default_max_macs(shape),
        weights=(samples, RETRAINED) if samples else (),
        fidelities=fidelities,
        final=fidelity(all_rows, all_rows, final_epochs, regime),
    )


def search_fidelities(
    passes: float,
    rows: int,
    regime: Regime,
    levels: int,
    fewest_epochs: int,
    width: float = 1.0,
) -> dict[str, Fidelity]:
    """The fidelities of a search, up to three: the highest sees so many images, every other a quarter of the next.

    None passes over the rows more often than the regime says. All train networks of so much of the width of their
    genotypes.
    """
    fidelities = {}
    passes = min(passes, regime.most_search_epochs * rows)
    for below, name in zip(reversed(range(levels)), LADDER[-levels:], strict=True):
        images = passes / FIDELITY_RATIO**below
        epochs = _search_epochs(images, rows, fewest_epochs, regime)
        read = max(1, min(rows, int(images / epochs)))
        fidelities[name] = fidelity(read, rows, epochs, regime, width)
    return fidelities


def _search_epochs(images: float, rows: int, fewest: int, regime: Regime) -> int:
    """Epochs in which so many images are seen."""
    return min(regime.most_search_epochs, max(fewest, round(images / rows)))


def sampling_fidelities(epochs: int, rows: int, regime: Regime) -> dict[str, Fidelity]:
    """The two of Irwin-Harris' search: so many epochs on a tenth of the rows, and as many on all of them."""
    part = max(2, rows // SHARE_OF_ROWS)
    return {name: fidelity(read, rows, epochs, regime) for name, read in zip(LADDER[1:], (part, rows), strict=True)}


def fidelity(rows: int, of: int, epochs: int, regime: Regime, width: float = 1.0) -> Fidelity:
    """A training on ``rows`` of the ``of`` rows there are, with the recipe for that many."""
    return Fidelity(recipe=regime.recipe(rows, epochs).model_dump(), rows=rows if rows < of else None, width=width)
