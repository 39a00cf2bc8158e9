"""Targets: the weights of a network that may be pruned, and the masks over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

_SPARED = (nn.Embedding, nn.EmbeddingBag, nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.PReLU)
_GATES = {"LSTM": 4, "GRU": 3}


@dataclass(frozen=True, eq=False)
class Target:
    """One parameter of a module under a mask of torch's (:mod:`torch.nn.utils.prune`).

    From then on the module's attribute of that name is the product of ``NAME_orig``, the parameter, and ``NAME_mask``,
    a buffer, made anew before each forward pass.

    Attributes
    ----------
    name
        In the network, as in its ``named_parameters()`` before.
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
    def weight(self) -> Tensor:
        """The weights with zeros where there are none any more; no gradient."""
        return self.parameter.detach() * self.mask

    @property
    def parameter(self) -> nn.Parameter:
        """What is trained."""
        parameter = getattr(self.module, f"{self.attribute}_orig")
        assert isinstance(parameter, nn.Parameter)
        return parameter

    @property
    def mask(self) -> Tensor:
        """1 where a weight is kept, else 0; of the weights' shape and type."""
        mask = getattr(self.module, f"{self.attribute}_mask")
        assert isinstance(mask, Tensor)
        return mask

    def keep(self, mask: Tensor) -> None:
        """Keep the weights where a mask of their shape is not 0; what is pruned becomes 0 in the parameter too."""
        self.mask.copy_(mask)
        with torch.no_grad():
            self.parameter.mul_(self.mask)
        setattr(self.module, self.attribute, self.parameter * self.mask)  # for who reads it before the next pass


def targets_of(network: nn.Module, only: Sequence[str] = ("*",), spare: Sequence[str] = ()) -> list[Target]:
    """Put masks of ones over the weights of a network, in the order of its parameters.

    Weights are the parameters whose names say so (``weight``, ``weight_ih_l0``, ``in_proj_weight``), but for those of
    embeddings and normalisations. Biases are no weights. A network that has such masks already keeps them.

    Parameters
    ----------
    network
        Any module.
    only, spare
        Patterns of names, as ``*.weight_hh`` or ``features.*``: which weights are targets, and which of those not.

    Raises
    ------
    ValueError
        If there is no such weight; the message has the names there are.
    """
    found = [
        (f"{path}.{name}" if path else name, module, name)
        for path, module in network.named_modules()
        if not isinstance(module, _SPARED)
        for name in _weights_of(module)
    ]
    chosen = [one for one in found if _matches(one[0], only) and not _matches(one[0], spare)]
    if not chosen:
        names = ", ".join(name for name, _, _ in found) or "no weights"
        raise ValueError(f"expected weights called {' or '.join(only)}, found {names}")
    for _, module, name in chosen:
        if not hasattr(module, f"{name}_mask"):
            prune.identity(module, name)  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
    return [Target(path, module, name, _gates(module)) for path, module, name in chosen]


def finish(targets: Sequence[Target]) -> None:
    """Make plain parameters of the targets again, with zeros where weights were pruned."""
    for target in targets:
        prune.remove(target.module, target.attribute)  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped


def _weights_of(module: nn.Module) -> list[str]:
    names = [name.removesuffix("_orig") for name, _ in module.named_parameters(recurse=False)]
    return [name for name in names if name.startswith("weight") or name.endswith("weight")]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _gates(module: nn.Module) -> int:
    """Of torch's recurrent layers by their mode; other modules may have an attribute of that name."""
    mode = getattr(module, "mode", "") or type(module).__name__.removesuffix("Cell")
    gates = getattr(module, "gates", None)
    return gates if isinstance(gates, int) else _GATES.get(mode, 1)
