"""Saliencies: what each weight is worth, by name.

A saliency is a function of the targets, what they may look at, and a generator; it returns a tensor of each target's
shape with numbers from 0, of which the least go first. What was pruned before does not count, whatever its number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nasgen.pruning.obd import diagonal
from nasgen.pruning.scales import input_scales
from nasgen.pruning.targets import Target


@dataclass(frozen=True, eq=False)
class Looks:
    """What a saliency may look at beside the weights.

    Attributes
    ----------
    network
        The whole network.
    inputs
        Rows it reads in training, whose labels are never looked at; None where there are none.
    """

    network: nn.Module
    inputs: Tensor | None = None

    @property
    def rows(self) -> Tensor:
        """The inputs; ValueError where there are none."""
        if self.inputs is None:
            raise ValueError("expected rows of training data to judge weights by, found none")
        return self.inputs


Saliency = Callable[[Sequence[Target], Looks, torch.Generator], list[Tensor]]


def random(targets: Sequence[Target], looks: Looks, generator: torch.Generator) -> list[Tensor]:
    """A draw from 0..1 for each weight: what pruning costs where nothing is known."""
    return [torch.rand(target.mask.shape, generator=generator).to(target.mask.device) for target in targets]


def magnitude(targets: Sequence[Target], looks: Looks, generator: torch.Generator) -> list[Tensor]:
    """The absolute value of the weight (Han, Pool, Tran, Dally 2015)."""
    return [target.weight.abs() for target in targets]


def optimal_brain_damage(targets: Sequence[Target], looks: Looks, generator: torch.Generator) -> list[Tensor]:
    """By how much the loss grows without the weight, to second order: h w^2 / 2 (LeCun, Denker, Solla 1990)."""
    curvatures = diagonal(looks.network, targets, looks.rows)
    return [h * target.weight.square() / 2 for h, target in zip(curvatures, targets, strict=True)]


def activation(targets: Sequence[Target], looks: Looks, generator: torch.Generator) -> list[Tensor]:
    """The absolute value of the weight times the root mean square of what it multiplies (Sun et al. 2024, "Wanda")."""
    scales = input_scales(looks.network, targets, looks.rows)
    return [target.weight.abs() * scale for target, scale in zip(targets, scales, strict=True)]


SALIENCIES: Mapping[str, Saliency] = {
    "random": random,
    "magnitude": magnitude,
    "obd": optimal_brain_damage,
    "activation": activation,
}
