"""Relational graphs: how a graph of few nodes is a mask of many weights, and back.

You, Leskovec, He, Xie 2020, "Graph Structure of Neural Networks", sec. 2: every node owns a share of the units of each
layer; where node i reads node j, all units of i read all units of j. A layer is one round of message exchange, and all
rounds go over the same graph. A node's own edge is always there in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from search_spaces.masks.genotype import Bools, Ints, MaskGenotype

Owners = tuple[Ints, Ints]
"""Of a layer: the node of each output unit, and that of each input unit."""


def slices(width: int, nodes: int, rng: np.random.Generator | None = None) -> Ints:
    """The node of each of ``width`` units, ascending, shape (width,): every node owns a slice.

    A slice has ``width // nodes`` units; those that remain are spread evenly over the nodes, or over random ones
    with ``rng``, as in the code of the paper.

    Raises
    ------
    ValueError
        Unless 1 <= nodes <= width.
    """
    if not 1 <= nodes <= width:
        raise ValueError(f"there must be 1..{width} nodes where a layer has {width} units, found {nodes}")
    sizes = np.diff(np.arange(nodes + 1) * width // nodes)
    if rng is not None:
        sizes = rng.permutation(sizes)
    return np.repeat(np.arange(nodes), sizes)


def blow_up(matrix: Bools, out_owners: Ints, in_owners: Ints) -> Bools:
    """The mask of a layer, shape (out, in): a weight is kept where the node of its output reads that of its input.

    Of contiguous slices it is ``np.repeat(np.repeat(matrix, out_sizes, 0), in_sizes, 1)``.
    """
    return matrix[np.ix_(out_owners, in_owners)]


def node_matrix(mask: Bools, out_owners: Ints, in_owners: Ints, nodes: int, *, share: float = 0.0) -> Bools:
    """Which node reads which, shape (nodes, nodes), by a mask of shape (out, in).

    There is an edge where more than ``share`` of the weights between two nodes is kept; any at all, unless told.
    """
    sizes = np.outer(np.bincount(out_owners, minlength=nodes), np.bincount(in_owners, minlength=nodes))
    kept = np.zeros((nodes, nodes))
    units, inputs = np.nonzero(mask)
    np.add.at(kept, (out_owners[units], in_owners[inputs]), 1)
    return np.asarray(kept > share * sizes)


def layer_owners(owners: Ints, widths: Sequence[int], nodes: int) -> list[Owners]:
    """The owners of the outputs and inputs of every masked layer: those of the inputs are given, all others slices."""
    units = [owners, *(slices(width, nodes) for width in widths)]
    return [(above, below) for below, above in pairwise(units)]


def edge_weights(owners: Ints, widths: Sequence[int], nodes: int) -> Ints:
    """How many weights of all masked layers together an edge would keep, shape (nodes, nodes)."""
    counts = [[np.bincount(side, minlength=nodes) for side in layer] for layer in layer_owners(owners, widths, nodes)]
    return np.asarray(sum(np.outer(above, below) for above, below in counts), dtype=np.int64)


def surplus_of(genotype: MaskGenotype, widths: Sequence[int]) -> tuple[int, int]:
    """How many weights its edges would keep beyond ``kept``, and how many the largest of its edges would keep."""
    weights = edge_weights(genotype.owned, widths, genotype.nodes)[genotype.matrix]
    return int(weights.sum()) - genotype.kept, int(weights.max(initial=0))


def masks_of(genotype: MaskGenotype, widths: Sequence[int]) -> list[Bools]:
    """The masks of all masked layers, each of shape (out, in): ``kept`` weights in all.

    They are blow-ups of the genotype's matrix. The weights that these have beyond ``kept`` are left out of one edge,
    the last one in the order of rows of those that keep the most weights: its last weights by layer, unit and input.
    No edge loses all of its weights so.

    Raises
    ------
    ValueError
        If the edges have fewer weights than ``kept``, or so many more that one edge cannot lack them all.
    """
    surplus, largest = surplus_of(genotype, widths)
    if not 0 <= surplus < max(largest, 1):
        raise ValueError(broken_surplus(genotype.kept, surplus, largest))
    matrix = genotype.matrix
    layers = layer_owners(genotype.owned, widths, genotype.nodes)
    masks = [blow_up(matrix, *owners) for owners in layers]
    if surplus:
        weights = edge_weights(genotype.owned, widths, genotype.nodes)
        reader, read = np.argwhere(matrix & (weights == largest))[-1]
        for mask, (above, below) in zip(reversed(masks), reversed(layers), strict=True):
            units, inputs = np.nonzero(np.outer(above == reader, below == read))
            last = slice(max(0, len(units) - surplus), None)
            mask[units[last], inputs[last]] = False
            surplus -= len(units[last])
    return masks


def broken_surplus(kept: int, surplus: int, largest: int) -> str:
    """What is wrong with edges of ``kept + surplus`` weights, the largest with ``largest``."""
    most = kept + max(largest, 1) - 1
    return f"edges must have {kept}..{most} weights, of which {kept} are kept, found {kept + surplus}"
