"""Pruning by channels: networks that are smaller, instead of masks over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nasgen.pruning.pruner import Step, named
from nasgen.pruning.saliency import SALIENCIES, Looks
from nasgen.pruning.schedule import Left, Schedule
from nasgen.pruning.scope import SCOPES, order_of
from nasgen.pruning.targets import Target, targets_of
from search_spaces import SlimmingNetwork
from search_spaces.space import Channels

CHANNEL_SCOPES = ("global", "uniform")


class ChannelPruner:
    """Prunes the channels of a network step by step; each step makes a smaller network of it.

    ::

        pruner = ChannelPruner(network, "activation", "uniform", Geometric(0.5, steps=3), inputs=rows)
        for step in pruner:
            train(pruner.network, ...)

    A step counts groups of channels: those that a sum adds go together (:class:`search_spaces.space.Channels`). One is
    worth what all weights that read it are worth together. The best one of each layer stays, lest a network be cut in
    two.

    Parameters
    ----------
    network
        One that can lose channels, as those of the space ``cnn`` can. Its weights are left as they are, under masks,
        and itself in evaluation mode by some saliencies.
    saliency, scope
        Names in ``SALIENCIES`` and ``CHANNEL_SCOPES``: one threshold for all groups, or the same share of each layer's.
    schedule
        How many groups go at each step.
    inputs
        Rows of training data on the network's device, which some saliencies look at.
    seed
        Of random saliencies.

    Attributes
    ----------
    network
        What is left.

    Raises
    ------
    ValueError
        If there is no saliency or scope of that name, or the network cannot lose channels.
    """

    def __init__(
        self,
        network: nn.Module,
        saliency: str,
        scope: str,
        schedule: Schedule,
        *,
        inputs: Tensor | None = None,
        seed: int = 0,
    ) -> None:
        if not isinstance(network, SlimmingNetwork):
            raise ValueError(f"expected a network that can lose channels, found a {type(network).__name__}")
        self.network: nn.Module = network
        self.schedule, self.inputs = schedule, inputs
        self._saliency = named("saliency", saliency, SALIENCIES)
        self._by_layer = named("scope", scope, {name: SCOPES[name] for name in CHANNEL_SCOPES}).by == "target"
        self._generator = torch.Generator().manual_seed(seed)
        self.total = network.channels().number

    def __iter__(self) -> Iterator[Step]:
        """Prune once for each step of the schedule, until it is over or nothing is left that may go."""
        number = 0
        while True:
            assert isinstance(self.network, SlimmingNetwork)  # what without_channels returns
            channels = self.network.channels()
            if not channels.number:
                return
            worth = self._worth(channels)
            layers = _layers(channels)
            free = torch.ones(channels.number, dtype=torch.bool)
            free[_best_of_each(channels, worth)] = False
            order = order_of(worth, free, layers if self._by_layer else torch.zeros_like(layers))
            left = worth[torch.cat([order, torch.where(~free)[0]])]
            gone = order[: self.schedule.count(number, Left(self.total, left))]
            if not len(gone):
                return
            kept = torch.ones_like(free).index_fill(0, gone, False)
            self.network = self.network.without_channels(kept.numpy())
            yield Step(number, int(kept.sum()), self.total)
            number += 1

    def _worth(self, channels: Channels) -> Tensor:
        """What each group is worth: the saliencies of its weights, float64."""
        targets = targets_of(self.network)
        saliencies = self._saliency(targets, Looks(self.network, self.inputs), self._generator)
        return group_saliencies(channels, targets, saliencies)


def group_saliencies(channels: Channels, targets: Sequence[Target], saliencies: Sequence[Tensor]) -> Tensor:
    """The sum of the saliencies of the weights that read each group, shape (number,), float64."""
    worth = np.zeros(channels.number + 1)  # the last is for what is fixed
    for target, saliency in zip(targets, saliencies, strict=True):
        groups = channels.reads.get(target.name.partition(".")[0])
        if groups is not None:
            of_channels = saliency.detach().double().cpu().transpose(0, 1).flatten(1).sum(1)
            np.add.at(worth, groups, of_channels.numpy())
    return torch.from_numpy(worth[:-1])


def _layers(channels: Channels) -> Tensor:
    """For each group the number of the first layer that writes it."""
    layers = np.full(channels.number, -1)
    for number, groups in enumerate(channels.writes.values()):
        new = groups[(groups >= 0) & (layers[groups] < 0)]
        layers[new] = number
    return torch.from_numpy(layers)


def _best_of_each(channels: Channels, worth: Tensor) -> list[int]:
    """The group of each layer that is worth most, where none of its channels is fixed."""
    best = []
    for groups in channels.writes.values():
        if (groups >= 0).all():
            best.append(int(groups[int(worth[torch.from_numpy(groups)].argmax())]))
    return best
