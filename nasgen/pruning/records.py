"""Records: what modules read and write while a network runs."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from torch import Tensor, nn


class Records:
    """Within its block, the first input and the output of every pass through some modules, in order."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._passes: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {module: [] for module in modules}
        self._hooks = [module.register_forward_hook(self._note) for module in self._passes]

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()

    def read(self, module: nn.Module) -> list[Tensor]:
        """The inputs of a module."""
        return [read for read, _ in self._passes[module]]

    def wrote(self, module: nn.Module) -> list[Tensor]:
        """Its outputs."""
        return [wrote for _, wrote in self._passes[module]]

    def clear(self) -> None:
        """Forget what was noted."""
        for passes in self._passes.values():
            passes.clear()

    def _note(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        self._passes[module].append((inputs[0], output[0] if isinstance(output, tuple) else output))
