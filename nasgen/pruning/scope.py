"""Scopes: which weights are compared with each other, by name.

See, Luong, Manning 2016, "Compression of Neural Machine Translation Models via Pruning", sec. 3.2 names the three
classes: blinded, uniform and distributed. A class is a target here, or a gate of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nasgen.pruning.targets import Target


@dataclass(frozen=True)
class Scope:
    """How the weights of several targets are compared.

    Attributes
    ----------
    by
        What gives up the same share of its weights: ``network`` (one threshold for all of them), ``target``, or
        ``gate`` of each target.
    deviations
        Whether saliencies count in standard deviations of the weights that are left of their target.
    equal
        Whether each gives up the same number instead of the same share, as long as it has so many.
    """

    by: str = "network"
    deviations: bool = False
    equal: bool = False

    def compared(self, targets: Sequence[Target], saliencies: Sequence[Tensor]) -> Tensor:
        """The saliencies of all weights one after another, made comparable; float64."""
        if self.deviations:
            saliencies = [one / _deviation(target) for one, target in zip(saliencies, targets, strict=True)]
        return torch.cat([saliency.flatten().double() for saliency in saliencies])

    def groups(self, targets: Sequence[Target]) -> Tensor:
        """The number of the group that each weight is in, in the same order."""
        sizes = [target.mask.numel() for target in targets]
        if self.by == "network":
            return torch.zeros(sum(sizes), dtype=torch.int64)
        gates = [target.gates if self.by == "gate" else 1 for target in targets]
        return torch.repeat_interleave(
            torch.tensor([size // gate for size, gate in zip(sizes, gates, strict=True) for _ in range(gate)])
        )


def _deviation(target: Target) -> Tensor:
    """Of the weights that are left; 1 where they do not differ."""
    left = target.weight[target.mask != 0]
    deviation = left.std(correction=0) if len(left) else left.sum()
    return deviation if deviation > 0 else torch.ones_like(deviation)


def order_of(compared: Tensor, alive: Tensor, groups: Tensor, equal: bool = False) -> Tensor:
    """The places of the weights that are alive, in the order in which they go; of equal ones the first before others.

    Within a group the least goes first. Between groups it is the turn of the one with the smallest (2 k + 1) / size, of
    which k have gone (the method of Sainte-Lague): each gives up the same share, give or take a weight. No group has to
    take one back when one more is to go, as with largest remainders it may.

    Parameters
    ----------
    compared, alive, groups
        The saliency of each weight, whether there still is one, and its group; shape (n,).
    equal
        Groups give up one weight each in turn instead, as long as they have some.
    """
    (places,) = torch.where(alive)
    places = places[compared[places].argsort(stable=True)]
    places = places[groups[places].argsort(stable=True)]
    group, sizes = groups[places], torch.bincount(groups[places])
    number = torch.arange(len(places)) - (sizes.cumsum(0) - sizes)[group]
    turn = number if equal else (2 * number + 1).double() / sizes[group]
    return places[turn.argsort(stable=True)]


SCOPES: Mapping[str, Scope] = {
    "global": Scope(),
    "uniform": Scope(by="target"),
    "amount": Scope(by="target", equal=True),
    "distributed": Scope(deviations=True),
    "gate": Scope(by="gate"),
}
"""``global`` is class-blinded; ``uniform`` takes the same share of each target, ``amount`` the same number."""
