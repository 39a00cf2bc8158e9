"""Pruning by channels: how many go, which ones, and what stays whatever is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasgen.pruning.channels import ChannelPruner, group_saliencies
from nasgen.pruning.schedule import Geometric, OneShot, Schedule
from nasgen.pruning.targets import targets_of
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.network import CnnNetwork, build_network

SHAPE = (1, 8, 8)


def chain(*ops: str) -> CnnNetwork:
    names = ("input", *ops, "output")
    genotype = CnnGenotype(tuple(map(Op.parse, names)), tuple((n, n + 1) for n in range(len(names) - 1)))
    torch.manual_seed(0)
    return build_network(genotype, SHAPE, 3).eval()


def widths(network: nn.Module) -> list[int]:
    assert isinstance(network, CnnNetwork)
    return [step.op.channels for step in network.plan if step.op.kind == "conv"]


def pruned(network: CnnNetwork, saliency: str, scope: str, schedule: Schedule, seed: int = 0) -> ChannelPruner:
    pruner = ChannelPruner(network, saliency, scope, schedule, inputs=torch.ones(4, *SHAPE), seed=seed)
    list(pruner)
    return pruner


@pytest.mark.parametrize("saliency", ["random", "magnitude", "obd", "activation"])
@pytest.mark.parametrize("scope", ["global", "uniform"])
def test_the_rate_is_met_exactly(saliency: str, scope: str) -> None:
    pruner = pruned(chain("conv3x3:16", "conv3x3:24"), saliency, scope, OneShot(0.5))
    assert sum(widths(pruner.network)) == 20
    assert pruner.network(torch.ones(2, *SHAPE)).shape == (2, 3)
    if scope == "uniform":
        assert widths(pruner.network) == [8, 12]


def test_steps_say_what_is_left_and_the_network_itself_stays() -> None:
    network = chain("conv3x3:16", "conv3x3:16")
    pruner = ChannelPruner(network, "magnitude", "global", Geometric(0.75, 2))
    assert [(step.number, step.kept, step.total) for step in pruner] == [(0, 16, 32), (1, 8, 32)]
    assert widths(network) == [16, 16]


def test_a_group_is_worth_what_the_weights_that_read_it_are_worth() -> None:
    network = chain("conv3x3:8", "conv3x3:8")
    targets = targets_of(network)
    saliencies = [target.weight.abs() for target in targets]
    worth = group_saliencies(network.channels(), targets, saliencies)
    second, head = network.get_parameter("conv2.conv.weight"), network.head.weight
    torch.testing.assert_close(worth[:8], second.detach().abs().double().sum(dim=(0, 2, 3)))
    torch.testing.assert_close(worth[8:], head.detach().abs().double().sum(dim=0))


def test_what_is_read_least_goes_first() -> None:
    network = chain("conv3x3:8", "conv3x3:8")
    with torch.no_grad():
        network.get_parameter("conv2.conv.weight")[:, [1, 5]] *= 0.001
        network.head.weight[:, 3] *= 0.001
    left = pruned(network, "magnitude", "global", OneShot(3 / 16)).network
    assert widths(left) == [6, 7]
    stay = [place for place in range(8) if place not in (1, 5)]
    assert torch.equal(left.get_parameter("conv1.conv.weight"), network.get_parameter("conv1.conv.weight")[stay])


def test_every_layer_keeps_its_best_channel() -> None:
    network = chain("conv3x3:8", "conv3x3:8")
    with torch.no_grad():
        network.head.weight *= 0.001
    best = int(network.head.weight.abs().sum(dim=0).argmax())
    pruner = pruned(network, "magnitude", "global", OneShot(0.99))
    assert widths(pruner.network) == [1, 1]
    assert torch.equal(pruner.network.get_parameter("head.weight"), network.head.weight[:, [best]])


def test_random_channels_are_those_of_the_seed() -> None:
    first, again, other = (
        pruned(chain("conv3x3:32"), "random", "global", OneShot(0.5), seed).network.state_dict()["conv1.conv.weight"]
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_channels_that_a_sum_adds_count_once() -> None:
    ops = tuple(map(Op.parse, ["input", "conv3x3:8", "conv5x5:8", "sum", "output"]))
    network = build_network(CnnGenotype(ops, ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4))), SHAPE, 3)
    pruner = pruned(network, "magnitude", "uniform", OneShot(0.5))
    assert pruner.total == 8
    assert widths(pruner.network) == [4, 4]


def test_what_cannot_be_pruned_so_is_refused() -> None:
    with pytest.raises(ValueError, match="a network that can lose channels, found a Linear"):
        ChannelPruner(nn.Linear(2, 2), "magnitude", "global", OneShot(0.5))
    with pytest.raises(ValueError, match="scope must be one of global, uniform, found 'gate'"):
        ChannelPruner(chain("conv3x3:8"), "magnitude", "gate", OneShot(0.5))
    with pytest.raises(ValueError, match="saliency must be one of random, "):
        ChannelPruner(chain("conv3x3:8"), "luck", "global", OneShot(0.5))


def test_layers_of_the_image_alone_keep_what_is_fixed() -> None:
    ops = tuple(map(Op.parse, ["input", "conv3x3:8", "sum", "output"]))
    network = build_network(CnnGenotype(ops, ((0, 1), (0, 2), (1, 2), (2, 3))), SHAPE, 3)
    pruner = pruned(network, "magnitude", "global", OneShot(0.99))
    assert widths(pruner.network) == [1]  # the channel that is added to the image
    assert np.isfinite(pruner.network(torch.ones(1, *SHAPE)).detach().numpy()).all()
