"""A feed-forward network of any DAG: a neuron for each vertex, a weight for each edge, over however many layers.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 2; Stier,
Granitzer 2022, "deepstruct". The layer of a vertex is the length of the longest path that ends in it, and

    z_v = sigma(sum over edges (u, v) of w_uv z_u + b_v)

but for the neurons of layer 0, which read all inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.canonical import layering
from search_spaces.graph import LabelledGraph

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
READOUTS = ("sinks", "last")


class SkipLayerNetwork(nn.Module):
    """Inputs of shape (B, ...), flattened, to logits of shape (B, n_classes).

    ``weight`` has shape (edges,), in the order of the edges given, ``bias`` (n,), and ``inputs`` is a dense layer to
    the neurons without predecessors, ascending, without bias. Initial values are uniform within one over the square
    root of how many numbers a neuron reads, as torch's are.

    Parameters
    ----------
    n
        Number of vertices.
    edges
        Pairs (tail, head), each at most once, of any acyclic graph, in parts or not.
    n_inputs, n_classes
        Input features, and width of the logits.
    activation
        ``relu``, ``tanh`` or ``sigmoid``.
    readout
        What the classifier reads: the ``sinks``, all neurons without successors, or the ``last`` layer.

    Raises
    ------
    ValueError
        On directed cycles, edges that :class:`LabelledGraph` refuses, no vertices or inputs, and other names.
    """

    _order: Tensor
    _read: Tensor

    def __init__(
        self,
        n: int,
        edges: Sequence[tuple[int, int]],
        n_inputs: int,
        n_classes: int,
        *,
        activation: str = "relu",
        readout: str = "sinks",
    ) -> None:
        super().__init__()
        for option, value, known in (("activation", activation, ACTIVATIONS), ("readout", readout, READOUTS)):
            if value not in known:
                raise ValueError(f"{option} must be one of {', '.join(known)}, found {value!r}")
        if n < 1 or n_inputs < 1:
            raise ValueError(f"there must be a vertex and an input or more, found {n} and {n_inputs}")
        checked = LabelledGraph(("neuron",) * n, tuple(edges))
        layer = np.array(layering(n, checked.edges), dtype=np.int64)
        order = np.argsort(layer, kind="stable")  # of the neurons in the states: layer by layer
        self.activation = ACTIVATIONS[activation]
        self.widths = np.bincount(layer).tolist()
        read = (
            np.setdiff1d(np.arange(n), [tail for tail, _ in edges]) if readout == "sinks" else order[-self.widths[-1] :]
        )
        tails, heads = np.array(checked.edges, dtype=np.int64).reshape(-1, 2).T
        fan_in = np.bincount(heads, minlength=n)
        fan_in[layer == 0] = n_inputs
        bounds = torch.from_numpy(fan_in**-0.5).float()
        self.inputs = nn.Linear(n_inputs, self.widths[0], bias=False)
        self.weight = nn.Parameter((2 * torch.rand(len(heads)) - 1) * bounds[heads])
        self.bias = nn.Parameter((2 * torch.rand(n) - 1) * bounds)
        self.readout = nn.Linear(len(read), n_classes)
        self.register_buffer("_order", torch.from_numpy(order), persistent=False)
        position = np.argsort(order)
        self.register_buffer("_read", torch.from_numpy(position[np.sort(read)]), persistent=False)
        starts = np.concatenate([[0], np.cumsum(self.widths)])
        for number in range(1, len(self.widths)):  # which edges lead into a layer, and where they stand in its matrix
            into = np.flatnonzero(layer[heads] == number)
            places = (position[heads[into]] - starts[number]) * starts[number] + position[tails[into]]
            self.register_buffer(f"_edges_{number}", torch.from_numpy(into), persistent=False)
            self.register_buffer(f"_places_{number}", torch.from_numpy(places), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, ...) to (B, n_classes)."""
        logits: Tensor = self.readout(self.states(inputs)[:, self._read])
        return logits

    def states(self, inputs: Tensor) -> Tensor:
        """All neurons, layer by layer, shape (B, n)."""
        biases = torch.split(self.bias[self._order], self.widths)
        states = self.activation(self.inputs(inputs.flatten(1)) + biases[0])
        for number in range(1, len(self.widths)):
            summed = F.linear(states, self.matrix(number), biases[number])
            states = torch.cat([states, self.activation(summed)], dim=1)
        return states

    def matrix(self, number: int) -> Tensor:
        """The weights from all lower layers to one, shape (its neurons, neurons before it), zero where no edge is."""
        shape = self.widths[number], sum(self.widths[:number])
        edges, places = self.get_buffer(f"_edges_{number}"), self.get_buffer(f"_places_{number}")
        empty = self.weight.new_zeros(shape[0] * shape[1])
        return empty.index_copy(0, places, self.weight[edges]).view(shape)

    def graph(self) -> LabelledGraph:
        """The graph that the matrices of the layers have: one edge for each weight, sorted."""
        order, edges = self._order.tolist(), []
        for number in range(1, len(self.widths)):
            width = sum(self.widths[:number])
            for place in self.get_buffer(f"_places_{number}").tolist():
                edges.append((order[place % width], order[width + place // width]))
        return LabelledGraph(("neuron",) * len(order), tuple(sorted(edges)))


def build_skip_layers(graph: LabelledGraph, n_inputs: int, n_classes: int, **options: str) -> SkipLayerNetwork:
    """The network of a directed graph, whatever its ops; takes and raises what :class:`SkipLayerNetwork` does.

    ValueError on an undirected graph, which says nothing of who reads whom.
    """
    if not graph.directed:
        raise ValueError("the graph must be directed, found an undirected one: orient its edges first")
    return SkipLayerNetwork(len(graph), graph.edges, n_inputs, n_classes, **options)
