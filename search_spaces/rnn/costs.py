"""What a genotype costs, exactly and without building it: its weights, and what one sequence takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.canonical import layering
from search_spaces.rnn.genotype import GATES, RnnGenotype

READOUTS = ("last", "sinks")
COMPATS = ("", "thesis")


@dataclass(frozen=True, slots=True)
class Costs:
    """The widths of the layers, trained parameters, and multiply-accumulates a sequence.

    A weight that the graph leaves out counts as neither. Look-ups in the embedding, biases, activations and the
    products of gates count no multiply-accumulates.
    """

    widths: tuple[int, ...]
    parameters: int
    macs: int


def layer_widths(layers: Sequence[int]) -> tuple[int, ...]:
    """How many vertices each layer has, from the layer of every vertex.

    The columns ``layers``, ``source_nodes`` and ``sink_nodes`` of Darji 2021 are the length of this, its first and
    its last entry.
    """
    widths = [0] * (max(layers) + 1)
    for layer in layers:
        widths[layer] += 1
    return tuple(widths)


def infer_costs(
    genotype: RnnGenotype, steps: int, n_classes: int, *, vocabulary: int, readout: str = "last", compat: str = ""
) -> Costs:
    """The costs of a genotype for sequences of so many steps.

    With g gates every neuron has g weights for each neuron it reads, or for each entry of the embedding in the
    first layer, g for each neuron of its own layer one step before, and 2 g biases.

    Parameters
    ----------
    readout
        What the classifier reads: neurons of the ``last`` layer (Stier, Darji, Granitzer 2021, sec. 4.3), or the
        ``sinks``, which no other neuron of the same step reads.
    compat
        With ``thesis`` the costs of the network of Darji 2021: every layer has, for each earlier layer but the one
        before it that it reads, a second cell with recurrent weights and biases of its own.

    Raises
    ------
    ValueError
        On directed cycles.
    """
    layers = layering(genotype.size, genotype.edges)
    widths = layer_widths(layers)
    cells = list(widths)  # the widths of all cells
    if compat == "thesis":
        jumps = {(layers[tail], layers[head]) for tail, head in genotype.edges if layers[head] - layers[tail] > 1}
        cells += [widths[head] for _, head in jumps]
    sinks = genotype.size - len({tail for tail, _ in genotype.edges})
    read = sinks if readout == "sinks" else widths[-1]
    gates, embedding = GATES[genotype.cell], genotype.embedding_width
    weights = gates * (widths[0] * embedding + len(genotype.edges) + sum(width**2 for width in cells))
    biases = gates * 2 * sum(cells)
    parameters = vocabulary * embedding + weights + biases + (read + 1) * n_classes
    return Costs(widths, parameters, steps * weights + read * n_classes)
