"""Comparing: a case is run with NaN and with large numbers where nobody wrote, and has to come to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from freed_memory.rubbish import FINITE, NAN, fill_with
from nasgen.training.loop import DivergedError

Found = Mapping[str, Tensor]
"""What a case computes: outputs, gradients, statistics, weights after a step, by name."""

RUBBISH = {NAN: float("nan"), FINITE: 1e7}
"""What is left in memory, by its byte, and the number that stands for it in data."""


class Numbers:
    """Where a case has its data from: the same each time, or one constant, which stays behind in libraries' buffers."""

    def __init__(self, seed: int, constant: float | None = None) -> None:
        self._rng = np.random.default_rng(seed)
        self._constant = constant

    def normal(self, *shape: int) -> Tensor:
        """float32 of this shape."""
        drawn = torch.from_numpy(self._rng.standard_normal(shape, dtype=np.float32))
        return drawn if self._constant is None else torch.full_like(drawn, self._constant)

    def integers(self, least: int, beyond: int, *shape: int) -> Tensor:
        """int64 of this shape, ``least`` or more and less than ``beyond``; never the constant."""
        return torch.from_numpy(self._rng.integers(least, beyond, shape))


@dataclass(frozen=True)
class Case:
    """Something that is computed, with a name that tells all that matters of it."""

    name: str
    run: Callable[[Numbers], Found]


def differing(case: Case) -> list[str]:
    """The parts of what a case computes that depend on what lay in memory, or are not finite; or why it diverged."""
    found: list[Found] = []
    for byte, constant in RUBBISH.items():
        fill_with(byte)
        with suppress(DivergedError):  # a training on rubbish may end how it likes
            _run(case, constant)
        try:
            found.append(_run(case, None))
        except DivergedError as error:
            return [str(error)]
    first, second = found
    return [part for part in first if not (_same_bits(first[part], second[part]) and _finite(first[part]))]


def _run(case: Case, constant: float | None) -> Found:
    torch.manual_seed(0)
    return case.run(Numbers(0, constant))


def _same_bits(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(
        *(each.contiguous().view(-1).view(torch.uint8) for each in (one, other))
    )


def _finite(values: Tensor) -> bool:
    return bool(values.isfinite().all())


@dataclass(frozen=True)
class Setting:
    """How something is run: whether in bfloat16, and with channels last."""

    bfloat16: bool
    channels_last: bool = True

    def __str__(self) -> str:
        return f"{'bfloat16' if self.bfloat16 else 'float32'}, channels {'last' if self.channels_last else 'first'}"

    def autocast(self) -> torch.autocast:
        """As trainings have it."""
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16)

    def laid_out(self, images: Tensor) -> Tensor:
        """Images of shape (N, C, H, W) in this layout."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return images.contiguous(memory_format=layout)


def passed(module: nn.Module, inputs: list[Tensor], numbers: Numbers, setting: Setting) -> Found:
    """A module forward and backward in training, and forward in evaluation; its gradients and what it remembers."""
    layout = torch.channels_last if setting.channels_last else torch.contiguous_format
    module.to(memory_format=layout)  # type: ignore[call-overload]  # unknown to torch's stubs
    module.train()
    reads = [one.requires_grad_() if one.is_floating_point() else one for one in inputs]
    with setting.autocast():
        output = module(*reads)
    output.backward(torch.empty_like(output).copy_(numbers.normal(*output.shape)))
    found = {"output": output.detach(), **dict(_gradients(module, reads))}
    found |= {f"{name} afterwards": buffer for name, buffer in module.named_buffers() if buffer.is_floating_point()}
    module.eval()
    with torch.inference_mode(), setting.autocast():
        found["output in evaluation"] = module(*reads)
    return found


def _gradients(module: nn.Module, reads: list[Tensor]) -> Iterator[tuple[str, Tensor]]:
    for number, one in enumerate(reads):
        if one.grad is not None:
            yield f"gradient of input {number}", one.grad
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            yield f"gradient of {name}", parameter.grad
