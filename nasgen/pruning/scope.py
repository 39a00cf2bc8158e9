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


def least(compared: Tensor, alive: Tensor, groups: Tensor, count: int, equal: bool = False) -> Tensor:
    """Which of the weights that are alive go, as a mask; of equal ones the first.

    Parameters
    ----------
    compared, alive, groups
        The saliency of each weight, whether there still is one, and its group; shape (n,).
    count
        How many go in all. Each group gives up the same share of what it has, and what rounding leaves over goes to
        the groups that it would cut most; of equal ones the first.
    equal
        Each group gives up the same number instead, or all it has.
    """
    living = torch.bincount(groups[alive], minlength=int(groups.max()) + 1).tolist()
    shares = _equal_numbers(living, count) if equal else _equal_shares(living, count)
    gone = torch.zeros_like(alive)
    for group, share in enumerate(shares):
        (places,) = torch.where(alive & (groups == group))
        order = torch.argsort(compared[places], stable=True)
        gone[places[order[:share]]] = True
    return gone


def _equal_shares(living: Sequence[int], count: int) -> list[int]:
    """The count spread over the groups by their sizes: rounded down, and one more where the remainder is largest."""
    total = sum(living)
    shares = [count * size // total for size in living]
    remainders = sorted(range(len(living)), key=lambda group: -(count * living[group] % total))
    for group in remainders[: count - sum(shares)]:
        shares[group] += 1
    return shares


def _equal_numbers(living: Sequence[int], count: int) -> list[int]:
    """The count spread over the groups by equal numbers, the smallest groups first: they may not have so many."""
    shares, left = [0] * len(living), count
    order = sorted(range(len(living)), key=lambda group: living[group])
    for place, group in enumerate(order):
        shares[group] = min(living[group], left // (len(order) - place))
        left -= shares[group]
    return shares


SCOPES: Mapping[str, Scope] = {
    "global": Scope(),
    "uniform": Scope(by="target"),
    "amount": Scope(by="target", equal=True),
    "distributed": Scope(deviations=True),
    "gate": Scope(by="gate"),
}
"""``global`` is class-blinded; ``uniform`` takes the same share of each target, ``amount`` the same number."""
