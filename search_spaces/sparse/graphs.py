"""The graphs of the masks of consecutive layers: by units, by channels, or by kernels; and the masks of a graph.

Stier, Granitzer 2022, "deepstruct": between a structure and a network there is a way in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.graph import LabelledGraph
from search_spaces.sparse.layers import Bools, check_consecutive, kept_counts

Ints = NDArray[np.int64]

LEVELS = ("neuron", "channel", "kernel")


def graph_of_masks(masks: Sequence[Any], level: str = "neuron") -> LabelledGraph:
    """The directed graph of the masks of consecutive layers, on one of three levels.

    Parameters
    ----------
    masks
        Arrays or tensors, the first layer first; what is not zero is kept. Those of linear layers have the shape
        (out, in), those of convolutions (out, in, height, width). A linear layer after a convolution reads all places
        of each channel, channel after channel.
    level
        - ``neuron``: a vertex for each input and each unit of linear layers, an edge for each weight kept;
        - ``channel``: a vertex for each channel, which is the unit of a linear layer, an edge where any weight of a
          kernel is kept; linear layers after convolutions have a kernel for each unit and channel;
        - ``kernel``: a vertex for each kernel of which a weight is kept, an edge where one writes the channel that
          another one of the next layer reads.

    Returns
    -------
    LabelledGraph
        Ops are ``input``, ``hidden`` and ``output``, or ``kernel``. Vertices go layer by layer, by channel or unit;
        ``layer`` is 0 for inputs. Kernels have ``layer`` from 1 on, the channels they read and write (``reads``,
        ``writes``), and ``kept`` weights, and go by layer, written channel and read one.

    Raises
    ------
    ValueError
        On another level, masks that do not fit one another, and convolutions on the level of neurons.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, found {level!r}")
    layers = check_consecutive(masks)
    if level == "neuron" and any(mask.ndim == 4 for mask in layers):
        raise ValueError(
            "masks must have the shape (out, in) on the level 'neuron', found one of a convolution, whose units depend "
            "on the size of its images: take the level 'channel' or 'kernel'"
        )
    counts = kept_counts(layers)
    return _of_kernels(counts) if level == "kernel" else _of_channels([count > 0 for count in counts])


def masks_of_graph(graph: LabelledGraph) -> list[Bools]:
    """The masks, shape (out, in) each, of a graph of neurons or channels: ``graph_of_masks(masks_of_graph(g)) == g``.

    A graph of kernels does not know of channels without any, and has none.

    Raises
    ------
    ValueError
        If vertices have no ``layer``, or do not go by layers, or an edge does not lead from a layer to the next.
    """
    if "layer" not in graph.attributes or "writes" in graph.attributes:
        raise ValueError(
            "the graph must be one of neurons or channels, whose vertices have the attribute 'layer', "
            f"found attributes {sorted(graph.attributes)}"
        )
    layer = np.array(graph.attributes["layer"], dtype=np.int64)
    widths = np.bincount(layer) if layer.size and (layer >= 0).all() else np.empty(0, dtype=np.int64)
    if len(widths) < 2 or (np.diff(layer) < 0).any() or not widths.all():
        raise ValueError("the vertices must go by layers 0, 1, ..., with one or more in each of two or more layers")
    first = np.concatenate([[0], np.cumsum(widths)])
    masks = [np.zeros((above, below), dtype=np.bool_) for below, above in pairwise(widths.tolist())]
    for tail, head in graph.edges:
        if layer[head] != layer[tail] + 1:
            raise ValueError(
                f"edges must lead from a layer to the next, found {(tail, head)} from {layer[tail]} "
                f"to {layer[head]}: a network with such edges is one of skip layers"
            )
        masks[layer[tail]][head - first[layer[head]], tail - first[layer[tail]]] = True
    return masks


def _of_channels(kept: Sequence[Bools]) -> LabelledGraph:
    widths = [kept[0].shape[1], *(len(mask) for mask in kept)]
    first = np.concatenate([[0], np.cumsum(widths)])
    edges: list[tuple[int, int]] = []
    for number, mask in enumerate(kept):
        heads, tails = np.nonzero(mask)
        edges += zip((tails + first[number]).tolist(), (heads + first[number + 1]).tolist(), strict=True)
    ops = ["input"] * widths[0] + ["hidden"] * sum(widths[1:-1]) + ["output"] * widths[-1]
    layer = np.repeat(np.arange(len(widths)), widths)
    return LabelledGraph(tuple(ops), tuple(edges), {"layer": tuple(layer.tolist())})


def _of_kernels(counts: Sequence[Ints]) -> LabelledGraph:
    ends = [np.nonzero(count) for count in counts]  # of each layer: written channels, and those read
    first = np.concatenate([[0], np.cumsum([len(writes) for writes, _ in ends])])
    edges: list[tuple[int, int]] = []
    for number, ((writes, _), (_, reads)) in enumerate(pairwise(ends)):
        tails, heads = np.nonzero(writes[:, None] == reads[None])
        edges += zip((tails + first[number]).tolist(), (heads + first[number + 1]).tolist(), strict=True)
    attributes = {
        "layer": np.repeat(np.arange(1, len(ends) + 1), [len(writes) for writes, _ in ends]),
        "reads": np.concatenate([reads for _, reads in ends]),
        "writes": np.concatenate([writes for writes, _ in ends]),
        "kept": np.concatenate([count[count > 0] for count in counts]),
    }
    rows = {name: tuple(values.tolist()) for name, values in attributes.items()}
    return LabelledGraph(("kernel",) * int(first[-1]), tuple(edges), rows)
