"""Seconds an epoch of recurrent networks of random structure, against plain ways to compute the same.

    python benchmarks/rnn_speed.py [--vertices 40] [--batch 128] [--steps 24]

Rivals are a loop over steps, neurons and edges (*by edge*), and one of torch's recurrent layers for each layer of the
graph, over the concatenated states of the layers it reads, with a mask (*by layer*). All three share their weights, and
give the same logits and gradients; a test holds that. Timed on one thread: forward, backward, clipping and Adam on
random letters, the median of some batches; an epoch is 18,750 sequences.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from search_spaces import get_space
from search_spaces.rnn.cells import CELLS
from search_spaces.rnn.network import RnnNetwork

EPOCH = 18_750
Logits = Callable[[RnnNetwork, Tensor], Tensor]


def logits_by_edge(network: RnnNetwork, codes: Tensor) -> Tensor:
    """The logits of a network by a loop over steps, neurons, gates and edges; each product is one of vectors (B,)."""
    wiring, gates = network.wiring, range(len(network.weight_ih))
    neurons = range(wiring.size)
    below: list[list[tuple[int, int]]] = [[] for _ in neurons]
    for edge, (reader, column) in enumerate(wiring.forward.tolist()):
        below[reader].append((int(wiring.sources[column]), edge))
    before: list[list[tuple[int, int]]] = [[] for _ in neurons]
    for edge, (reader, column) in enumerate(wiring.recurrent.tolist()):
        before[reader].append((int(wiring.sources[column]), edge))
    zero = network.bias_ih.new_zeros(len(codes))
    states, memories = [zero] * wiring.size, [zero] * wiring.size
    for letters in codes.t():
        inside, embedded = letters != 0, network.embedding(letters)
        new, new_memories = list(states), list(memories)
        for neuron in neurons:
            x, s = [], []
            for gate in gates:
                of_inputs, of_states = network.bias_ih[gate, neuron] + zero, network.bias_hh[gate, neuron] + zero
                if neuron < wiring.first:
                    of_inputs = of_inputs + embedded @ network.weight_in[gate, neuron]
                for source, edge in below[neuron]:
                    of_inputs = of_inputs + network.weight_ih[gate, edge] * new[source]
                for source, edge in before[neuron]:
                    of_states = of_states + network.weight_hh[gate, edge] * states[source]
                x.append(of_inputs)
                s.append(of_states)
            new[neuron], new_memories[neuron] = _step(network, x, s, states[neuron], memories[neuron])
        states = [torch.where(inside, after, state) for after, state in zip(new, states, strict=True)]
        memories = [torch.where(inside, after, memory) for after, memory in zip(new_memories, memories, strict=True)]
    return network.readout(torch.stack([states[neuron] for neuron in network._read.tolist()], dim=1))


def _step(
    network: RnnNetwork, x: list[Tensor], s: list[Tensor], state: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """One neuron's next state and memory, from what its gates sum."""
    if network.cell is CELLS["tanh"]:
        return torch.tanh(x[0] + s[0]), memory
    if network.cell is CELLS["relu"]:
        return torch.relu(x[0] + s[0]), memory
    if network.cell is CELLS["gru"]:
        r, z = torch.sigmoid(x[0] + s[0]), torch.sigmoid(x[1] + s[1])
        return (1 - z) * torch.tanh(x[2] + r * s[2]) + z * state, memory
    i, f, g, o = (of_inputs + of_states for of_inputs, of_states in zip(x, s, strict=True))
    memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(memory), memory


def logits_by_layer(network: RnnNetwork, codes: Tensor) -> Tensor:
    """The logits of a network by torch's recurrent layers, one for each layer of the graph."""
    wiring, gates = network.wiring, len(network.weight_ih)
    dense = network.weight_ih.new_zeros(gates, wiring.size, wiring.size)
    heads = torch.from_numpy(wiring.forward[:, 0])
    tails = torch.from_numpy(wiring.sources[wiring.forward[:, 1]])
    dense = dense.index_put((torch.arange(gates)[:, None], heads, tails), network.weight_ih)
    states: list[Tensor] = []
    start = 0
    for first, end in pairwise(wiring.starts):
        width = end - first
        inputs = torch.cat(states, dim=2) if states else network.embedding(codes.t())
        weights = dense[:, first:end, :first] if states else network.weight_in
        layer = _torch_layer(network, inputs.shape[2], width)
        parameters = {
            "weight_ih_l0": weights.flatten(0, 1),
            "weight_hh_l0": network.weight_hh[:, start : start + width**2].reshape(-1, width),
            "bias_ih_l0": network.bias_ih[:, first:end].flatten(),
            "bias_hh_l0": network.bias_hh[:, first:end].flatten(),
        }
        start += width**2
        states.append(torch.func.functional_call(layer, parameters, (inputs,))[0])
    after = (codes != 0).sum(dim=1) - 1
    everything = torch.cat(states, dim=2)[after, torch.arange(len(codes))]
    return network.readout(everything[:, network._read])


def _torch_layer(network: RnnNetwork, inputs: int, width: int) -> nn.Module:
    name = next(name for name, cell in CELLS.items() if cell is network.cell)
    if name in ("tanh", "relu"):
        return nn.RNN(inputs, width, nonlinearity=name, device="meta")
    return {"gru": nn.GRU, "lstm": nn.LSTM}[name](inputs, width, device="meta")


def seconds_a_batch(network: RnnNetwork, logits_of: Logits, codes: Tensor, repeats: int) -> float:
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    labels = codes[:, 0] % 2
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits_of(network, codes), labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vertices", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=24)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    n = arguments.vertices
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(65, 91, (arguments.batch, arguments.steps)))
    print(f"torch {torch.__version__}, one thread, {n} vertices, batches of {arguments.batch}, {arguments.steps} steps")
    print(
        f"{'cell':6}{'graph':17}{'layers':>7}{'s an epoch':>12}{'by layer':>10}{'by edge':>10}{'times':>8}{'times':>8}"
    )
    for cell in CELLS:
        for generator in ("watts-strogatz", "barabasi-albert"):
            space = get_space("rnn", cells=(cell,), nodes=(n, n), generators=(generator,))
            network = space.build(space.sample(np.random.default_rng(1)), (arguments.steps,), 2)
            epochs = [
                seconds_a_batch(network, logits, codes, repeats) * EPOCH / arguments.batch
                for logits, repeats in ((RnnNetwork.__call__, 20), (logits_by_layer, 8), (logits_by_edge, 1))
            ]
            ours, by_layer, by_edge = epochs
            print(
                f"{cell:6}{generator:17}{network.wiring.n_layers:7}{ours:12.2f}{by_layer:10.2f}{by_edge:10.1f}"
                f"{by_layer / ours:8.1f}{by_edge / ours:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
