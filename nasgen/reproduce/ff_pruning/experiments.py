"""The trainings behind the tables: dense networks, and what pruning makes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nasgen.jobs.journal import Unit
from nasgen.pruning.pruner import Pruner, snapshot
from nasgen.pruning.schedule import Relative, Schedule
from nasgen.pruning.targets import targets_of
from nasgen.reproduce.ff_pruning.protocol import (
    LEAST_GAIN,
    OURS,
    OURS_RETRAINING,
    PUBLISHED,
    RETRAINING_EPOCHS,
    mlp,
    train_as_published,
    train_until_no_gain,
)
from nasgen.reproduce.mnist import Parts, mnist
from nasgen.training import numerics
from nasgen.training.loop import initialise, score, train
from search_spaces.sparse.genotype import SparseGenotype, encode

SMALL, LARGE = (784, 100, 10), (784, 300, 100, 10)

METHODS: Mapping[str, tuple[str, str]] = {
    "random": ("random", "global"),
    "class-blinded": ("magnitude", "global"),
    "class-uniform": ("magnitude", "uniform"),
    "class-distributed": ("magnitude", "distributed"),
    "Optimal Brain Damage": ("obd", "global"),
}
"""Saliency and scope of the five."""

HALVES = Relative(0.5)
CURVATURE_ROWS = 10_000
FEWEST = {SMALL: 500, LARGE: 2_000}
"""Where the authors stop: weights left."""


@dataclass(frozen=True)
class Place:
    """Where the data lie, and where weights are kept."""

    mnist: Path
    weights: Path


@dataclass(frozen=True)
class Dense(Unit):
    """A dense network, trained with the published schedule or with ours."""

    widths: tuple[int, ...] = SMALL
    seed: int = 0
    ours: bool = False

    def file(self, place: Place) -> Path:
        """Where its weights are kept."""
        return place.weights / f"{hashlib.sha256(self.name.encode()).hexdigest()[:16]}.safetensors"


@dataclass(frozen=True)
class Pruned(Unit):
    """What becomes of a dense network step by step.

    Attributes
    ----------
    dense
        Where it starts.
    method
        One of ``METHODS``.
    schedule
        How many weights go at each step.
    most_epochs
        Of retraining after each step.
    until_no_gain
        Whether retraining ends with the first epoch that gains nothing on validation.
    rewind
        Where the weights that are left go back to at each step: nowhere, to the dense network's ``start``, or to
        ``another`` start.
    masks
        Whether the rows hold the masks too, as texts of the space ``sparse``.
    """

    dense: Dense
    method: str = "class-blinded"
    schedule: Schedule = HALVES
    most_epochs: int = RETRAINING_EPOCHS
    until_no_gain: bool = False
    rewind: str = ""
    masks: bool = False


def train_dense(place: Place, unit: Dense) -> dict[str, Any]:
    """Train a dense network and keep its weights; its accuracies, and how many epochs it took."""
    from safetensors.torch import save_file

    numerics.prepare(1)
    parts = mnist(place.mnist, unit.seed)
    network = initialise(lambda: mlp(unit.widths), unit.seed)
    if unit.ours:
        epochs = len(train(network, parts.training, OURS, seed=unit.seed).curve)
    else:
        epochs = train_as_published(network, parts, unit.seed)
    place.weights.mkdir(parents=True, exist_ok=True)
    partial = unit.file(place).with_suffix(".partial")
    save_file(network.state_dict(), partial)
    partial.replace(unit.file(place))
    return {"epochs": epochs, **accuracies(network, parts)}


def prune_dense(place: Place, unit: Pruned) -> list[dict[str, Any]]:
    """Prune and retrain a network that was trained before; a row each step."""
    from safetensors.torch import load_file

    numerics.prepare(1)
    parts = mnist(place.mnist, unit.dense.seed)
    network = mlp(unit.dense.widths)
    network.load_state_dict(load_file(unit.dense.file(place)))
    saliency, scope = METHODS[unit.method]
    targets = targets_of(network)
    curvature = parts.training.take(slice(0, CURVATURE_ROWS)) if saliency == "obd" else None
    seed, rewind = unit.dense.seed, None
    if unit.rewind:
        rewind = snapshot(initialise(lambda: mlp(unit.dense.widths), seed + (unit.rewind == "another")))
    rows = []
    for step in Pruner(network, targets, saliency, scope, unit.schedule, inputs=curvature, rewind=rewind, seed=seed):
        before = score(network, parts.test, PUBLISHED.precision).accuracy
        _retrain(network, parts, unit, seed + 1000 * (step.number + 1))
        mask = {"mask": encode(SparseGenotype.of([target.mask for target in targets]))} if unit.masks else {}
        rows.append({"kept": step.kept, "total": step.total, "before": before, **accuracies(network, parts), **mask})
        if step.kept <= FEWEST[unit.dense.widths] or any(not target.mask.any() for target in targets):
            break
    return rows


def _retrain(network: nn.Module, parts: Parts, unit: Pruned, seed: int) -> None:
    recipe = OURS_RETRAINING if unit.dense.ours else PUBLISHED.model_copy(update={"epochs": unit.most_epochs})
    if unit.until_no_gain:
        train_until_no_gain(network, parts, recipe, seed, LEAST_GAIN)
    else:
        train(network, parts.training, recipe, seed=seed)


def accuracies(network: nn.Module, parts: Parts) -> dict[str, float]:
    """Of validation and of test."""
    return {
        part: score(network, examples, PUBLISHED.precision).accuracy
        for part, examples in (("validation", parts.validation), ("test", parts.test))
    }
