"""The networks of arbitrary masks: against dense layers times their masks, their costs, and exported code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.sparse import SparseGenotype, SparseSpace

SHAPE = (1, 8, 8)
SPACE = SparseSpace(SHAPE, 3, hidden=(24, 16), sparsities=(0.6, 0.95))
IMAGES = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("seed", range(4))
def test_networks_are_the_dense_ones_of_the_same_seed_times_their_masks(seed: int) -> None:
    genotype = SPACE.sample(np.random.default_rng(seed))
    torch.manual_seed(seed)
    network = SPACE.build(genotype, SHAPE, 3)
    torch.manual_seed(seed)
    layers = [nn.Linear(64, 24), nn.Linear(24, 16), nn.Linear(16, 3)]
    states = IMAGES.flatten(1)
    for layer, mask in zip(layers, genotype.arrays(), strict=True):
        states = F.linear(states, layer.weight * torch.from_numpy(mask), layer.bias)
        states = states if layer is layers[-1] else torch.relu(states)
    assert torch.allclose(network(IMAGES), states, atol=1e-6)
    assert [mask.tolist() for mask in network.masks()] == [mask.tolist() for mask in genotype.arrays()]


@pytest.mark.parametrize(("shape", "hidden"), [((1, 8, 8), (24,)), ((3, 6, 5), (20, 30)), ((50,), (16, 16, 12))])
def test_costs_that_the_space_predicts_are_those_of_the_network(
    shape: tuple[int, ...], hidden: tuple[int, ...]
) -> None:
    space = SparseSpace(shape, 4, hidden=hidden, sparsities=None)
    for seed in range(6):
        genotype = space.sample(np.random.default_rng(seed))
        network = space.build(genotype, shape, 4)
        info = space.to_graph(genotype).info
        assert info["parameters"] == sum(parameter.numel() for parameter in network.parameters())
        weights = sum(parameter.numel() for name, parameter in network.named_parameters() if "weight" in name)
        assert info["macs"] == weights == sum(genotype.kept)
        assert network(torch.rand(2, *shape)).shape == (2, 4)


def test_a_network_without_weights_in_a_layer_can_be_trained() -> None:
    masks = [np.zeros((24, 64)), np.eye(3, 24)]
    network = SPACE.build(SparseGenotype.of(masks), SHAPE, 3)
    F.cross_entropy(network(IMAGES), torch.tensor([0, 1, 2, 0, 1])).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_initial_weights_scaled_to_what_each_unit_reads() -> None:
    genotype = SPACE.sample(np.random.default_rng(0))
    scaled = SparseSpace(SHAPE, 3, hidden=(24, 16), init="fan-in")
    networks = []
    for space in (SPACE, scaled):
        torch.manual_seed(0)
        networks.append(space.build(genotype, SHAPE, 3))
    read = torch.from_numpy(genotype.arrays()[-1]).sum(dim=1, keepdim=True).clamp(min=1)
    dense, fan_in = (network.classifier.matrix() for network in networks)
    assert torch.allclose(fan_in, dense * (16 / read).sqrt())


def test_other_inputs_and_classes_are_refused() -> None:
    genotype = SPACE.sample(np.random.default_rng(0))
    for make in (SPACE.build, SPACE.source):
        with pytest.raises(
            ValueError, match=r"must have 64 features and 3 classes, .* found shape \(1, 28, 28\) and 3"
        ):
            make(genotype, (1, 28, 28), 3)
        with pytest.raises(ValueError, match=r"found shape .* and 7 classes"):
            make(genotype, (64,), 7)
    assert SPACE.build(genotype, (64,), 3)(torch.rand(2, 64)).shape == (2, 3)


@pytest.mark.parametrize(("hidden", "shape"), [((24, 16), SHAPE), ((17,), (3, 5, 4))])
def test_exported_code_gives_the_same_logits(hidden: tuple[int, ...], shape: tuple[int, ...]) -> None:
    space = SparseSpace(shape, 3, hidden=hidden, sparsities=(0.95,))
    genotype = space.sample(np.random.default_rng(2))
    network = space.build(genotype, shape, 3)
    text, name = space.source(genotype, shape, 3)
    assert "search_spaces" not in text
    assert "nasgen" not in text.replace("found by nasgen", "")
    assert max(map(len, text.splitlines())) <= 120
    module: dict[str, Any] = {}
    exec(compile(text, "network.py", "exec"), module)
    exported = module[name]()
    exported.load_state_dict(network.state_dict())
    images = torch.rand(4, *shape)
    assert torch.allclose(exported(images), network(images), atol=1e-6)
