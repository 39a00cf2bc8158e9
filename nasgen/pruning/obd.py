"""The diagonal of the Hessian of the loss, by which Optimal Brain Damage prunes (LeCun, Denker, Solla 1990).

For the mean cross-entropy of a network whose logits are linear in each single weight around where it is, as they are
with ReLU, max-pooling and batch norm in evaluation mode,

    h = E_x Var_{k ~ p(x)} (d logit_k(x) / d w)

with p the softmax: the curvature of the softmax alone is left, and no labels. A variance over classes is the mean
square of d log p_k / d w, one backward pass for each class. Elsewhere it is the diagonal of the Gauss-Newton matrix,
from 0 as that is: with other non-linearities (tanh, gates), and for the weights of a layer to itself even with ReLU,
since a state that one was multiplied with meets it again at the next step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasgen.pruning.records import Records
from nasgen.pruning.targets import Target

AT_ONCE = 1_000
"""Rows whose activations are kept at once."""

SINGLE_ROWS = 200
"""Rows that are passed one by one, where weights are shared between places or steps."""


def diagonal(network: nn.Module, targets: Sequence[Target], inputs: Tensor) -> list[Tensor]:
    """Of each target the second derivatives of the mean cross-entropy by its weights, of their shape.

    Parameters
    ----------
    network
        Maps inputs to logits; left in evaluation mode.
    targets
        Weights of it. Where all are those of linear layers that read a row at a time, they are had for all rows at
        once, exactly as row by row; else the first ``SINGLE_ROWS`` rows are passed one by one.
    inputs
        Rows on the network's device.
    """
    network.eval()
    if all(isinstance(target.module, nn.Linear) for target in targets):
        with Records([target.module for target in targets]) as records:
            sums = _all_rows(network, targets, inputs, records)
        if sums is not None:
            return [one / len(inputs) for one in sums]
    rows = inputs[:SINGLE_ROWS]
    return [one / len(rows) for one in _row_by_row(network, targets, rows)]


def _all_rows(network: nn.Module, targets: Sequence[Target], inputs: Tensor, records: Records) -> list[Tensor] | None:
    """The sums over the rows, as outer products: with z = W a, the square of d log p_k / dW_ji is (dz_j)^2 (a_i)^2.

    None if a layer reads something else than one vector a row.
    """
    sums = [torch.zeros_like(target.mask) for target in targets]
    for part in torch.split(inputs, AT_ONCE):
        records.clear()
        logits = network(part)
        if not all(read.shape[:-1] == part.shape[:1] for target in targets for read in records.read(target.module)):
            return None
        if any(len(records.read(target.module)) != 1 for target in targets):
            return None
        ends = [records.wrote(target.module)[0] for target in targets]
        squares = [torch.zeros_like(end) for end in ends]
        log_p = F.log_softmax(logits, dim=1)
        for label in range(logits.shape[1]):
            # rows do not mix: the gradient of the sum has that of every row
            gradients = torch.autograd.grad(log_p[:, label].sum(), ends, retain_graph=True)
            p = log_p[:, label, None].detach().exp()
            for square, gradient in zip(squares, gradients, strict=True):
                square.addcmul_(p, gradient.square())
        for total, square, target in zip(sums, squares, targets, strict=True):
            total += square.T @ records.read(target.module)[0].detach().square()
    return sums


def _row_by_row(network: nn.Module, targets: Sequence[Target], inputs: Tensor) -> list[Tensor]:
    sums = [torch.zeros_like(target.mask) for target in targets]
    parameters = [target.parameter for target in targets]
    for row in torch.split(inputs, 1):
        log_p = F.log_softmax(network(row)[0], dim=0)
        for value in log_p:
            gradients = torch.autograd.grad(value, parameters, retain_graph=True)
            for total, gradient in zip(sums, gradients, strict=True):
                total += value.detach().exp() * gradient.square()
    return sums
