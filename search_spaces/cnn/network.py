"""The torch module of a genotype."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.cnn.genotype import CnnGenotype
from search_spaces.cnn.plan import Fit, Step, forward_plan
from search_spaces.space import Channels


def build_network(genotype: CnnGenotype, input_shape: Sequence[int], n_classes: int) -> CnnNetwork:
    """The network of a genotype; isomorphic genotypes give the same network, initialisation included.

    Parameters
    ----------
    genotype
        A valid genotype.
    input_shape
        (C, H, W) of the images.
    n_classes
        Width of the logits.
    """
    return CnnNetwork(forward_plan(genotype, input_shape), n_classes)


class CnnNetwork(nn.Module):
    """A layer for every vertex, run in canonical order: (N, C, H, W) images to (N, n_classes) logits."""

    def __init__(self, plan: tuple[Step, ...], n_classes: int) -> None:
        super().__init__()
        self.plan = plan
        for step in plan[1:-1]:
            self.add_module(step.name, _layer(step))
        self.head = nn.Linear(plan[-1].shape[0], n_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits; an activation is let go once its last reader has run."""
        values = {0: images}
        for step in self.plan[1:-1]:
            inputs = [values[vertex] for vertex in step.inputs]
            for vertex in step.frees:
                del values[vertex]
            values[step.vertex] = getattr(self, step.name)(*inputs)
        logits: Tensor = self.head(values[self.plan[-1].inputs[0]].mean(dim=(2, 3)))
        return logits

    def channels(self) -> Channels:
        """Which of its channels can only go together (:mod:`search_spaces.cnn.channels`)."""
        from search_spaces.cnn.channels import channels_of

        return channels_of(self)

    def without_channels(self, kept: NDArray[np.bool_]) -> CnnNetwork:
        """A smaller network with the groups of channels that are kept, and their weights."""
        from search_spaces.cnn.channels import without_channels

        return without_channels(self, kept)

    def described(self) -> tuple[CnnGenotype, str, str]:
        """Its genotype, with the vertices numbered as they run, its code, and the name of the class in that."""
        from search_spaces.cnn.source import SOURCE_CLASS, source_of_plan

        edges = tuple((tail, step.vertex) for step in self.plan for tail in step.inputs)
        genotype = CnnGenotype(tuple(step.op for step in self.plan), edges)
        return genotype, source_of_plan(self.plan, self.head.out_features), SOURCE_CLASS


# Leaving taps out is not for speed: in bfloat16 oneDNN may never write their gradient, which then is what lay in memory
# before (docs/decisions/0024).
class Conv(nn.Conv2d):
    """Convolution that keeps height and width, without the taps that no pixel meets.

    On a map with a side of s pixels these are the taps further than s - 1 from the middle of the kernel: they read
    padding alone. A kernel of 7 x 7 has a single one left on a map of 1 x 1.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        weight = self.weight
        for axis in (2, 3):
            beyond = weight.shape[axis] // 2 - (input.shape[axis] - 1)
            if beyond > 0:
                weight = weight.narrow(axis, beyond, weight.shape[axis] - 2 * beyond)
        return F.conv2d(input, weight, padding=(weight.shape[2] // 2, weight.shape[3] // 2))


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = Conv(inputs, outputs, kernel)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        return F.relu(self.norm(self.conv(x)))


class Pool(nn.Module):
    """2 x 2 pooling; the identity at a height or width of 1."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H // 2, W // 2)."""
        if min(x.shape[2:]) < 2:
            return x
        return F.max_pool2d(x, 2) if self.kind == "max_pool" else F.avg_pool2d(x, 2)

    def extra_repr(self) -> str:
        """What ``print(network)`` shows."""
        return self.kind


class Merge(nn.Module):
    """Inputs brought to one size, then added or concatenated.

    Sizes are those of the inputs that come, so that images of less than full resolution go through as well.
    """

    def __init__(self, kind: str, fits: tuple[Fit, ...]) -> None:
        super().__init__()
        self.kind = kind
        self.fits = fits

    def forward(self, *inputs: Tensor) -> Tensor:
        """(N, C_i, H_i, W_i) each, to (N, C, H, W) with the smallest height and width."""
        size = min(x.shape[2] for x in inputs), min(x.shape[3] for x in inputs)
        fitted = [_fitted(x, size, fit.padding) for x, fit in zip(inputs, self.fits, strict=True)]
        if self.kind == "concat":
            return torch.cat(fitted, dim=1)
        total = fitted[0]
        for x in fitted[1:]:
            total = total + x
        return total

    def extra_repr(self) -> str:
        """What ``print(network)`` shows."""
        return f"{self.kind}, {len(self.fits)} inputs"


def _fitted(x: Tensor, size: tuple[int, int], padding: int) -> Tensor:
    height, width = x.shape[2:]
    if (height, width) != size:
        even = height % size[0] == 0 == width % size[1]  # faster, and deterministic on GPUs
        window = (height // size[0], width // size[1])
        x = F.max_pool2d(x, window) if even else F.adaptive_max_pool2d(x, size)
    return F.pad(x, (0, 0, 0, 0, 0, padding)) if padding else x


def _layer(step: Step) -> nn.Module:
    if step.op.kind == "conv":
        return ConvBlock(step.input_shapes[0][0], step.op.channels, step.op.kernel)
    if step.fits:
        return Merge(step.op.kind, step.fits)
    if step.op.kind == "skip" or not step.halves:
        return nn.Identity()
    return Pool(step.op.kind)
