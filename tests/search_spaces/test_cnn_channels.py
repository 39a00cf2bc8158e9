"""Channels: which go together, and that a network without those that are zero computes what it did."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_cnns import SHAPE, SPACE, images, trained

from search_spaces import SlimmingNetwork
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.network import CnnNetwork, build_network
from search_spaces.space import FIXED, Channels


def genotype(ops: str, *edges: tuple[int, int]) -> CnnGenotype:
    return CnnGenotype(tuple(map(Op.parse, ops.split())), edges)


def silence(network: CnnNetwork, channels: Channels, gone: np.ndarray) -> None:
    """Make zeros of what some groups write, by their norms."""
    for name, groups in channels.writes.items():
        norm = network.get_submodule(f"{name}.norm")
        for place in np.flatnonzero(np.isin(groups, gone)).tolist():
            norm.get_parameter("weight").data[place] = 0
            norm.get_parameter("bias").data[place] = 0


def some_that_can_go(rng: np.random.Generator, channels: Channels) -> np.ndarray:
    """About half of the groups, so that every layer keeps one."""
    gone = rng.random(channels.number) < 0.5
    for groups in channels.writes.values():
        if (groups >= 0).all() and gone[groups].all():
            gone[groups[0]] = False
    return np.flatnonzero(gone)


@pytest.mark.parametrize("seed", range(20))
def test_without_channels_that_are_zero_a_network_computes_the_same(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = trained(SPACE.sample(rng))
    channels = network.channels()
    gone = some_that_can_go(rng, channels)
    silence(network, channels, gone)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    smaller = network.without_channels(~np.isin(np.arange(channels.number), gone))
    torch.testing.assert_close(smaller(images()), network(images()), rtol=1e-4, atol=1e-4)
    assert sum(p.numel() for p in smaller.parameters()) < sum(p.numel() for p in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert isinstance(smaller, SlimmingNetwork)
    assert smaller.channels().number == channels.number - len(gone)


@pytest.mark.parametrize("seed", range(5))
def test_its_code_computes_what_the_smaller_network_does(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    network = trained(SPACE.sample(rng))
    channels = network.channels()
    kept = ~np.isin(np.arange(channels.number), some_that_can_go(rng, channels))
    smaller = network.without_channels(kept)
    described, source, name = smaller.described()
    assert described.ops == tuple(step.op for step in smaller.plan)
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec(source, namespace)
    rebuilt = namespace[name]().eval()
    rebuilt.load_state_dict(smaller.state_dict())
    assert torch.equal(rebuilt(images()), smaller(images()))


def test_what_a_sum_adds_goes_together() -> None:
    #        0     1           2           3    4      a sum of eight and sixteen channels
    one = genotype("input conv3x3:8 conv3x3:16 sum output", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    network = build_network(one, SHAPE, 5)
    channels = network.channels()
    narrow, wide = sorted(channels.writes.values(), key=len)
    assert channels.number == 16
    assert wide[:8].tolist() == narrow.tolist()
    assert channels.reads["head"].tolist() == wide.tolist()


def test_channels_of_the_image_stay_and_so_does_what_is_added_to_them() -> None:
    one = genotype("input conv3x3:8 sum output", (0, 1), (0, 2), (1, 2), (2, 3))
    channels = build_network(one, SHAPE, 5).channels()
    (writes,) = channels.writes.values()
    assert channels.number == 5
    assert (writes[:3] == FIXED).all()
    assert writes[3:].tolist() == channels.reads["head"][3:].tolist() == [0, 1, 2, 3, 4]


def test_a_concatenation_keeps_its_order() -> None:
    one = genotype("input conv3x3:8 conv5x5:8 concat output", (0, 1), (0, 2), (1, 3), (2, 3), (3, 4))
    network = trained(one)
    channels = network.channels()
    kept = np.ones(channels.number, dtype=bool)
    kept[[0, 3, 9]] = False  # two of the first conv, one of the second
    smaller = network.without_channels(kept)
    assert smaller.plan[-1].shape[0] == 13
    stay = [place for place in range(16) if place not in (0, 3, 9)]
    assert torch.equal(smaller.head.weight, network.head.weight[:, stay])


def test_a_layer_keeps_a_channel() -> None:
    network = build_network(genotype("input conv3x3:8 output", (0, 1), (1, 2)), SHAPE, 5)
    with pytest.raises(ValueError, match="a channel or more in every conv, found none left in conv1"):
        network.without_channels(np.zeros(8, dtype=bool))
    with pytest.raises(ValueError, match=r"one value a group of channels \(8\), found shape \(3,\)"):
        network.without_channels(np.ones(3, dtype=bool))
