"""The optimiser: Muon for convolutions where a recipe asks for it, Nesterov SGD for everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nasgen.recipe import Recipe

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


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with every step made orthogonal, filters by inputs (Jordan et al. 2024, "Muon").

    A step moves a weight by ``lr`` times its norm, and the norm stays what it was at the first: what a convolution in
    front of a batch norm computes does not depend on it. (torch's own Muon takes matrices alone, multiplies in
    bfloat16, which a CPU without it does slowly, and lets the norm drift.)
    """

    def __init__(self, weights: Iterable[Tensor], lr: float, momentum: float) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no closure is run
        """Step every weight that has a gradient."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step(weight, weight.grad, group["lr"], group["momentum"])

    def _step(self, weight: Tensor, gradient: Tensor, lr: float, momentum: float) -> None:
        state: dict[str, Any] = self.state[weight]
        if not state:
            norm = float(weight.norm())
            state["norm"] = norm if norm > 0 else math.sqrt(len(weight))
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].mul_(momentum).add_(gradient)
        ahead = gradient.add(state["momentum"], alpha=momentum)
        direction = orthogonal(ahead.flatten(1)).view_as(ahead)
        weight.sub_(direction * (lr * state["norm"] / (direction.norm() + TINY)))
        weight.mul_(state["norm"] / (weight.norm() + TINY))


class Optimiser:
    """Steps a network as a recipe says, at a share of its learning rates."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        convolutions = [p for p in parameters if p.ndim == 4] if recipe.muon_lr else []
        others = [p for p in parameters if not (recipe.muon_lr and p.ndim == 4)]
        groups = [
            {"params": [p for p in others if p.ndim > 1], "weight_decay": recipe.weight_decay},
            {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._parts: list[tuple[torch.optim.Optimizer, float]] = []
        if others:
            sgd = torch.optim.SGD(
                [group for group in groups if group["params"]],
                lr=recipe.peak_lr,
                momentum=recipe.momentum,
                nesterov=recipe.momentum > 0,
                fused=True,
            )
            self._parts.append((sgd, recipe.peak_lr))
        if convolutions:
            self._parts.append((Muon(convolutions, recipe.muon_lr, recipe.muon_momentum), recipe.muon_lr))

    def step(self, share: float) -> None:
        """One step at a share of the peak learning rates, 0..1."""
        for part, peak in self._parts:
            for group in part.param_groups:
                group["lr"] = share * peak
            part.step()
