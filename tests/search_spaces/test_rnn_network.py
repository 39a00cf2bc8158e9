"""The networks of the rnn space: against a loop over single edges, against torch's layers, and as exported code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmarks.rnn_speed import logits_by_edge, logits_by_layer
from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.genotype import renumbered
from search_spaces.rnn.network import RnnNetwork, build_network
from search_spaces.rnn.wiring import Wiring

CELLS = ("tanh", "relu", "lstm", "gru")
#: Two sources, an edge that skips a layer (0 -> 4), one that skips two (1 -> 5), and a sink below the last layer (3).
GRAPH = 6, ((0, 2), (1, 2), (0, 3), (2, 4), (0, 4), (4, 5), (1, 5))
CODES = torch.tensor([[3, 1, 2, 4, 1, 1, 2], [2, 2, 1, 3, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0]])
LABELS = torch.tensor([0, 2, 1])


def network_of(cell: str, readout: str = "last", embedding: int = 4) -> RnnNetwork:
    torch.manual_seed(0)
    return build_network(RnnGenotype(cell, embedding, *GRAPH), 3, vocabulary=6, readout=readout).double()


def logits_and_gradients(
    network: nn.Module,
    logits_of: Callable[[RnnNetwork, Tensor], Tensor],
    codes: Tensor = CODES,
    labels: Tensor = LABELS,
) -> list[Tensor]:
    logits = logits_of(network, codes)
    return [logits, *torch.autograd.grad(nn.functional.cross_entropy(logits, labels), list(network.parameters()))]


def largest_difference(some: list[Tensor], others: list[Tensor]) -> float:
    return max(float((one - other).detach().abs().max()) for one, other in zip(some, others, strict=True))


def test_wiring_of_a_small_graph_by_hand() -> None:
    wiring = Wiring.of(*GRAPH)
    assert wiring.layer.tolist() == [0, 0, 1, 1, 2, 3]
    assert wiring.starts == (0, 2, 4, 5, 6)
    assert wiring.widths.tolist() == [2, 2, 2, 2, 1, 1]
    assert wiring.sinks.tolist() == [3, 5]
    assert wiring.reach == 3
    # every neuron's last state comes first, then what edges over two and three layers read
    assert list(zip(wiring.sources.tolist(), wiring.delays.tolist(), strict=True)) == [
        *((neuron, 1) for neuron in range(6)),
        (0, 2),
        (1, 3),
    ]
    assert wiring.forward.tolist() == [[2, 0], [2, 1], [3, 0], [4, 2], [4, 6], [5, 4], [5, 7]]
    assert wiring.recurrent.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 2], [2, 3], [3, 2], [3, 3], [4, 4], [5, 5]]


def test_neurons_must_be_numbered_by_layer() -> None:
    with pytest.raises(ValueError, match="numbered by layer"):
        Wiring.of(3, ((0, 1), (1, 2), (0, 2))[:1])


@pytest.mark.parametrize("readout", ["last", "sinks"])
@pytest.mark.parametrize("cell", CELLS)
def test_equals_a_loop_over_single_edges_in_value_and_gradient(cell: str, readout: str) -> None:
    network = network_of(cell, readout)
    ours, by_edge = (logits_and_gradients(network, logits) for logits in (RnnNetwork.__call__, logits_by_edge))
    assert largest_difference(ours, by_edge) < 1e-12
    assert all(gradient.abs().max() > 0 for gradient in ours)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_equal_both_rivals_in_single_precision(cell: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    space = RnnSpace(cells=(cell,), nodes=(10, 25))
    torch.manual_seed(seed)
    network = space.build(space.sample(rng), (12,), 2)
    codes = torch.from_numpy(rng.integers(1, 128, (5, 12)))
    codes[0, 7:] = 0
    ours, by_edge, by_layer = (
        logits_and_gradients(network, logits, codes, codes[:, 0] % 2)
        for logits in (RnnNetwork.__call__, logits_by_edge, logits_by_layer)
    )
    assert largest_difference(ours, by_edge) < 1e-5
    assert largest_difference(ours, by_layer) < 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_dense_layers_equal_those_of_torch(cell: str) -> None:
    """Three layers of 50: the graph whose every vertex is joined to all of the next layer."""
    width, layers = 50, 3
    n = width * layers
    edges = [(tail, head) for tail in range(n - width) for head in range(n) if head // width == tail // width + 1]
    torch.manual_seed(0)
    network = RnnNetwork(Wiring.of(n, edges), cell, width, 2, vocabulary=128)
    stack = {"lstm": nn.LSTM, "gru": nn.GRU}.get(cell)
    torch_layers = stack(width, width, layers) if stack else nn.RNN(width, width, layers, nonlinearity=cell)
    gates = len(network.weight_ih)
    below = [getattr(torch_layers, f"weight_ih_l{layer}").view(gates, width, width) for layer in range(layers)]
    before = [getattr(torch_layers, f"weight_hh_l{layer}").view(gates, -1) for layer in range(layers)]
    with torch.no_grad():
        network.weight_in.copy_(below[0])
        # edges are sorted by their tails, and torch has a row for every head
        network.weight_ih.copy_(torch.cat([weights.transpose(1, 2).flatten(1) for weights in below[1:]], dim=1))
        network.weight_hh.copy_(torch.cat(before, dim=1))
        for name in ("bias_ih", "bias_hh"):
            rows = [getattr(torch_layers, f"{name}_l{layer}").view(gates, width) for layer in range(layers)]
            getattr(network, name).copy_(torch.cat(rows, dim=1))
    codes = torch.randint(1, 128, (8, 20))
    ours = network(codes)
    theirs = network.readout(torch_layers(network.embedding(codes.t()))[0][-1])
    assert (ours - theirs).abs().max() < 1e-5
    loss = [nn.functional.cross_entropy(logits, codes[:, 0] % 2) for logits in (ours, theirs)]
    mine = torch.autograd.grad(loss[0], [network.weight_in, network.weight_hh, network.bias_ih])
    names = ("weight_ih_l0", "weight_hh_l0", "weight_hh_l1", "weight_hh_l2", "bias_ih_l0", "bias_ih_l1", "bias_ih_l2")
    its = torch.autograd.grad(loss[1], [getattr(torch_layers, name) for name in names])
    expected = [
        its[0].view(gates, width, width),
        torch.cat([gradient.view(gates, -1) for gradient in its[1:4]], dim=1),
        torch.cat([gradient.view(gates, width) for gradient in its[4:]], dim=1),
    ]
    assert largest_difference(list(mine), expected) < 1e-5


@pytest.mark.parametrize("cell", CELLS)
def test_what_follows_the_end_of_a_sequence_is_not_read(cell: str) -> None:
    network = network_of(cell)
    alone = network(CODES[1:2, :4])
    assert torch.allclose(network(CODES)[1:2], alone, atol=1e-12)


def test_relus_that_explode_behind_the_end_leave_no_trace() -> None:
    """A ReLU neuron may double its state at every step; 0 * infinity would be NaN in the gradient."""
    network = network_of("relu").float()
    with torch.no_grad():
        network.weight_hh.fill_(30.0)
        network.bias_hh.fill_(1.0)
    codes = torch.ones(2, 60, dtype=torch.int64)
    codes[:, 3:] = 0
    codes[1] = 0
    codes[1, :2] = 1
    found = logits_and_gradients(network, RnnNetwork.__call__, codes, torch.tensor([0, 1]))
    assert all(values.isfinite().all() for values in found)


@pytest.mark.parametrize("cell", CELLS)
def test_there_is_one_weight_an_edge_and_gate_before_and_after_training(cell: str) -> None:
    """What is not there cannot be trained: after twenty steps of Adam the graph of the weights is the same."""
    space = RnnSpace(cells=(cell,), nodes=(10, 20), embedding=3)
    for seed in range(3):
        genotype = space.sample(np.random.default_rng(seed))
        network = space.build(genotype, (9,), 2)
        assert network.weight_ih.shape == (len(network.weight_ih), len(genotype.edges))
        places = network._places.clone()
        optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
        for _ in range(20):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(torch.randint(1, 128, (16, 9))), torch.arange(16) % 2).backward()
            optimiser.step()
        matrix = network._weights().flatten()
        absent = torch.ones_like(matrix, dtype=torch.bool)
        absent[places] = False
        assert not matrix[absent].any()
        assert matrix[places].all()


def test_no_path_no_gradient() -> None:
    """Neuron 3 leads nowhere, but its neighbour in the layer, 2, hears of it one step later."""
    torch.manual_seed(0)
    network = RnnNetwork(Wiring.of(*GRAPH), "tanh", 2, 3, vocabulary=6)
    edge = GRAPH[1].index((0, 3))
    for codes, learns in ((CODES[:, :1], False), (CODES[:2, :2], True)):
        (gradient,) = torch.autograd.grad(network(codes).sum(), network.weight_ih)
        assert bool(gradient[0, edge] != 0) is learns
        others = [gradient[0, place] != 0 for place in range(len(GRAPH[1])) if place != edge]
        assert all(others)


@pytest.mark.parametrize("cell", CELLS)
def test_isomorphic_genotypes_build_equal_networks(cell: str) -> None:
    space = RnnSpace(cells=(cell,))
    genotype = space.sample(np.random.default_rng(4))
    twin = renumbered(genotype, np.random.default_rng(5).permutation(genotype.size).tolist())
    assert twin.edges != genotype.edges
    networks = []
    for one in (genotype, twin):
        torch.manual_seed(1)
        networks.append(space.build(one, (20,), 2).state_dict())
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


@pytest.mark.parametrize("readout", ["last", "sinks"])
@pytest.mark.parametrize("cell", CELLS)
def test_costs_that_the_space_predicts_are_those_of_the_network(cell: str, readout: str) -> None:
    for embedding in (0, 7):
        space = RnnSpace(cells=(cell,), readout=readout, embedding=embedding, n_classes=3)
        for seed in range(5):
            genotype = space.sample(np.random.default_rng(seed))
            network = space.build(genotype, (30,), 3)
            counted = sum(parameter.numel() for parameter in network.parameters())
            assert space.to_graph(genotype).info["parameters"] == counted
            assert network(torch.ones(2, 30, dtype=torch.uint8)).shape == (2, 3)


@pytest.mark.parametrize("readout", ["last", "sinks"])
@pytest.mark.parametrize("cell", CELLS)
def test_exported_code_gives_the_same_logits(cell: str, readout: str) -> None:
    space = RnnSpace(cells=(cell,), readout=readout, n_classes=3)
    genotype = space.sample(np.random.default_rng(2))
    network = space.build(genotype, (15,), 3)
    text, name = space.source(genotype, (15,), 3)
    module: dict[str, Any] = {}
    exec(compile(text, "network.py", "exec"), module)
    exported = module[name]()
    exported.load_state_dict(network.state_dict())
    codes = torch.randint(1, 128, (4, 15))
    codes[1, 5:] = 0
    assert torch.allclose(exported(codes), network(codes), atol=1e-6)
