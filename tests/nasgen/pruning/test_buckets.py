"""Buckets: what goes sums up to no more than their size, whatever the scope, and the next weight would not fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasgen.pruning import SCOPES, Bucket, ChannelPruner, Pruner, Target, targets_of
from nasgen.pruning.channels import group_saliencies
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.network import CnnNetwork, build_network


def layers(seed: int) -> tuple[nn.Module, list[Target]]:
    """Three layers of 2, 6 and 12 weights and a recurrent one of 9 and 27, all small integers, some of them equal."""
    module = nn.ModuleList([nn.Linear(2, 1), nn.Linear(3, 2), nn.Linear(4, 3), nn.GRU(1, 3, bias=False)])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randint(0, 20, parameter.shape, generator=generator))
    return module, targets_of(module)


def flat_masks(targets: list[Target]) -> torch.Tensor:
    return torch.cat([target.mask.flatten() != 0 for target in targets])


@pytest.mark.parametrize("scope", SCOPES)
@given(seed=st.integers(0, 10_000), size=st.floats(0, 200))
@settings(max_examples=30, deadline=None)
def test_what_goes_fits_and_one_more_would_not(scope: str, seed: int, size: float) -> None:
    module, targets = layers(seed)
    groups = SCOPES[scope].groups(targets)
    steps = iter(Pruner(module, targets, "magnitude", scope, Bucket(size)))
    while True:
        worth = SCOPES[scope].compared(targets, [target.weight.abs() for target in targets])
        before = flat_masks(targets)
        if next(steps, None) is None:
            break
        left = flat_masks(targets)
        gone = before & ~left
        assert worth[gone].sum() <= size * (1 + 1e-9)
        nexts = [worth[left & (groups == group)].min() for group in groups[left].unique()]
        # whosever turn it is, its least weight would be too much, unless it were the last one
        assert left.sum() == 1 or worth[gone].sum() + max(nexts) > size * (1 - 1e-9)
        for group in groups.unique():
            of_group = groups == group
            if (gone & of_group).any() and (left & of_group).any():
                assert worth[gone & of_group].max() <= worth[left & of_group].min()


@pytest.mark.parametrize("scope", SCOPES)
def test_the_same_weights_go_each_time(scope: str) -> None:
    def masks() -> torch.Tensor:
        module, targets = layers(0)
        next(iter(Pruner(module, targets, "magnitude", scope, Bucket(60))))
        return flat_masks(targets)

    assert torch.equal(masks(), masks())
    assert 0 < masks().sum() < 56


def test_the_layers_take_turns_until_the_bucket_is_full() -> None:
    """1 + 1 + 1 would fit, but in turns it is 1, then 5, and a third weight would make it 7."""
    module = nn.Sequential(nn.Linear(4, 1, bias=False), nn.Linear(1, 4, bias=False))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 1, 1, 9]]))
        module[1].weight.copy_(torch.tensor([[5.0], [6], [7], [8]]))
    targets = targets_of(module)
    assert next(iter(Pruner(module, targets, "magnitude", "uniform", Bucket(6)))).kept == 6
    assert [target.mask.flatten().tolist() for target in targets] == [[0, 1, 1, 1], [0, 1, 1, 1]]
    assert not list(Pruner(module, targets, "magnitude", "uniform", Bucket(0.5)))


def small_cnn() -> CnnNetwork:
    names = ("input", "conv3x3:8", "conv3x3:8", "output")
    genotype = CnnGenotype(tuple(map(Op.parse, names)), ((0, 1), (1, 2), (2, 3)))
    torch.manual_seed(0)
    return build_network(genotype, (1, 8, 8), 3).eval()


def test_channels_that_have_to_stay_are_not_in_the_bucket() -> None:
    network = small_cnn()
    with torch.no_grad():
        network.head.weight *= 0.001
    targets = targets_of(network)
    worth = group_saliencies(network.channels(), targets, [target.weight.abs() for target in targets])
    of_second = worth[8:].sum()  # with its best channel, in whose place one of the first layer would not fit
    pruner = ChannelPruner(network, "magnitude", "global", Bucket(float(of_second) * 1.001))
    assert next(iter(pruner)).kept == 9
    assert isinstance(pruner.network, CnnNetwork)
    assert [step.op.channels for step in pruner.network.plan if step.op.kind == "conv"] == [8, 1]


@pytest.mark.parametrize("scope", ["global", "uniform"])
@pytest.mark.parametrize("share", [0.1, 0.35, 0.6])
def test_a_bucket_of_channels_is_as_full_as_can_be(scope: str, share: float) -> None:
    network = small_cnn()
    targets = targets_of(network)
    worth = group_saliencies(network.channels(), targets, [target.weight.abs() for target in targets])
    size = share * float(worth.sum())
    pruner = ChannelPruner(network, "magnitude", scope, Bucket(size))
    next(iter(pruner), None)
    assert isinstance(pruner.network, CnnNetwork)
    gone = [8 - step.op.channels for step in pruner.network.plan if step.op.kind == "conv"]
    by_layer = [worth[:8].sort().values, worth[8:].sort().values]
    went = sum(float(values[:count].sum()) for values, count in zip(by_layer, gone, strict=True))
    assert went <= size
    nexts = [float(values[count]) for values, count in zip(by_layer, gone, strict=True) if count < 7]
    assert not nexts or went + max(nexts) > size
