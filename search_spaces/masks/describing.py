"""The graph of a genotype that predictors read, with what it costs and what it sees of the image as numbers."""

from __future__ import annotations

import numpy as np

from search_spaces.graph import LabelledGraph
from search_spaces.masks.edges import Floats
from search_spaces.masks.genotype import Ints, MaskGenotype
from search_spaces.masks.placement import centres, coordinates
from search_spaces.masks.relational import layer_owners
from search_spaces.masks.validity import Limits


def to_graph(genotype: MaskGenotype, limits: Limits, input_spread: Floats | None) -> LabelledGraph:
    """The undirected graph of nodes: two are joined where either reads the other, and none with itself.

    ``inputs`` of a vertex is how many features the node owns. ``info`` holds

    - ``parameters``, ``macs``: trained numbers, and multiply-accumulates an input;
    - ``kept``, ``sparsity``: weights of the masked layers, and the share of all weights that is left out;
    - ``reads``: how many nodes one reads on average, itself included, over the number of nodes;
    - ``locality``: the mean squared distance, in pixels, of two inputs of which one node reads the other's, over the
      edges; of feature numbers where inputs are no image;
    - ``input_spread``, where the space knows it: the mean over the weights of the first layer.
    """
    matrix, owned = genotype.matrix, genotype.owned
    joined = np.triu(matrix | matrix.T, 1)
    counts = np.bincount(owned, minlength=genotype.nodes)
    weights = genotype.kept + limits.head
    info = {
        "parameters": float(weights + sum(limits.hidden) + limits.n_classes),
        "macs": float(weights),
        "kept": float(genotype.kept),
        "sparsity": 1 - weights / (limits.masked + limits.head),
        "reads": float(matrix.mean()),
        "locality": _locality(genotype, owned, limits),
    }
    if input_spread is not None:
        info["input_spread"] = _mean_spread(genotype, owned, limits, input_spread)
    return LabelledGraph(
        ops=("node",) * genotype.nodes,
        edges=tuple(zip(*(ends.tolist() for ends in np.nonzero(joined)), strict=True)),
        attributes={"inputs": tuple(counts.tolist())},
        directed=False,
        info=info,
    )


def _locality(genotype: MaskGenotype, owned: Ints, limits: Limits) -> float:
    """The mean of ``(p - q) ** 2`` over edges (i, j), p an input of i and q of j: by centres and variances of nodes."""
    places = coordinates(limits.input_shape)
    counts = np.bincount(owned, minlength=genotype.nodes)
    centre = centres(owned, genotype.nodes, limits.input_shape)
    variance = np.bincount(owned, ((places - centre[owned]) ** 2).sum(axis=1), genotype.nodes) / counts
    readers, read = np.nonzero(genotype.matrix)
    squared = ((centre[readers] - centre[read]) ** 2).sum(axis=1) + variance[readers] + variance[read]
    return float(squared.mean())


def _mean_spread(genotype: MaskGenotype, owned: Ints, limits: Limits, spread: Floats) -> float:
    units = np.bincount(layer_owners(owned, limits.widths, genotype.nodes)[0][0], minlength=genotype.nodes)
    read = units @ genotype.matrix  # how many hidden units read the inputs of each node
    return float((read[owned] * spread).sum() / read[owned].sum())
