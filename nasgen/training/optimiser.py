"""The optimiser: Muon for convolutions where a recipe asks for it, Nesterov SGD or Adam for everything else."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nasgen.training.recipe import Recipe

NEWTON_SCHULZ = 3.4445, -4.7750, 2.0315
"""Coefficients of the iteration, which raises small singular values as fast as it can (Jordan et al. 2024)."""

ITERATIONS = 3
TINY = 1e-7


def orthogonal(matrix: Tensor) -> Tensor:
    """A matrix of shape (n, m) with its singular values brought near each other, about 1; zeros stay zeros.

    Three Newton-Schulz iterations bring values down to a hundredth of the norm to between .4 and 1.2.
    """
    wide = matrix.T if len(matrix) > matrix.shape[1] else matrix
    a, b, c = NEWTON_SCHULZ
    x: Tensor = wide / (wide.norm() + TINY)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide is matrix else x.T


class Muon:
    """Nesterov momentum with every step made orthogonal, filters by inputs (Jordan et al. 2024, "Muon").

    A step moves a weight by a share of its norm, and the norm stays what it was at the start: what a convolution in
    front of a batch norm computes does not depend on it. (torch's own Muon takes matrices alone, multiplies in
    bfloat16, and lets the norm drift.)
    """

    def __init__(self, weights: Iterable[Tensor], momentum: float) -> None:
        self._weights = list(weights)
        self._norms = [float(weight.detach().norm()) or math.sqrt(len(weight)) for weight in self._weights]
        self._sums = [torch.zeros_like(weight) for weight in self._weights]
        self._momentum = momentum

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every weight that has a gradient by so much of its norm."""
        for weight, norm, gradients in zip(self._weights, self._norms, self._sums, strict=True):
            if weight.grad is None:
                continue
            gradients.mul_(self._momentum).add_(weight.grad)
            ahead = weight.grad.add(gradients, alpha=self._momentum)
            direction = orthogonal(ahead.flatten(1)).view_as(ahead)
            weight.sub_(direction * (rate * norm / (direction.norm() + TINY)))
            weight.mul_(norm / (weight.norm() + TINY))


class Optimiser:
    """Steps a network as a recipe says, at a share of its learning rates."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        convolutions = [p for p in parameters if p.ndim == 4 and recipe.muon_lr > 0]
        matrices = [p for p in parameters if p.ndim > 1 and not (p.ndim == 4 and recipe.muon_lr > 0)]
        vectors = [p for p in parameters if p.ndim <= 1]
        self._recipe = recipe
        self._muon = Muon(convolutions, recipe.muon_momentum)
        groups = [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self._rest: torch.optim.Optimizer
        if recipe.optimiser == "adam":
            self._rest = torch.optim.Adam(groups, lr=recipe.peak_lr, decoupled_weight_decay=True, fused=True)
        else:
            self._rest = torch.optim.SGD(
                groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
            )

    def step(self, share: float) -> None:
        """One step at a share of the peak learning rates, 0..1."""
        for group in self._rest.param_groups:
            group["lr"] = share * self._recipe.peak_lr
        self._rest.step()
        self._muon.step(share * self._recipe.muon_lr)
