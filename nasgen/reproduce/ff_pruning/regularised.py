"""What a network comes to under weight decay, dropout and an L1 penalty, without pruning (the authors' baselines)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nasgen.jobs.journal import Unit
from nasgen.reproduce.ff_pruning.experiments import SMALL, Place, accuracies
from nasgen.reproduce.ff_pruning.protocol import OURS, mlp
from nasgen.reproduce.mnist import mnist
from nasgen.training import numerics
from nasgen.training.loop import initialise, train

SMALL_WEIGHT = 1e-3
"""Below it a weight counts as gone, when an L1 penalty is judged by what it leaves."""

KINDS: Mapping[str, tuple[float, ...]] = {
    "weight decay": (0.00008, 0.0005, 0.005, 0.05),
    "dropout": (0.1, 0.3, 0.5),
    "L1": (1e-5, 1e-4),
}


@dataclass(frozen=True)
class Regularised(Unit):
    """A dense network under one of ``KINDS``, at a strength."""

    kind: str
    strength: float
    seed: int = 0


def train_regularised(place: Place, unit: Regularised) -> dict[str, Any]:
    """Train it as we would a dense network; its accuracies, and the share of weights that are not nearly 0."""
    numerics.prepare(1)
    parts = mnist(place.mnist, unit.seed)
    dropout = unit.strength if unit.kind == "dropout" else 0.0
    network = initialise(lambda: mlp(SMALL, dropout), unit.seed)
    decay = unit.strength if unit.kind == "weight decay" else 0.0
    if unit.kind == "L1":
        _penalise(network, unit.strength)
    recipe = OURS.model_copy(update={"weight_decay": decay, "label_smoothing": 0.0})
    train(network, parts.training, recipe, seed=unit.seed)
    weights = torch.cat([parameter.detach().flatten() for parameter in network.parameters() if parameter.ndim > 1])
    return {"left": float((weights.abs() > SMALL_WEIGHT).float().mean()), **accuracies(network, parts)}


def _penalise(network: nn.Module, strength: float) -> None:
    """Add the gradient of ``strength`` times the sum of absolute weights to that of each weight."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.register_hook(  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
                lambda gradient, own=parameter: gradient + strength * own.detach().sign()
            )
