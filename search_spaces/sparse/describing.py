"""The graph of masks that predictors read: a vertex for each layer of units, with how its weights lie as numbers.

The graph of all units (:mod:`search_spaces.sparse.graphs`) says more, but holds an edge for each kept weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from search_spaces.graph import LabelledGraph
from search_spaces.sparse.genotype import SparseGenotype
from search_spaces.sparse.layers import Bools
from search_spaces.sparse.measures import density, xi

Floats = NDArray[np.float64]


def to_graph(genotype: SparseGenotype) -> LabelledGraph:
    """A chain of ``input``, ``hidden`` and ``output``, one vertex a layer of units.

    A unit is live where a path of kept weights leads from an input over it to an output. Vertices have

    - ``units``, ``live``: their number, and the share of those that are live;
    - ``kept``, ``density``: weights that the layer reads, and their share; 0 for inputs;
    - ``in_mean``, ``in_std``, ``in_max``: of the numbers of weights that each unit reads; 0 for inputs;
    - ``out_mean``, ``out_std``, ``out_max``: of the numbers of weights that read each unit; 0 for outputs.

    ``info`` holds

    - ``parameters``, ``macs``: trained numbers, and multiply-accumulates an input;
    - ``density``, ``xi``: the share of all weights that is kept, and the mean of the layers' shares;
    - ``density_1``, ``density_2``, ...: the share of each layer;
    - ``live_inputs``, ``dead_units``: inputs from which a path leads to an output, and hidden units on no such path;
    - ``live_weights``: the share of the kept weights that are on such a path;
    - ``paths``: the number of such paths.
    """
    masks = genotype.arrays()
    live = live_units(masks)
    read = [np.zeros(genotype.widths[0]), *(mask.sum(axis=1).astype(np.float64) for mask in masks)]
    readers = [*(mask.sum(axis=0).astype(np.float64) for mask in masks), np.zeros(genotype.widths[-1])]
    shares = [float(mask.mean()) for mask in masks]
    attributes = {
        "units": genotype.widths,
        "live": tuple(float(units.mean()) for units in live),
        "kept": (0, *genotype.kept),
        "density": (0.0, *shares),
        **{f"in_{name}": values for name, values in _statistics(read)},
        **{f"out_{name}": values for name, values in _statistics(readers)},
    }
    kept = sum(genotype.kept)
    on_paths = sum(int(mask[above][:, below].sum()) for mask, (below, above) in zip(masks, pairwise(live), strict=True))
    info = {
        "parameters": float(kept + sum(genotype.widths[1:])),
        "macs": float(kept),
        "density": density(masks),
        "xi": xi(masks),
        **{f"density_{number}": share for number, share in enumerate(shares, start=1)},
        "live_inputs": float(live[0].sum()),
        "dead_units": float(sum(int((~units).sum()) for units in live[1:-1])),
        "live_weights": on_paths / max(kept, 1),
        "paths": _paths(masks),
    }
    ops = ("input", *["hidden"] * len(genotype.widths[1:-1]), "output")
    return LabelledGraph(ops, tuple(pairwise(range(len(ops)))), attributes, info=info)


def live_units(masks: Sequence[Bools]) -> list[Bools]:
    """Which inputs, hidden units and outputs lie on a path from an input to an output; shape (width,) each."""
    reached: list[Bools] = [np.ones(masks[0].shape[1], dtype=np.bool_)]
    for mask in masks:
        reached.append(np.asarray(mask[:, reached[-1]].any(axis=1)))
    reaching: list[Bools] = [np.ones(len(masks[-1]), dtype=np.bool_)]
    for mask in reversed(masks):
        reaching.append(np.asarray(mask[reaching[-1]].any(axis=0)))
    return [one & other for one, other in zip(reached, reversed(reaching), strict=True)]


def _statistics(degrees: Sequence[Floats]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Mean, deviation and maximum of each layer."""
    for name, of in (("mean", np.mean), ("std", np.std), ("max", np.max)):
        yield name, tuple(float(of(layer)) for layer in degrees)


def _paths(masks: Sequence[Bools]) -> float:
    """The number of paths from inputs to outputs: no float is too small for those of any genotype, 1e233 at most."""
    paths = np.ones(masks[0].shape[1])
    for mask in masks:
        paths = mask @ paths
    return float(paths.sum())
