"""A multilayer perceptron with the weights of its masks and no others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from search_spaces.sparse.linear import SparseLinear


class SparsePerceptron(nn.Module):
    """Inputs of shape (B, ...), flattened, to logits of shape (B, n_classes).

    Masked layers with ReLU after each, and a classifier. With ``init="dense"`` the weights are those that
    ``torch.nn.Linear`` layers of these widths, made one after the other, would have under the same seed.

    Parameters
    ----------
    masks
        Which weights are kept, each of shape (out, in), bool, the first layer first.
    n_classes
        Width of a dense classifier after the masked layers; None where the last mask is that of the classifier.
    init
        ``dense`` or ``fan-in`` (:class:`search_spaces.sparse.linear.SparseLinear`).

    Raises
    ------
    ValueError
        If a mask reads another number of units than the one before writes.
    """

    def __init__(self, masks: Sequence[Tensor], n_classes: int | None = None, *, init: str = "dense") -> None:
        super().__init__()
        for below, above in pairwise(masks):
            if above.shape[1] != len(below):
                raise ValueError(
                    f"a mask must read {len(below)} units, as many as the last has, found {above.shape[1]}"
                )
        hidden = masks if n_classes is not None else masks[:-1]
        self.hidden = nn.ModuleList(SparseLinear(mask, init=init) for mask in hidden)
        self.classifier: nn.Module = (
            SparseLinear(masks[-1], init=init) if n_classes is None else nn.Linear(len(masks[-1]), n_classes)
        )

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
        """Which weights the masked layers keep, each of shape (out, in), bool."""
        return [layer.mask() for layer in (*self.hidden, self.classifier) if isinstance(layer, SparseLinear)]
