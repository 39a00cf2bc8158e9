"""The network of a genotype as a Python file of its own, with torch as the one thing it needs."""

from __future__ import annotations

from itertools import pairwise
from string import Template

from search_spaces.rnn.cells import CELLS
from search_spaces.rnn.genotype import GATES, RnnGenotype, canonical
from search_spaces.rnn.wiring import Wiring

SOURCE_CLASS = "Layers"
"""Name of the class in the file."""

_FILE = Template('''\
"""A network found by nasgen: integer codes of shape (N, T), 0 after the end, to logits of shape (N, $n_classes)."""

import torch
from torch import Tensor, nn

LAYERS = $layers  # first neuron and end of each
EDGES = $edges  # (neuron, its reader)
READ = $read  # neurons that the logits read


class $class_name(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding($vocabulary, $embedding)
        self.weight_in = nn.Parameter(torch.zeros($gates, $first, $embedding))
        self.weight_ih = nn.Parameter(torch.zeros($gates, $n_edges))  # one an edge
        self.weight_hh = nn.Parameter(torch.zeros($gates, $n_recurrent))  # dense in every layer
        self.bias_ih = nn.Parameter(torch.zeros($gates, $size))
        self.bias_hh = nn.Parameter(torch.zeros($gates, $size))
        self.readout = nn.Linear($n_read, $n_classes)

    def forward(self, codes: Tensor) -> Tensor:
        below = self.weight_ih.new_zeros($gates, $size, $size)
        for edge, (tail, head) in enumerate(EDGES):
            below[:, head, tail] = self.weight_ih[:, edge]
        before = torch.zeros_like(below)
        start = 0
        for first, end in LAYERS:
            width = end - first
            block = self.weight_hh[:, start : start + width * width]
            before[:, first:end, first:end] = block.view(-1, width, width)
            start += width * width
        state = below.new_zeros(len(codes), $size)
        memory = torch.zeros_like(state)
        for letters in codes.long().t():
            inputs = torch.einsum("ne,gwe->gnw", self.embedding(letters), self.weight_in)
            of_states = torch.einsum("ns,grs->gnr", state, before) + self.bias_hh[:, None]
            new, new_memory = torch.zeros_like(state), torch.zeros_like(state)
            for number, (first, end) in enumerate(LAYERS):
                layer = slice(first, end)
                of_inputs = torch.einsum("ns,grs->gnr", new, below[:, layer]) + self.bias_ih[:, None, layer]
                if number == 0:
                    of_inputs = of_inputs + inputs
                new, new_memory = self.step(layer, of_inputs, of_states[:, :, layer], state, memory, new, new_memory)
            inside = (letters != 0)[:, None]
            state, memory = torch.where(inside, new, state), torch.where(inside, new_memory, memory)
        return self.readout(state[:, READ])

    def step(self, layer, x, s, state, memory, new, new_memory):
$step
        return self.put(new, layer, h), $memory

    @staticmethod
    def put(states: Tensor, layer: slice, values: Tensor) -> Tensor:
        states = states.clone()
        states[:, layer] = values
        return states
''')

_STEPS = {
    "tanh": "h = torch.tanh(x[0] + s[0])",
    "relu": "h = torch.relu(x[0] + s[0])",
    "gru": """r, z = torch.sigmoid(x[0] + s[0]), torch.sigmoid(x[1] + s[1])
h = (1 - z) * torch.tanh(x[2] + r * s[2]) + z * state[:, layer]""",
    "lstm": """i, f, g, o = x + s
c = torch.sigmoid(f) * memory[:, layer] + torch.sigmoid(i) * torch.tanh(g)
h = torch.sigmoid(o) * torch.tanh(c)""",
}


def network_source(genotype: RnnGenotype, n_classes: int, *, vocabulary: int, readout: str = "last") -> str:
    """The text of a file that defines the module class ``SOURCE_CLASS``, a loop over steps and layers.

    Its ``state_dict`` has the keys of :func:`search_spaces.rnn.network.build_network`, and the same weights give the
    same logits. Takes what ``build_network`` does.
    """
    ordered = canonical(genotype)
    wiring = Wiring.of(ordered.size, ordered.edges)
    read = wiring.last if readout == "last" else wiring.sinks
    return _FILE.substitute(
        class_name=SOURCE_CLASS,
        layers=list(pairwise(wiring.starts)),
        edges=list(ordered.edges),
        read=read.tolist(),
        n_read=len(read),
        n_edges=len(ordered.edges),
        n_recurrent=len(wiring.recurrent),
        size=wiring.size,
        first=wiring.first,
        gates=GATES[genotype.cell],
        embedding=genotype.embedding_width,
        vocabulary=vocabulary,
        n_classes=n_classes,
        step="\n".join(" " * 8 + line for line in _STEPS[genotype.cell].splitlines()),
        memory="self.put(new_memory, layer, c)" if CELLS[genotype.cell].remembers else "memory",
    )
