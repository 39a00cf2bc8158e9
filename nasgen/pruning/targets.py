"""Targets: the weights of a network that may be pruned, and the masks over them.

A mask works by three means: pruned weights are zeros in the parameter itself, their gradients are zeroed, and before
each forward pass of the network they are zeroed again, for optimisers that move a weight without a gradient. The
network's parameters keep their names. (torch's own pruning makes a product of weight and mask before the pass of each
module: it is stale where a module reads the weights of another one, as attention does.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

_SPARED = (
    nn.Embedding,
    nn.EmbeddingBag,
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.GroupNorm,
    nn.PReLU,
)
_GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of a module under a mask.

    Attributes
    ----------
    name
        In the network, as in its ``named_parameters()``.
    module, attribute
        Whose parameter it is, and its name there.
    gates
        How many gates stand below each other in its rows.
    """

    name: str
    module: nn.Module
    attribute: str
    gates: int

    @property
    def parameter(self) -> nn.Parameter:
        """What is trained, with zeros where weights are pruned."""
        return self.module.get_parameter(self.attribute)

    @property
    def weight(self) -> Tensor:
        """The same without gradient."""
        return self.parameter.detach()

    @property
    def mask(self) -> Tensor:
        """1 where a weight is kept, else 0; of the weights' shape and type, and on their device."""
        return self.module.get_buffer(_mask_of(self.attribute))

    def keep(self, mask: Tensor) -> None:
        """Keep the weights where a mask of their shape is not 0."""
        self.mask.copy_(mask)
        self.apply()

    def apply(self) -> None:
        """Zero what is pruned."""
        with torch.no_grad():
            self.parameter.mul_(self.mask)


def targets_of(network: nn.Module, only: Sequence[str] = ("*",), spare: Sequence[str] = ()) -> list[Target]:
    """Put masks of ones over the weights of a network, in the order of its parameters.

    Weights are the parameters whose names say so (``weight``, ``weight_ih_l0``, ``in_proj_weight``), but for those of
    embeddings and normalisations. Biases are no weights. A weight that has such a mask already keeps it.

    Parameters
    ----------
    network
        Any module.
    only, spare
        Patterns of names, as ``*.weight_hh`` or ``features.*``: which weights are targets, and which of those not.

    Raises
    ------
    ValueError
        If a pattern names no weight, or none is left; the message has the names there are.
    """
    found = _weights(network)
    chosen = [one for one in found if _matches(one[0], only) and not _matches(one[0], spare)]
    unused = [one for one in (*only, *spare) if not any(fnmatchcase(name, one) for name, _, _ in found)]
    if unused or not chosen:
        names = ", ".join(name for name, _, _ in found) or "no weights"
        wanted = " and ".join(unused) if unused else f"other than {' and '.join(spare)}"
        raise ValueError(f"expected weights called {wanted}, found {names}")
    targets = [Target(path, module, name, _gates(module)) for path, module, name in chosen]
    for target in targets:
        if not hasattr(target.module, _mask_of(target.attribute)):
            _put_mask(network, target)
    return targets


def count_weights(network: nn.Module) -> tuple[int, int]:
    """How many of a network's weights, of those that may be pruned, are not 0, and how many there are."""
    weights = [module.get_parameter(name).detach() for _, module, name in _weights(network)]
    return sum(int(weight.count_nonzero()) for weight in weights), sum(weight.numel() for weight in weights)


def _weights(network: nn.Module) -> list[tuple[str, nn.Module, str]]:
    """Name in the network, module, and name there."""
    return [
        (f"{path}.{name}" if path else name, module, name)
        for path, module in network.named_modules()
        if not isinstance(module, _SPARED)
        for name, _ in module.named_parameters(recurse=False)
        if name.startswith("weight") or name.endswith("weight")
    ]


def _put_mask(network: nn.Module, target: Target) -> None:
    mask = torch.ones_like(target.parameter, requires_grad=False)
    target.module.register_buffer(_mask_of(target.attribute), mask, persistent=False)
    target.parameter.register_hook(  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
        lambda gradient: gradient * target.mask
    )
    network.register_forward_pre_hook(lambda module, inputs: target.apply())


def _mask_of(attribute: str) -> str:
    return f"{attribute}_mask"


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _gates(module: nn.Module) -> int:
    """Of torch's recurrent layers by their mode; other modules may have an attribute of that name."""
    mode = getattr(module, "mode", "") or type(module).__name__.removesuffix("Cell")
    gates = getattr(module, "gates", None)
    return gates if isinstance(gates, int) else _GATES.get(mode, 1)
