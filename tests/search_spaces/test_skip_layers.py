"""Networks of any DAG: against the formula, neuron by neuron, and the graph back from the network."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from contracts.random_graphs import random_dag
from torch import Tensor

from search_spaces import LabelledGraph
from search_spaces.canonical import layering
from search_spaces.sparse.skip_layers import SkipLayerNetwork, build_skip_layers

#: Vertex 4 is a source without readers, 1 and 3 are others; the edge (1, 0) skips a layer, and 0 and 4 are sinks.
EDGES = ((1, 2), (3, 2), (1, 0), (2, 0))


def numbered_at_random(seed: int) -> tuple[int, tuple[tuple[int, int], ...]]:
    """A DAG of 1 to 30 vertices whose numbers say nothing of their order, most of them in parts."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 31))
    order = rng.permutation(n)
    pairs = np.argwhere(np.triu(rng.random((n, n)) < rng.uniform(0, 0.5), 1))
    return n, tuple((int(order[tail]), int(order[head])) for tail, head in rng.permutation(pairs))


def logits_by_neuron(network: SkipLayerNetwork, n: int, edges: tuple[tuple[int, int], ...], inputs: Tensor) -> Tensor:
    """The formula of Stier, Darji, Granitzer 2021, sec. 2, one neuron after the other."""
    layer = layering(n, edges)
    sources = [vertex for vertex in range(n) if layer[vertex] == 0]
    states: dict[int, Tensor] = {}
    for vertex in sorted(range(n), key=lambda vertex: layer[vertex]):
        total = network.bias[vertex].expand(len(inputs))
        if vertex in sources:
            total = total + inputs.flatten(1) @ network.inputs.weight[sources.index(vertex)]
        for weight, (tail, head) in zip(network.weight, edges, strict=True):
            if head == vertex:
                total = total + weight * states[tail]
        states[vertex] = network.activation(total)
    sinks = [vertex for vertex in range(n) if all(vertex != tail for tail, _ in edges)]
    return network.readout(torch.stack([states[vertex] for vertex in sinks], dim=1))


def test_a_small_network_by_hand() -> None:
    network = SkipLayerNetwork(5, EDGES, 2, 1, activation="tanh").double()
    assert network.widths == [3, 1, 1]
    with torch.no_grad():
        network.inputs.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))  # of neurons 1, 3 and 4
        network.weight.copy_(torch.tensor([0.5, -1.0, 2.0, 0.25]))
        network.bias.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]))
        network.readout.weight.copy_(torch.tensor([[10.0, 1.0]]))  # of the sinks, 0 and 4
        network.readout.bias.fill_(0.0)
    one, three, four = math.tanh(0.6 + 0.2), math.tanh(0.8 + 0.4), math.tanh(1.4 + 0.5)
    two = math.tanh(0.5 * one - 1.0 * three + 0.3)
    zero = math.tanh(2.0 * one + 0.25 * two + 0.1)
    assert network(torch.tensor([[0.6, 0.8]], dtype=torch.float64)).item() == pytest.approx(10 * zero + four)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_networks_equal_the_formula_neuron_by_neuron_in_value_and_gradient(activation: str) -> None:
    for seed in range(25):
        n, edges = numbered_at_random(seed)
        torch.manual_seed(seed)
        network = SkipLayerNetwork(n, edges, 6, 3, activation=activation)
        inputs = torch.randn(4, 2, 3)
        ours, expected = network(inputs), logits_by_neuron(network, n, edges, inputs)
        assert torch.allclose(ours, expected, atol=1e-5)
        parameters = [network.weight, network.bias, network.inputs.weight]
        pairs = zip(*(torch.autograd.grad(logits.sum(), parameters) for logits in (ours, expected)), strict=True)
        assert all(torch.allclose(one, other, atol=1e-4) for one, other in pairs)


def test_two_hundred_graphs_come_back_from_their_networks() -> None:
    for seed in range(200):
        n, edges = numbered_at_random(seed)
        network = SkipLayerNetwork(n, edges, 5, 2)
        graph = network.graph()
        assert graph == LabelledGraph(("neuron",) * n, tuple(sorted(edges)))
        again = build_skip_layers(graph, 5, 2)
        assert again.graph() == graph
        assert network.weight.shape == (len(edges),)  # one weight an edge


def test_weights_stand_at_their_edges() -> None:
    n, edges = numbered_at_random(7)
    network = SkipLayerNetwork(n, edges, 5, 2)
    layer = np.array(layering(n, edges))
    order = np.argsort(layer, kind="stable").tolist()
    for number in range(1, len(network.widths)):
        matrix = network.matrix(number).detach()
        start = sum(network.widths[:number])
        assert matrix.shape == (network.widths[number], start)
        found = {(order[i], order[start + j]): float(matrix[j, i]) for j, i in matrix.nonzero().tolist()}
        into = [place for place, (_, head) in enumerate(edges) if layer[head] == number]
        assert found == {edges[place]: float(network.weight.detach()[place]) for place in into}


def test_the_classifier_reads_the_sinks_or_the_last_layer() -> None:
    assert SkipLayerNetwork(5, EDGES, 2, 1).readout.in_features == 2
    last = SkipLayerNetwork(5, EDGES, 2, 1, readout="last")
    assert last.readout.in_features == 1
    states = last.states(torch.ones(1, 2))
    assert torch.allclose(last(torch.ones(1, 2)), last.readout(states[:, -1:]))


def test_labelled_graphs_of_any_ops_become_networks() -> None:
    graph = random_dag(np.random.default_rng(0), 12)
    network = build_skip_layers(graph, 4, 3, activation="sigmoid", readout="last")
    assert set(network.graph().edges) == set(graph.edges)
    assert network(torch.rand(2, 2, 2)).shape == (2, 3)
    with pytest.raises(ValueError, match="must be directed"):
        build_skip_layers(LabelledGraph(["a", "b"], [(0, 1)], directed=False), 4, 3)


def test_graphs_without_edges_have_one_layer_and_learn() -> None:
    network = SkipLayerNetwork(3, (), 4, 2)
    assert network.widths == [3]
    network(torch.rand(5, 4)).sum().backward()
    assert network.weight.shape == (0,)
    assert network.inputs.weight.grad is not None


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((2, ((0, 1), (1, 0)), 3, 2), {}, "cycle"),
        ((2, ((0, 1), (0, 1)), 3, 2), {}, "listed once"),
        ((2, ((0, 2),), 3, 2), {}, "must join vertices 0..1"),
        ((0, (), 3, 2), {}, "a vertex and an input or more, found 0 and 3"),
        ((1, (), 0, 2), {}, "a vertex and an input or more, found 1 and 0"),
        ((1, (), 3, 2), {"activation": "gelu"}, "activation must be one of relu, tanh, sigmoid, found 'gelu'"),
        ((1, (), 3, 2), {"readout": "all"}, "readout must be one of sinks, last, found 'all'"),
    ],
)
def test_what_is_no_network_is_refused(arguments: tuple[int, ...], options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SkipLayerNetwork(*arguments, **options)
