"""What magnitudes come to: dense networks, and Glob and Unif of the paper (Morcos et al. 2019; Zhu and Gupta 2017)."""

from __future__ import annotations

from dataclasses import dataclass

from nasgen.jobs.journal import Unit
from nasgen.pruning.pruner import Pruner
from nasgen.pruning.schedule import Cubic, Geometric, Schedule
from nasgen.pruning.targets import targets_of
from nasgen.reproduce.bogp.searches import HIDDEN, Place
from nasgen.reproduce.mnist import mnist_task
from nasgen.tasks.examples import all_training_examples, final_test_examples, training_examples
from nasgen.training import numerics
from nasgen.training.loop import initialise, score, train
from nasgen.training.recipe import PUBLISHED_MASK_EPOCHS, Recipe

SCOPES = {"Glob": "global", "Unif": "uniform"}


@dataclass(frozen=True)
class Magnitude(Unit):
    """A network pruned by magnitude in rounds, each followed by a whole training; the first prunes initial weights.

    Attributes
    ----------
    kind
        ``Glob``, one threshold for both layers, or ``Unif``, one for each; empty for the dense network.
    sparsity
        Of all weights, at the end.
    rounds
        Steps to there.
    cubic
        Whether most goes in the first rounds (Zhu and Gupta 2017) instead of the same share in each.
    chosen
        Whether it is trained on nine tenths of the rows and scored on the others, as a search of the same seed cuts
        them: by these choices are made. Else on all of them, and scored on test.
    full_batch
        Whether a training is 50 steps on all rows together, as the paper says, instead of what comes to its accuracy.
    """

    kind: str = ""
    sparsity: float = 0.0
    rounds: int = 0
    cubic: bool = False
    seed: int = 0
    chosen: bool = False
    full_batch: bool = False


def train_magnitude(place: Place, unit: Magnitude) -> dict[str, float]:
    """Its accuracy, on validation or on test, and the weights that are left in each layer."""
    from torch import nn

    numerics.prepare(1)
    task = mnist_task(place.mnist)
    if unit.chosen:
        training, scored, _ = training_examples(task, unit.seed)
    else:
        training, scored = all_training_examples(task), final_test_examples(task)
    network = initialise(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)), unit.seed
    )
    recipe = Recipe.published_for_masks(PUBLISHED_MASK_EPOCHS)
    if unit.full_batch:
        recipe = Recipe.full_batch_for_masks(len(training))
    targets = targets_of(network)
    if unit.kind:
        schedule: Schedule = (Cubic if unit.cubic else Geometric)(unit.sparsity, unit.rounds)
        for step in Pruner(network, targets, "magnitude", SCOPES[unit.kind], schedule):
            train(network, training, recipe, seed=unit.seed + 1000 * step.number)
    else:
        train(network, training, recipe, seed=unit.seed)
    kept = {f"kept_{number}": float(target.mask.sum()) for number, target in enumerate(targets)}
    return {"accuracy": score(network, scored, recipe.precision).accuracy, **kept}
