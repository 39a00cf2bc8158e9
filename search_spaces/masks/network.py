"""The torch module of a genotype: a multilayer perceptron with the weights of its masks and no others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from search_spaces.masks.genotype import MaskGenotype
from search_spaces.masks.relational import masks_of
from search_spaces.sparse.linear import SparseLinear


def build_network(
    genotype: MaskGenotype, hidden: Sequence[int], input_shape: Sequence[int], n_classes: int, *, init: str = "dense"
) -> MaskNetwork:
    """The network of a genotype; equal genotypes give the same network under the same seed.

    Parameters
    ----------
    genotype
        A valid genotype.
    hidden
        Widths of the hidden layers.
    input_shape
        Of one input.
    n_classes
        Width of the logits.
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
    masks = [torch.from_numpy(mask) for mask in masks_of(genotype, hidden)]
    return MaskNetwork(masks, n_classes, init=init)


class MaskNetwork(nn.Module):
    """Inputs of shape (B, ...), flattened, to logits of shape (B, n_classes).

    Masked layers with ReLU after each, and a dense one. With ``init="dense"`` the weights are those that
    ``torch.nn.Linear`` layers of these widths, made one after the other, would have under the same seed.
    """

    def __init__(self, masks: Sequence[Tensor], n_classes: int, *, init: str = "dense") -> None:
        super().__init__()
        for below, above in pairwise(masks):
            if above.shape[1] != len(below):
                raise ValueError(
                    f"a mask must read {len(below)} units, as many as the last has, found {above.shape[1]}"
                )
        self.hidden = nn.ModuleList(SparseLinear(mask, init=init) for mask in masks)
        self.classifier = nn.Linear(len(masks[-1]), n_classes)

    def features(self, inputs: Tensor) -> Tensor:
        """The last hidden layer, shape (B, units)."""
        states = inputs.flatten(1)
        for layer in self.hidden:
            states = torch.relu(layer(states))
        return states

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, ...) to (B, n_classes)."""
        logits: Tensor = self.classifier(self.features(inputs))
        return logits

    def masks(self) -> list[Tensor]:
        """Which weights the layers before hidden ones keep, each of shape (out, in), bool."""
        return [layer.mask() for layer in self.hidden]  # type: ignore[operator]  # a ModuleList holds any modules
