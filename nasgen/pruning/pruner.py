"""The pruner: saliency, scope and schedule joined; whoever takes its steps trains in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from nasgen.pruning.saliency import SALIENCIES, Looks
from nasgen.pruning.schedule import Left, Schedule
from nasgen.pruning.scope import SCOPES, order_of
from nasgen.pruning.targets import Target

Value = TypeVar("Value")


@dataclass(frozen=True)
class Step:
    """What a step of pruning came to: its number from 0, the weights that are kept, and all of them."""

    number: int
    kept: int
    total: int

    @property
    def density(self) -> float:
        """Kept / total."""
        return self.kept / self.total

    @property
    def sparsity(self) -> float:
        """The share of all weights that is gone."""
        return 1 - self.density


class Pruner:
    """Prunes a network in place, step by step.

    ::

        for step in Pruner(network, targets_of(network), "magnitude", "global", Geometric(0.9, steps=3)):
            train(network, ...)

    Parameters
    ----------
    network
        Any module.
    targets
        Weights of it, under masks (:func:`nasgen.pruning.targets.targets_of`).
    saliency, scope
        Names in ``SALIENCIES`` and ``SCOPES``.
    schedule
        How many weights go at each step.
    inputs
        Rows of training data on the network's device, which some saliencies look at.
    rewind
        The state (:func:`snapshot`) that the weights go back to at every step, but for what is pruned (Frankle,
        Dziugaite, Roy, Carbin 2019, "Stabilizing the Lottery Ticket Hypothesis"); None to go on from where they are.
    seed
        Of random saliencies.

    Raises
    ------
    ValueError
        If there is no saliency or scope of that name.
    """

    def __init__(
        self,
        network: nn.Module,
        targets: Sequence[Target],
        saliency: str,
        scope: str,
        schedule: Schedule,
        *,
        inputs: Tensor | None = None,
        rewind: Mapping[str, Tensor] | None = None,
        seed: int = 0,
    ) -> None:
        self.network, self.targets, self.schedule = network, tuple(targets), schedule
        self.saliency = named("saliency", saliency, SALIENCIES)
        self.scope = named("scope", scope, SCOPES)
        self.looks = Looks(network, inputs)
        self.rewind = rewind
        self._generator = torch.Generator().manual_seed(seed)
        self._groups = self.scope.groups(self.targets)
        self.total = len(self._groups)

    @property
    def kept(self) -> int:
        """How many weights are left."""
        return int(self._alive().sum())

    def __iter__(self) -> Iterator[Step]:
        """Prune once for each step of the schedule, until it is over."""
        number = 0
        while len(gone := self._going(number)):
            self._keep(self._alive().index_fill(0, gone, False))
            yield Step(number, self.kept, self.total)
            number += 1

    def _going(self, number: int) -> Tensor:
        """The places of the weights that go at a step."""
        compared = self._compared()
        order = order_of(compared, self._alive(), self._groups, self.scope.equal)
        return order[: self.schedule.count(number, Left(self.total, compared[order]))]

    def _compared(self) -> Tensor:
        """The saliency of every weight, as the scope compares them."""
        saliencies = self.saliency(self.targets, self.looks, self._generator)
        return self.scope.compared(self.targets, saliencies).cpu()

    def _alive(self) -> Tensor:
        return torch.cat([target.mask.flatten() != 0 for target in self.targets]).cpu()

    def _keep(self, alive: Tensor) -> None:
        if self.rewind is not None:
            self.network.load_state_dict(self.rewind)
        masks = torch.split(alive, [target.mask.numel() for target in self.targets])
        for target, mask in zip(self.targets, masks, strict=True):
            target.keep(mask.view_as(target.mask))


def named(what: str, name: str, known: Mapping[str, Value]) -> Value:
    """One of a few by name; ValueError lists them."""
    if name not in known:
        raise ValueError(f"{what} must be one of {', '.join(known)}, found {name!r}")
    return known[name]


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    """The state of a network, copied."""
    return {name: value.clone() for name, value in network.state_dict().items()}
