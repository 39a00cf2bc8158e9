"""The winner of a search beside a network made by hand, trained for as long as the winner's final training took.

    python benchmarks/hand_made_network.py RUN [--seconds S] [--same-recipe]

The hand-made one is a network of known design (a 2x2 convolution, three blocks of convolution, pooling, convolution
with 64, 256 and 256 channels, GELU, a pooling over the whole image, a linear layer; Jordan 2024, "94% on CIFAR-10 in
3.29 Seconds on a Single GPU", sec. 3) with its own recipe: Nesterov SGD, learning rate .4, momentum .85, weight decay
5e-4, labels smoothed by .2, batches of 512, flips and shifts by 2 pixels. It runs in our training loop, on all cores,
and its schedule ends by the clock as the winner's did. With --same-recipe it is trained as the winner was: what is left
between the two is the network.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

from nasgen.results.summary import open_store
from nasgen.storage.folder import RunFolder
from nasgen.training import numerics
from nasgen.training.recipe import Recipe
from nasgen.winner.final import stored_final

WIDTHS = (64, 256, 256)
MOST_EPOCHS = 400

OWN_RECIPE = Recipe(
    epochs=1,
    batch=512,
    peak_lr=0.4,
    momentum=0.85,
    weight_decay=5e-4,
    label_smoothing=0.2,
    clip=1e9,
    augmentation="flip+shift",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, help="instead of those of the winner's final training")
    parser.add_argument("--same-recipe", action="store_true", help="train it with the winner's recipe, not its own")
    args = parser.parse_args()
    with open_store(args.run) as store:
        final = stored_final(store)
    if final is None:
        raise SystemExit(f"{args.run} has no final network: let its search end first")
    seconds = args.seconds or final.seconds  # the scoring of the test images included
    settings = RunFolder(args.run).settings()
    assert settings.task is not None
    assert settings.final is not None

    from nasgen.tasks import get_task
    from nasgen.tasks.examples import all_training_examples, final_test_examples
    from nasgen.training.loop import initialise, score, train
    from nasgen.training.replicas import replicas_for
    from nasgen.training.speed import seconds_per_epoch

    task = get_task(settings.task)
    assert min(task.input_shape[1:]) >= 9, "three poolings after a 2x2 convolution need images of 9 x 9 or more"
    images = all_training_examples(task)
    recipe = Recipe(**settings.final.recipe) if args.same_recipe else OWN_RECIPE
    replicas = replicas_for(numerics.cores(), recipe.batch)
    numerics.prepare(threads=numerics.cores() // replicas)
    network = initialise(lambda: hand_made(task.input_shape, task.n_classes), 0)
    per_epoch = recipe.relative_cost() * seconds_per_epoch(network, images, recipe, replicas=replicas)
    network = initialise(lambda: hand_made(task.input_shape, task.n_classes), 0)
    recipe = recipe.model_copy(update={"epochs": min(MOST_EPOCHS, math.ceil(1.5 * seconds / per_epoch))})
    began = time.monotonic()
    trained = train(
        network, images, recipe, seed=0, spent=lambda: (time.monotonic() - began) / seconds, replicas=replicas
    )
    took = time.monotonic() - began
    figures = {
        "hand-made": {
            "test_accuracy": score(network, final_test_examples(task)).accuracy,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "epochs": round(trained.steps / recipe.batches(len(images)), 1),
            "seconds": round(took, 1),
        },
        "winner": {
            "test_accuracy": final.test_accuracy,
            "parameters": final.parameters,
            "epochs": final.epochs,
            "seconds": round(final.seconds, 1),
        },
    }
    for name, values in figures.items():
        print(name, json.dumps(values))


def hand_made(shape: tuple[int, int, int], classes: int) -> object:
    """The network, as a torch module."""
    import torch
    from torch import nn

    class Biased(nn.BatchNorm2d):
        """Batch norm that shifts and does not scale."""

        def __init__(self, channels: int) -> None:
            super().__init__(channels)
            self.weight.requires_grad_(False)

    layers: list[nn.Module] = [nn.Conv2d(shape[0], 24, 2), nn.GELU()]
    channels = 24
    for width in WIDTHS:
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.MaxPool2d(2), Biased(width), nn.GELU()]
        layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), Biased(width), nn.GELU()]
        channels = width

    class HandMade(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(*layers)
            self.head = nn.Linear(channels, classes, bias=False)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.head(self.layers(images).amax(dim=(2, 3))) / 9
            return logits

    return HandMade()


if __name__ == "__main__":
    main()
