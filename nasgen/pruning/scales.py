"""Scales: the root mean square of what each weight multiplies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nasgen.pruning.records import Records
from nasgen.pruning.targets import Target
from search_spaces import ReadingModule

AT_ONCE = 500


def input_scales(network: nn.Module, targets: Sequence[Target], inputs: Tensor) -> list[Tensor]:
    """For each target the root mean square of what its weights multiply, in a shape that broadcasts to theirs.

    The mean is over rows, and places or steps. Of linear layers, convolutions, modules that say what they read
    (:class:`search_spaces.space.ReadingModule`, as those of the spaces ``mask``, ``sparse`` and ``rnn`` do), and
    recurrent layers of torch's kind whose weights are ``weight_ih*`` and ``weight_hh*``: these read the layer's inputs,
    and its own outputs of the step before (0 before the first).

    Raises
    ------
    ValueError
        If a target belongs to another kind of module, or one that did not run.
    """
    network.eval()
    squares = [0.0 * target.mask.sum() for target in targets]
    counts = [0] * len(targets)
    with Records([target.module for target in targets]) as records, torch.inference_mode():
        for part in torch.split(inputs, AT_ONCE):
            records.clear()
            network(part)
            for place, target in enumerate(targets):
                for read, wrote in zip(records.read(target.module), records.wrote(target.module), strict=True):
                    square, count = _square(target, read, wrote)
                    squares[place], counts[place] = squares[place] + square, counts[place] + count
    if 0 in counts:
        raise ValueError(
            f"expected weights that take part when the network runs, found {targets[counts.index(0)].name}"
        )
    return [(square / count).sqrt() for square, count in zip(squares, counts, strict=True)]


def _square(target: Target, read: Tensor, wrote: Tensor) -> tuple[Tensor, int]:
    """The sum of squares of what a target's weights multiplied in one pass, and how many terms there were."""
    if isinstance(target.module, ReadingModule):
        return target.module.squares(target.attribute, read)
    if isinstance(target.module, nn.Linear):
        return read.square().flatten(0, -2).sum(dim=0), read[..., 0].numel()
    if isinstance(target.module, nn.modules.conv._ConvNd):
        dims = [0, *range(2, read.ndim)]
        sums = read.square().sum(dim=dims)
        if target.module.groups > 1:  # each filter reads the channels of its group alone
            of_group = sums.view(target.module.groups, -1)
            sums = of_group.repeat_interleave(target.mask.shape[0] // target.module.groups, dim=0)
        return sums.view(*sums.shape, *[1] * (target.mask.ndim - 2)), read[:, 0].numel()
    if target.attribute.startswith(("weight_ih", "weight_hh")) and read.ndim == 3:
        return _recurrent_square(target, read, wrote), read.shape[0] * read.shape[1]
    raise ValueError(
        "expected linear, convolutional or recurrent layers, or modules that say what they read, to scale weights by "
        f"it, found {target.name} of a {type(target.module).__name__}"
    )


def _recurrent_square(target: Target, read: Tensor, wrote: Tensor) -> Tensor:
    if getattr(target.module, "num_layers", 1) > 1 or getattr(target.module, "bidirectional", False):
        raise ValueError(
            f"expected recurrent layers one by one to scale weights by what they read, found {target.name} of several"
        )
    if target.attribute.startswith("weight_ih"):
        return read.square().sum(dim=(0, 1))
    time = 1 if getattr(target.module, "batch_first", False) else 0
    return wrote.narrow(time, 0, wrote.shape[time] - 1).square().sum(dim=(0, 1))
