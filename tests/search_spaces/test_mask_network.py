"""The networks of masks: against dense layers times their masks, how far they see, their costs, and exported code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.masks.network import build_network
from search_spaces.masks.relational import slices
from search_spaces.sparse.linear import SparseLinear
from search_spaces.sparse.perceptron import SparsePerceptron

SHAPE = (1, 8, 8)
SPACE = MaskSpace(SHAPE, 3, hidden=(24, 16), sparsities=(0.6,))
IMAGES = torch.rand(5, *SHAPE, generator=torch.Generator().manual_seed(0))


def dense_network(hidden: tuple[int, ...], n_classes: int) -> nn.Sequential:
    widths = [64, *hidden]
    layers = [nn.Linear(below, above) for below, above in zip(widths, hidden, strict=False)]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], n_classes))


@pytest.mark.parametrize("seed", range(4))
def test_networks_are_the_dense_ones_of_the_same_seed_times_their_masks(seed: int) -> None:
    genotype = SPACE.sample(np.random.default_rng(seed))
    torch.manual_seed(seed)
    network = SPACE.build(genotype, SHAPE, 3)
    torch.manual_seed(seed)
    first, second, classifier = dense_network((24, 16), 3)
    masks = [torch.from_numpy(mask) for mask in SPACE.masks(genotype)]
    states = torch.relu(F.linear(IMAGES.flatten(1), first.weight * masks[0], first.bias))
    states = torch.relu(F.linear(states, second.weight * masks[1], second.bias))
    expected = classifier(states)
    assert torch.allclose(network(IMAGES), expected, atol=1e-6)
    weights = [first.weight, second.weight]
    ours = torch.autograd.grad(network(IMAGES).square().sum(), [layer.weight for layer in network.hidden])
    theirs = torch.autograd.grad(expected.square().sum(), weights)
    assert all(
        torch.allclose(one, other[mask], atol=1e-5) for one, other, mask in zip(ours, theirs, masks, strict=True)
    )


def test_there_is_one_parameter_for_each_kept_weight_before_and_after_training() -> None:
    genotype = SPACE.sample(np.random.default_rng(1))
    network = SPACE.build(genotype, SHAPE, 3)
    masks = SPACE.masks(genotype)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(10):
        optimiser.zero_grad()
        F.cross_entropy(network(IMAGES), torch.tensor([0, 1, 2, 0, 1])).backward()
        optimiser.step()
    for layer, found, mask in zip(network.hidden, network.masks(), masks, strict=True):
        assert layer.weight.shape == (mask.sum(),)
        assert (found.numpy() == mask).all()
        assert not layer.matrix()[~found].any()
        assert layer.matrix()[found].all()
    assert set(network.state_dict()) == {
        f"{layer}.{name}" for layer in ("hidden.0", "hidden.1", "classifier") for name in ("weight", "bias")
    }


@pytest.mark.parametrize(("shape", "hidden"), [((1, 8, 8), (24,)), ((3, 6, 5), (20, 30)), ((50,), (16, 16, 12))])
def test_costs_that_the_space_predicts_are_those_of_the_network(
    shape: tuple[int, ...], hidden: tuple[int, ...]
) -> None:
    space = MaskSpace(shape, 4, hidden=hidden, sparsities=(0.5, 0.25))
    total = sum(above * below for below, above in zip((int(np.prod(shape)), *hidden), (*hidden, 4), strict=True))
    for seed in range(6):
        genotype = space.sample(np.random.default_rng(seed))
        network = space.build(genotype, shape, 4)
        info = space.to_graph(genotype).info
        assert info["parameters"] == sum(parameter.numel() for parameter in network.parameters())
        weights = sum(parameter.numel() for name, parameter in network.named_parameters() if "weight" in name)
        assert info["macs"] == weights
        assert info["sparsity"] == pytest.approx(1 - weights / total)
        assert min(abs(info["sparsity"] - sparsity) for sparsity in space.sparsities) <= 0.5 / total + 1e-12
        assert network(torch.rand(2, *shape)).shape == (2, 4)


def test_equal_texts_build_equal_networks_and_others_do_not() -> None:
    genotypes = [SPACE.sample(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    networks = []
    for genotype in (genotypes[0], SPACE.decode(SPACE.encode(genotypes[1])), genotypes[2]):
        torch.manual_seed(5)
        networks.append(SPACE.build(genotype, SHAPE, 3))
    states = [network.state_dict() for network in networks]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["hidden.0.weight"], states[2]["hidden.0.weight"])


def test_initial_weights_scaled_to_what_each_unit_reads() -> None:
    mask = torch.zeros(3, 100, dtype=torch.bool)
    mask[0], mask[1, :4] = True, True
    layers = []
    for init in ("dense", "fan-in"):
        torch.manual_seed(0)
        layers.append(SparseLinear(mask, init=init))
    dense, scaled = (layer.matrix() for layer in layers)
    assert torch.equal(scaled[0], dense[0])  # it reads all
    assert torch.allclose(scaled[1], dense[1] * 5)  # the square root of 100 / 4
    assert torch.allclose(layers[1].bias, layers[0].bias * torch.tensor([1, 5, 10]))
    assert dense.abs().max() <= 0.1
    assert layers[0](torch.zeros(1, 100)).shape == (1, 3)
    space = MaskSpace(SHAPE, 3, hidden=(24,), sparsities=(0.6,), init="fan-in")
    genotype = space.sample(np.random.default_rng(0))
    network = space.build(genotype, SHAPE, 3)
    read = torch.from_numpy(space.masks(genotype)[0]).sum(dim=1)
    assert (network.hidden[0].matrix().abs().amax(dim=1) <= read**-0.5 + 1e-6).all()
    assert network.hidden[0].weight.abs().max() > 64**-0.5


def test_a_network_is_built_for_as_many_inputs_as_there_are_owners() -> None:
    genotype = SPACE.sample(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"input_shape must have 64 features, .* found \(1, 28, 28\)"):
        SPACE.build(genotype, (1, 28, 28), 3)
    assert SPACE.build(genotype, (64,), 7)(torch.rand(2, 64)).shape == (2, 7)
    with pytest.raises(ValueError, match="must read 4 units, as many as the last has, found 3"):
        SparsePerceptron([torch.ones(4, 5, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)], 2)


def ball(matrix: np.ndarray, node: int, hops: int) -> set[int]:
    """The nodes that a node hears of in so many rounds: those it reads, those these read, and so on."""
    reached = np.arange(len(matrix)) == node
    for _ in range(hops):
        reached = (reached @ matrix) > 0
    return set(np.flatnonzero(reached).tolist())


@pytest.mark.parametrize("generator", ["ring", "er", "sbm"])
def test_a_unit_depends_on_the_inputs_of_the_nodes_within_as_many_hops_as_there_are_layers(generator: str) -> None:
    """Five layers of one width: five rounds of message exchange over one graph (You et al. 2020, sec. 2)."""
    space = MaskSpace((40,), 3, hidden=(20,) * 5, nodes=10, sparsities=(0.8,))
    genotype = space.draw(np.random.default_rng(2), generator, "random", space.limits.kept[0])
    network = build_network(genotype, (20,) * 5, (40,), 3).double()
    with torch.no_grad():  # positive throughout: no ReLU is at rest, and no two paths cancel
        for parameter in network.parameters():
            parameter.abs_().add_(0.1)
    inputs = torch.rand(1, 40, dtype=torch.float64, requires_grad=True)
    for rounds in range(1, 6):
        states = inputs
        for layer in network.hidden[:rounds]:
            states = torch.relu(layer(states))
        for unit in range(20):
            (gradient,) = torch.autograd.grad(states[0, unit], inputs, retain_graph=True)
            heard = ball(genotype.matrix, unit // 2, rounds)  # two units a node, in slices
            felt = {int(genotype.owned[place]) for place in torch.nonzero(gradient[0])[:, 0].tolist()}
            assert felt <= heard
            assert len(heard - felt) <= 1  # the surplus may have taken a weight from an edge
    assert torch.equal(states, network.features(inputs))


@pytest.mark.parametrize("self_edges", [True, False])
def test_nodes_may_own_the_classes_too(self_edges: bool) -> None:
    space = MaskSpace(SHAPE, 10, hidden=(24,), sparsities=(0.7,), self_edges=self_edges, masked_classifier=True)
    assert space.limits.nodes == 10  # no more than there are classes
    kept = round(0.3 * (64 * 24 + 24 * 10))
    for seed in range(5):
        genotype = space.sample(np.random.default_rng(seed))
        assert space.validate(genotype) == []
        first, classifier = space.masks(genotype)
        assert (first.shape, classifier.shape) == ((24, 64), (10, 24))
        assert first.sum() + classifier.sum() == kept
        reads = [[classifier[reader][slices(24, 10) == node].all() for node in range(10)] for reader in range(10)]
        assert (np.array(reads) != genotype.matrix).sum() <= 1  # one class a node; one edge may lack the surplus
        network = space.build(genotype, SHAPE, 10)
        assert [mask.sum().item() for mask in network.masks()] == [first.sum(), classifier.sum()]
        info = space.to_graph(genotype).info
        assert info["parameters"] == sum(parameter.numel() for parameter in network.parameters())
        assert info["sparsity"] == pytest.approx(0.7, abs=0.001)
    with pytest.raises(ValueError, match="n_classes must be 10, for which masks are, found 3"):
        space.build(genotype, SHAPE, 3)


@pytest.mark.parametrize("masked_classifier", [False, True])
@pytest.mark.parametrize(("hidden", "shape"), [((24, 16), SHAPE), ((17,), (3, 5, 4))])
def test_exported_code_gives_the_same_logits(
    hidden: tuple[int, ...], shape: tuple[int, ...], masked_classifier: bool
) -> None:
    space = MaskSpace(shape, 3, hidden=hidden, sparsities=(0.5,), masked_classifier=masked_classifier)
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


def test_the_paper_s_network_keeps_a_tenth() -> None:
    space = MaskSpace()
    network = space.build(space.sample(np.random.default_rng(0)), (1, 28, 28), 10)
    assert network.hidden[0].weight.shape == (8883,)
    assert network.classifier.weight.shape == (10, 128)
    assert str(network.hidden[0]) == "SparseLinear(in_features=784, out_features=128, kept=8883)"
    assert isinstance(SPACE.sample(np.random.default_rng(0)), MaskGenotype)
