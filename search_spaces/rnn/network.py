"""The torch module of a genotype: a recurrent network as sparse as its graph.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3: the
state of layer l at step t is

    h_t^l = f(sum over s < l of (W^{s,l} * M^{s,l}) h_t^s + U^l h_{t-1}^l + b^l)

where the masks M are the edges of the graph, U is dense, and the first layer reads the embedding. Weights that a mask
would hold at zero are not there at all: there is one for each edge and gate.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.rnn.cells import CELLS
from search_spaces.rnn.genotype import GATES, RnnGenotype, canonical
from search_spaces.rnn.wavefront import Front, Wavefront, states_by_step
from search_spaces.rnn.wiring import Wiring


def build_network(genotype: RnnGenotype, n_classes: int, *, vocabulary: int, readout: str = "last") -> RnnNetwork:
    """The network of a genotype; isomorphic genotypes give the same network, initialisation included.

    Parameters
    ----------
    genotype
        A valid genotype.
    n_classes
        Width of the logits.
    vocabulary
        How many codes there are, 0 (after the end of a sequence) included.
    readout
        ``last``: the logits read the last layer, as the paper has it; ``sinks``: all neurons without successors.
    """
    ordered = canonical(genotype)
    wiring = Wiring.of(ordered.size, ordered.edges)
    width = genotype.embedding_width
    return RnnNetwork(wiring, genotype.cell, width, n_classes, vocabulary=vocabulary, readout=readout)


class RnnNetwork(nn.Module):
    """Integer codes of shape (B, T), 0 after the end of each sequence, to logits of shape (B, n_classes).

    Logits read the states after the last code, whatever the length of others in the batch. A sequence has one code at
    least.

    Gates stand as in torch (r, z, n and i, f, g, o). ``weight_in`` has shape (gates, first layer, embedding),
    ``weight_ih`` (gates, edges) and ``weight_hh`` (gates, sum of squared widths) in the order of
    :class:`search_spaces.rnn.wiring.Wiring`, biases (gates, neurons).
    """

    _layer: Tensor
    _rows: Tensor
    _places: Tensor
    _read: Tensor
    _of_inputs: Tensor
    _of_states: Tensor

    def __init__(
        self,
        wiring: Wiring,
        cell: str,
        embedding: int,
        n_classes: int,
        *,
        vocabulary: int,
        readout: str = "last",
    ) -> None:
        super().__init__()
        self.wiring, self.cell = wiring, CELLS[cell]
        self.gates = gates = GATES[cell]
        read = wiring.last if readout == "last" else wiring.sinks
        self.embedding = nn.Embedding(vocabulary, embedding)
        widths = torch.from_numpy(wiring.widths).float()
        self.weight_in = _uniform(widths[: wiring.first, None].expand(gates, -1, embedding))
        self.weight_ih = _uniform(widths[wiring.forward[:, 0]].expand(gates, -1))
        self.weight_hh = _uniform(widths[wiring.recurrent[:, 0]].expand(gates, -1))
        self.bias_ih = _uniform(widths.expand(gates, -1))
        self.bias_hh = _uniform(widths.expand(gates, -1))
        self.readout = nn.Linear(len(read), n_classes)
        for name, values in {
            "layer": wiring.layer,
            "rows": wiring.rows_of_history(),
            "places": _places(wiring, self.cell.of_inputs, self.cell.of_states),
            "read": read,
            "of_inputs": self.cell.of_inputs,
            "of_states": self.cell.of_states,
        }.items():
            self.register_buffer(f"_{name}", torch.as_tensor(values), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, T) to (B, n_classes)."""
        apply = Wavefront.apply
        states = apply(*self._of_wavefront(codes))  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
        logits: Tensor = self.readout(states.index_select(0, self._read).t())
        return logits

    def squares(self, name: str, inputs: Tensor) -> tuple[Tensor, int]:
        """Of embedded codes, states, or states before (:class:`search_spaces.space.ReadingModule`).

        States before the first step are 0, and steps after the end of a sequence do not count.
        """
        lengths = _lengths(inputs)
        terms = int(lengths.sum())
        steps = torch.arange(inputs.shape[1], device=inputs.device)[:, None]
        if name == "weight_in":
            embedded = self.embedding(inputs.t().long()).square()
            return embedded.masked_fill((steps >= lengths)[:, :, None], 0).sum(dim=(0, 1)), terms
        of_states = {"weight_hh": (self.wiring.recurrent, lengths - 1), "weight_ih": (self.wiring.forward, lengths)}
        if name not in of_states:
            raise ValueError(f"expected one of weight_in, {', '.join(of_states)}, found {name}")
        read, ends = of_states[name]
        squares = states_by_step(*self._of_wavefront(inputs)).square()
        of_neurons = squares.masked_fill((steps >= ends)[:, None], 0).sum(dim=(0, 2))
        return of_neurons[torch.from_numpy(self.wiring.sources[read[:, 1]])], terms

    def _of_wavefront(self, codes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Front]:
        """What the wavefront takes."""
        front = Front(self.cell, self.wiring.starts, self._layer, self._rows, self.wiring.reach)
        return self._weights(), self._bias(), self._inputs(codes.long()), _lengths(codes), front

    def _weights(self) -> Tensor:
        """All weights but those of the inputs as one matrix, shape (blocks n, columns)."""
        shape = self.cell.blocks * self.wiring.size, len(self._rows)
        flat = torch.cat([self.weight_ih.flatten(), self.weight_hh.flatten()])
        return flat.new_zeros(shape[0] * shape[1]).index_put((self._places,), flat).view(shape)

    def _bias(self) -> Tensor:
        """Shape (blocks n,)."""
        blocks = self.bias_ih.new_zeros(self.cell.blocks, self.wiring.size)
        return blocks.index_add(0, self._of_inputs, self.bias_ih).index_add(0, self._of_states, self.bias_hh).flatten()

    def _inputs(self, codes: Tensor) -> Tensor:
        """What the codes add to the first layer, shape (T, gates w, B): embedded and weighted once for each code."""
        by_block = torch.zeros_like(self.weight_in).index_copy(0, self._of_inputs, self.weight_in)
        table = self.embedding.weight @ by_block.flatten(0, 1).t()
        return F.embedding(codes.t(), table).transpose(1, 2).contiguous()


def _lengths(codes: Tensor) -> Tensor:
    return (codes != 0).sum(dim=1)


def _uniform(widths: Tensor) -> nn.Parameter:
    """Uniform within one over the square root of the layer's width, as torch starts its cells."""
    return nn.Parameter((2 * torch.rand(widths.shape) - 1) / widths.sqrt())


def _places(wiring: Wiring, of_inputs: tuple[int, ...], of_states: tuple[int, ...]) -> Tensor:
    """Where ``weight_ih`` and ``weight_hh``, flattened, stand in the flattened matrix."""
    pairs = torch.from_numpy(wiring.forward), torch.from_numpy(wiring.recurrent)
    return torch.cat(
        [
            (block * wiring.size + readers) * len(wiring.sources) + columns
            for blocks, (readers, columns) in zip((of_inputs, of_states), (pair.T for pair in pairs), strict=True)
            for block in blocks
        ]
    )
