"""Pruning the authors' recurrent networks, and training them on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nasgen.jobs.journal import Unit
from nasgen.pruning.pruner import Pruner
from nasgen.pruning.schedule import Once
from nasgen.pruning.targets import targets_of
from nasgen.reproduce.rnn_pruning.stored import PLACES
from nasgen.reproduce.thesis_networks import Codes, Ints, load_network, scores_by_order
from nasgen.tasks.sequences import Sequences
from nasgen.training import numerics
from nasgen.training.loop import score, train
from nasgen.training.recipe import Recipe
from search_spaces.rnn.thesis import ThesisNetwork

BATCH = 32
OURS: Mapping[str, Mapping[str, float]] = {"rnn_relu": {"batch": 4, "clip": 1.0}, "gru": {"peak_lr": 2e-3}}
"""What is other in our retraining: chosen on training strings held out, with other seeds."""

JUDGED = 2_000
"""Training strings that the activations are looked at, and by which a criterion is chosen."""


@dataclass(frozen=True, eq=False)
class Shared:
    """The folder of networks, and the strings as codes with their labels."""

    networks: Path
    x_train: Codes
    y_train: Ints
    x_test: Codes
    y_test: Ints

    def load(self, cell: str) -> ThesisNetwork:
        """The dense network of a cell."""
        return load_network(self.networks / f"{cell}.pt", cell)

    def judged(self) -> Sequences:
        """Training strings to choose by."""
        rows = np.random.default_rng(0).permutation(len(self.x_train))[:JUDGED]
        return Sequences.of(self.x_train[rows], self.y_train[rows])


@dataclass(frozen=True)
class Prune(Unit):
    """A dense network pruned at once, with each of some rates in percent.

    Attributes
    ----------
    cell, place
        As in :mod:`nasgen.reproduce.rnn_pruning.stored`.
    criterion
        Saliency and scope.
    rates
        Each starts from the dense network.
    """

    cell: str
    place: str
    criterion: tuple[str, str] = ("magnitude", "global")
    rates: tuple[int, ...] = field(default=tuple(range(10, 101, 10)))


@dataclass(frozen=True)
class Retrain(Unit):
    """A dense network pruned at once by magnitude, and trained on.

    Attributes
    ----------
    cell, place, rate
        As of :class:`Prune`.
    shares
        Of the training strings, one after another, after each of which it is scored: 1 is an epoch.
    seed
        Of their order.
    ours
        Whether with our recipe (``OURS``) instead of the authors'.
    """

    cell: str
    place: str
    rate: int
    shares: tuple[float, ...]
    seed: int = 0
    ours: bool = False


class Shuffled(Sequences):
    """Strings in batches that do not heed their length, and are read after the longest of each."""

    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        """All rows in disorder, cut into so many nearly equal batches."""
        return torch.randperm(len(self), generator=generator).tensor_split(count)


def weights_gone(rate: int, total: int) -> int:
    """How many weights lie below the percentile of their absolute values, by linear interpolation.

    At 100 % one is left.
    """
    return math.ceil((total - 1) * rate / 100)


def prune_at_once(network: ThesisNetwork, place: str, criterion: tuple[str, str], rate: int, rows: Sequences) -> None:
    """Prune all targeted weights of a network together."""
    targets = targets_of(network, only=PLACES[place])
    total = sum(target.mask.numel() for target in targets)
    schedule = Once(weights_gone(rate, total))
    for _ in Pruner(network, targets, *criterion, schedule, inputs=rows.take(slice(0, len(rows)))):
        pass


def prune_and_score(shared: Shared, unit: Prune) -> list[dict[str, Any]]:
    """The test accuracy at each rate as they scored it, and that on the training strings to choose by."""
    numerics.prepare(1)
    judged = shared.judged()
    rows = []
    for rate in unit.rates:
        network = shared.load(unit.cell)
        prune_at_once(network, unit.place, unit.criterion, rate, judged)
        network.eval()
        accuracies = scores_by_order(network, shared.x_test, shared.y_test, BATCH)
        low, high = np.quantile(accuracies[1:], [0.025, 0.975]).tolist()
        training = score(network, judged, "float32").accuracy
        rows.append({"test": float(accuracies[1:].mean()), "low": low, "high": high, "training": training})
    return rows


def retrain(shared: Shared, unit: Retrain) -> list[float]:
    """The test accuracy right after pruning and after each share of the training strings."""
    numerics.prepare(1)
    network = shared.load(unit.cell)
    prune_at_once(network, unit.place, ("magnitude", "global"), unit.rate, shared.judged())
    own = OURS[unit.cell] if unit.ours else {}
    recipe = Recipe.published_for_sequences(1).model_copy(update={"batch": BATCH, **own})
    found = [_test(network, shared)]
    for number, share in enumerate(unit.shares):
        seed = unit.seed + 1000 * number
        rows = np.random.default_rng(seed).permutation(len(shared.x_train))[: round(share * len(shared.x_train))]
        train(network, Shuffled.of(shared.x_train[rows], shared.y_train[rows]), recipe, seed=seed)
        found.append(_test(network, shared))
    return found


def _test(network: ThesisNetwork, shared: Shared) -> float:
    return float(scores_by_order(network.eval(), shared.x_test, shared.y_test, BATCH)[1:].mean())
