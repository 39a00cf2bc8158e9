"""Channels: which of a network's can only go together, and the smaller network without some of them.

What a conv writes is read through poolings, sums and concatenations. A sum ties channel i of all that it adds, so that
they go together or not at all; channels of the image stay. What is left of a network is one of the same graph, with
fewer channels in its convs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from search_spaces.cnn.genotype import CnnGenotype, Op
from search_spaces.cnn.network import CnnNetwork
from search_spaces.cnn.plan import Step, plan_in_order
from search_spaces.space import FIXED, Channels

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def channels_of(network: CnnNetwork) -> Channels:
    """The groups of a network's channels, in the order in which they are first written."""
    plan = network.plan
    image = plan[0].shape[0]
    total = image + sum(step.op.channels for step in plan)
    roots = np.arange(total)  # a number a channel, those of the image first; which one stands for all it is tied to
    values: dict[int, Ints] = {0: roots[:image].copy()}
    writes: dict[str, Ints] = {}
    reads: dict[str, Ints] = {}
    first = image
    for step in plan[1:]:
        inputs = [values[vertex] for vertex in step.inputs]
        if step.op.kind == "conv":
            reads[step.name] = inputs[0]
            writes[step.name] = values[step.vertex] = np.arange(first, first + step.op.channels)
            first += step.op.channels
        elif step.op.kind == "output":
            reads[step.name] = inputs[0]
        elif step.op.kind == "concat":
            values[step.vertex] = np.concatenate(inputs)
        elif step.op.kind == "sum":
            values[step.vertex] = max(inputs, key=len)
            for one in inputs:
                for channel, other in zip(values[step.vertex].tolist(), one.tolist(), strict=False):
                    _tie(roots, channel, other)
        else:
            values[step.vertex] = inputs[0]
    root = np.array([_root(roots, channel) for channel in range(total)])
    free = np.unique(root[root >= image])
    group = np.full(total, FIXED)
    group[free] = np.arange(len(free))
    return Channels(
        len(free),
        {name: group[root[channels]] for name, channels in writes.items()},
        {name: group[root[channels]] for name, channels in reads.items()},
    )


def _root(roots: Ints, channel: int) -> int:
    while roots[channel] != channel:
        channel = roots[channel]
    return channel


def _tie(roots: Ints, one: int, other: int) -> None:
    """The lower number stands for both: a channel of the image, where there is one."""
    first, second = sorted((_root(roots, one), _root(roots, other)))
    roots[second] = first


def without_channels(network: CnnNetwork, kept: Bools) -> CnnNetwork:
    """The network with the groups that are kept, its weights copied; where the others were zero it computes the same.

    Parameters
    ----------
    network
        Left as it is.
    kept
        One value a group of :func:`channels_of`, shape (number,).

    Raises
    ------
    ValueError
        If a conv would have no channel left, or ``kept`` has another length.
    """
    channels = channels_of(network)
    if kept.shape != (channels.number,):
        raise ValueError(f"expected one value a group of channels ({channels.number}), found shape {kept.shape}")
    stay = np.append(kept, True)  # FIXED is the last
    writes = {name: np.flatnonzero(stay[groups]) for name, groups in channels.writes.items()}
    reads = {name: np.flatnonzero(stay[groups]) for name, groups in channels.reads.items()}
    if empty := [name for name, places in writes.items() if not len(places)]:
        raise ValueError(f"expected a channel or more in every conv, found none left in {', '.join(empty)}")
    plan = plan_in_order(_with_channels(network.plan, writes), network.plan[0].shape)
    slim = CnnNetwork(plan, network.head.out_features)
    state = network.state_dict()
    with torch.no_grad():
        for name, value in slim.state_dict().items():
            layer = name.partition(".")[0]
            theirs = state[name]
            if layer in writes and theirs.ndim:
                theirs = theirs[torch.from_numpy(writes[layer])]
            if layer in reads and theirs.ndim > 1:
                theirs = theirs[:, torch.from_numpy(reads[layer])]
            value.copy_(theirs)
    return slim.to(next(network.parameters()).device).train(network.training)


def _with_channels(plan: tuple[Step, ...], writes: Mapping[str, Ints]) -> CnnGenotype:
    ops = [Op("conv", step.op.kernel, len(writes[step.name])) if step.name in writes else step.op for step in plan]
    return CnnGenotype(tuple(ops), tuple((tail, step.vertex) for step in plan for tail in step.inputs))
