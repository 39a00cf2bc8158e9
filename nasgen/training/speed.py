"""Speed: how long an epoch takes here, measured before it is trained."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasgen.tasks.examples import Examples
    from nasgen.training.recipe import Recipe

STEPS = 8
"""That are timed."""


def seconds_per_epoch(network: Any, examples: Examples, recipe: Recipe, steps: int = STEPS, replicas: int = 1) -> float:
    """Wall time of an epoch with this network on this machine, from a few careful steps after a warm-up."""
    from nasgen.training.loop import train

    few = min(len(examples), steps * recipe.batch)
    # what is timed need not learn, nor diverge
    lowest = {"peak_lr": 1e-6, "muon_lr": min(recipe.muon_lr, 1e-6)}
    once = recipe.model_copy(update={"epochs": 1, "progressive": (), **lowest})
    train(network, examples.first(max(2, few // steps)), once, seed=0)
    part = examples.first(few)
    started = time.perf_counter()
    train(network, part, once, seed=0, replicas=replicas)
    return float((time.perf_counter() - started) * len(examples) / few)
