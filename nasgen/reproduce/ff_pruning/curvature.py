"""The closed form of the Hessian's diagonal beside automatic differentiation, on a network small enough for both."""

from __future__ import annotations

import torch
from torch import nn
from torch.func import functional_call

from nasgen.pruning.obd import diagonal
from nasgen.pruning.targets import targets_of
from nasgen.reproduce.ff_pruning.protocol import mlp
from nasgen.training.loop import initialise

WIDTHS, ROWS = (6, 5, 4, 3), 50


def hessian_difference(seed: int = 0) -> float:
    """The largest difference between any two second derivatives by the same weight."""
    network = initialise(lambda: mlp(WIDTHS), seed).double()
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(ROWS, WIDTHS[0], generator=generator, dtype=torch.float64)
    labels = torch.randint(WIDTHS[-1], (ROWS,), generator=generator)
    exact = [
        second_derivatives(network, name, inputs, labels)
        for name, parameter in network.named_parameters()
        if parameter.ndim > 1
    ]
    found = diagonal(network, targets_of(network), inputs)
    return max(float((one - other).abs().max()) for one, other in zip(found, exact, strict=True))


def second_derivatives(network: nn.Module, name: str, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of the mean cross-entropy, by every weight of a parameter, from the whole of its Hessian."""
    weight = network.get_parameter(name).detach()

    def loss(flat: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(functional_call(network, {name: flat.view_as(weight)}, (inputs,)), labels)

    hessian = torch.autograd.functional.hessian(  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
        loss, weight.flatten()
    )
    assert isinstance(hessian, torch.Tensor)
    return hessian.diagonal().view_as(weight)
