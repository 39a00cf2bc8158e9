"""Operations that leave a part of what they return unwritten: the harness has to find each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from freed_memory.comparing import Case, Found, Numbers, Setting, passed


class HalfWritten(nn.Module):
    """Twice what it reads, in half of the rows."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The same shape."""
        return torch.cat(
            [2 * inputs[: len(inputs) // 2], torch.empty_like(inputs[len(inputs) // 2 :]) + 0 * inputs[:1]]
        )


class _HalfTheGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return inputs @ weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors
        by_weight = torch.empty_like(weight)
        by_weight[1:] = (inputs.t() @ gradients[0])[1:]
        return gradients[0] @ weight.t(), by_weight


class HalfTheGradient(nn.Module):
    """A matrix product whose gradient by the first row of the weights nobody writes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 4))

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, 8) to (n, 4)."""
        product: Tensor = _HalfTheGradient.apply(inputs, self.weight)  # type: ignore[no-untyped-call]
        return product


class WholeKernel(nn.Module):
    """A convolution with the taps that no pixel meets: oneDNN's weight gradient leaves them unwritten in bfloat16."""

    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(64, inputs, kernel, kernel))

    def forward(self, images: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 64, H, W)."""
        return F.conv2d(images, self.weight, padding=self.weight.shape[2] // 2)


def by_hand(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Broken on every processor."""
    for module in (HalfWritten, HalfTheGradient):

        def run(numbers: Numbers, module: type[nn.Module] = module) -> Found:
            return passed(module(), [numbers.normal(6, 8)], numbers, setting)

        yield Case(f"{module.__name__}, {setting}", run)


def by_torch(rng: np.random.Generator, count: int, setting: Setting) -> Iterator[Case]:
    """Broken by oneDNN where it multiplies with AVX512-BF16, as torch 2.13 has it."""
    for kernel, side in ((5, 1), (7, 1), (7, 2)):

        def run(numbers: Numbers, kernel: int = kernel, side: int = side) -> Found:
            images = setting.laid_out(numbers.normal(32, 160, side, side))
            return passed(WholeKernel(160, kernel), [images], numbers, setting)

        yield Case(f"conv{kernel}x{kernel} with all its taps on {side} x {side}, {setting}", run)
