"""The recurrent networks that the authors trained, whose code differs from their formula.

Darji 2021, "Investigating Sparsity in Recurrent Neural Networks" (the code behind Stier, Darji, Granitzer 2021, sec.
4.3). It is kept to load and to score their stored networks, and to train as they did; :mod:`search_spaces.rnn.network`
is the formula. Where they differ:

- layers that are joined by skipping edges are joined by a whole cell of its own, with its own dense weights between
  steps, whose states are added to those of the layer, and known to itself alone;
- masks are repeated row by row while gates stand one below the other, so that with several gates another graph than
  the one drawn is trained;
- states are read after the last step of the longest sequence of the batch, and 0 is a code like others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from search_spaces.canonical import layering
from search_spaces.rnn.genotype import GATES, RnnGenotype, canonical
from search_spaces.rnn.wiring import Wiring

Pair = tuple[int, int]


def build_thesis_network(genotype: RnnGenotype, n_classes: int, *, vocabulary: int) -> ThesisNetwork:
    """The authors' network of a genotype, its masks as their code would make them.

    Parameters
    ----------
    genotype
        A valid genotype; the authors' embedding is as wide as the first layer (0).
    n_classes
        Width of the logits.
    vocabulary
        How many codes there are, 0 included; the authors have 128.
    """
    ordered = canonical(genotype)
    wiring = Wiring.of(ordered.size, ordered.edges)
    widths = [end - start for start, end in pairwise(wiring.starts)]
    joined = joined_layers(ordered.size, ordered.edges)
    network = ThesisNetwork(genotype.cell, widths, skipping(joined), genotype.embedding_width, n_classes, vocabulary)
    for below, above in joined:
        mask = torch.zeros(widths[above], widths[below])
        for tail, head in ordered.edges:
            if (wiring.layer[tail], wiring.layer[head]) == (below, above):
                mask[head - wiring.starts[above], tail - wiring.starts[below]] = 1
        repeated = mask.repeat_interleave(GATES[genotype.cell], dim=0)
        network.recurrent.cell(below, above, network.skips).mask_i2h.copy_(repeated)
    return network


def stored_thesis_network(cell: str, state: Mapping[str, Tensor], size: int, edges: Sequence[Pair]) -> ThesisNetwork:
    """The network of one of the authors' files.

    Parameters
    ----------
    cell
        ``tanh``, ``relu``, ``gru`` or ``lstm``.
    state
        The tensors of the file by name.
    size, edges
        The graph, oriented, that it was made from; without edges, its layers are dense.

    Raises
    ------
    ValueError
        If the tensors are not those of such a network.
    """
    skips = skipping(joined_layers(size, edges))
    try:
        layers = len({name.split(".")[2] for name in state if name.startswith("recurrent.recurrent_layers.")})
        widths = [state[f"recurrent.recurrent_layers.{layer}.weight_hh"].shape[1] for layer in range(layers)]
        vocabulary, embedding = state["embedding.weight"].shape
        network = ThesisNetwork(cell, widths, skips, embedding, len(state["out.bias"]), vocabulary)
        network.load_state_dict(state)
    except (KeyError, IndexError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ValueError(
            f"expected the tensors of a {cell} network with {len(skips)} skipping cells: {reason}"
        ) from error
    return network.eval()


def joined_layers(size: int, edges: Sequence[Pair]) -> list[Pair]:
    """The pairs (lower, higher) of layers that an edge joins, by the higher one."""
    layer = layering(size, edges)
    return sorted({(layer[tail], layer[head]) for tail, head in edges}, key=lambda pair: (pair[1], pair[0]))


def skipping(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs of layers that do not follow each other."""
    return [(below, above) for below, above in pairs if above - below > 1]


class ThesisNetwork(nn.Module):
    """Integer codes of shape (B, T), 0 after the end of each sequence, to logits of shape (B, n_classes).

    ``state_dict`` has the names and shapes of the authors' files.

    Parameters
    ----------
    cell
        ``tanh``, ``relu``, ``gru`` or ``lstm``.
    widths
        Neurons of each layer.
    skips
        Pairs (lower, higher) of layers that are joined beside those that follow each other, in the order of
        :func:`joined_layers`.
    embedding
        Width of the embedding.
    n_classes
        Width of the logits.
    vocabulary
        How many codes there are, 0 included.
    """

    def __init__(
        self,
        cell: str,
        widths: list[int],
        skips: Sequence[Pair],
        embedding: int,
        n_classes: int,
        vocabulary: int = 128,
    ) -> None:
        super().__init__()
        self.skips = {pair: place for place, pair in enumerate(skips)}
        self.embedding = nn.Embedding(vocabulary, embedding)
        self.recurrent = _Layers(cell, [embedding, *widths], self.skips)
        self.out = nn.Linear(widths[-1], n_classes)

    def forward(self, codes: Tensor) -> Tensor:
        """(B, T) to (B, n_classes), read after step T."""
        return self.by_step(codes)[-1]

    def by_step(self, codes: Tensor) -> Tensor:
        """The logits that would be read after every step, shape (T, B, n_classes)."""
        states = [self.embedding(codes.t().long())]
        for above, layer in enumerate(self.recurrent.recurrent_layers):
            total = layer(states[-1])
            for below in range(above - 1):
                if (below, above) in self.skips:
                    total = total + self.recurrent.cell(below, above, self.skips)(states[below + 1])
            states.append(total)
        logits: Tensor = self.out(states[-1])
        return logits


class _Layers(nn.Module):
    """The cells of a network under the names that the authors' files have; ``sizes`` are those of what they read."""

    def __init__(self, cell: str, sizes: list[int], skips: Mapping[Pair, int]) -> None:
        super().__init__()
        self.recurrent_layers = nn.ModuleList(_MaskedCell(cell, below, above) for below, above in pairwise(sizes))
        self.skip_layers = nn.ModuleList(
            _MaskedCell(cell, sizes[below + 1], sizes[above + 1]) for below, above in skips
        )

    def cell(self, below: int, above: int, skips: Mapping[Pair, int]) -> _MaskedCell:
        """The cell that joins two layers."""
        cells = self.recurrent_layers if above - below == 1 else self.skip_layers
        found = cells[above if above - below == 1 else skips[below, above]]
        assert isinstance(found, _MaskedCell)
        return found


class _MaskedCell(nn.Module):
    """One of torch's recurrent layers with masks over its weights: (T, B, inputs) to (T, B, neurons)."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor
    mask_i2h: Tensor
    mask_h2h: Tensor

    def __init__(self, cell: str, inputs: int, neurons: int) -> None:
        super().__init__()
        self.gates = GATES[cell]
        for name, parameter in _torch_layer(cell, inputs, neurons).named_parameters():
            self.register_parameter(name.removesuffix("_l0"), parameter)
        self.register_buffer("mask_i2h", torch.ones(GATES[cell] * neurons, inputs))
        self.register_buffer("mask_h2h", torch.ones(GATES[cell] * neurons, neurons))
        self._layer = (_torch_layer(cell, inputs, neurons, "meta"),)  # in a tuple, it has no part in the state

    def forward(self, inputs: Tensor) -> Tensor:
        """The states after every step, from zero."""
        weights = {
            "weight_ih_l0": self.weight_ih * self.mask_i2h,
            "weight_hh_l0": self.weight_hh * self.mask_h2h,
            "bias_ih_l0": self.bias_ih,
            "bias_hh_l0": self.bias_hh,
        }
        states: Tensor = torch.func.functional_call(self._layer[0], weights, (inputs,))[0]
        return states


def _torch_layer(cell: str, inputs: int, neurons: int, device: str = "cpu") -> nn.RNNBase:
    if cell in ("tanh", "relu"):
        return nn.RNN(inputs, neurons, nonlinearity=cell, device=device)
    if cell == "lstm":
        return nn.LSTM(inputs, neurons, device=device)
    return nn.GRU(inputs, neurons, device=device)
