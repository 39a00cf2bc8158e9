"""The torch module of a genotype: a multilayer perceptron with the weights of its masks."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch

from search_spaces.masks.genotype import MaskGenotype
from search_spaces.masks.relational import masks_of
from search_spaces.sparse.perceptron import SparsePerceptron


def build_network(
    genotype: MaskGenotype,
    widths: Sequence[int],
    input_shape: Sequence[int],
    n_classes: int | None,
    *,
    init: str = "dense",
) -> SparsePerceptron:
    """The network of a genotype; equal genotypes give the same network under the same seed.

    Parameters
    ----------
    genotype
        A valid genotype.
    widths
        Of what the masked layers write.
    input_shape
        Of one input.
    n_classes
        Width of a dense classifier after them; None where the last of them is the classifier.
    init
        ``dense`` or ``fan-in`` (:class:`search_spaces.sparse.linear.SparseLinear`).

    Raises
    ------
    ValueError
        If inputs have another number of features than the genotype has owners, or the masks no such weights.
    """
    if prod(input_shape) != len(genotype.owners):
        expected = f"{len(genotype.owners)} features, as many as the genotype has owners"
        raise ValueError(f"input_shape must have {expected}, found {tuple(input_shape)}")
    masks = [torch.from_numpy(mask) for mask in masks_of(genotype, widths)]
    return SparsePerceptron(masks, n_classes, init=init)
