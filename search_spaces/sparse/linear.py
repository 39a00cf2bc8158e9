"""A linear layer with one trained number for each weight that its mask keeps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SparseLinear(nn.Module):
    """``x @ W.T + bias`` with a weight matrix W that is zero outside a mask; weights that are not kept do not exist.

    Initial values are those of ``torch.nn.Linear`` of the full width under the same seed.

    Parameters
    ----------
    mask
        Which weights are kept, shape (out, in), bool.
    init
        ``dense``, or ``fan-in``: weights and bias of each unit are scaled to what torch would take for a layer
        of as many inputs as the unit has weights.
    """

    _places: Tensor

    def __init__(self, mask: Tensor, *, init: str = "dense") -> None:
        super().__init__()
        self.out_features, self.in_features = mask.shape
        dense = nn.Linear(self.in_features, self.out_features)
        weight, bias = dense.weight.detach(), dense.bias.detach()
        if init == "fan-in":
            scale = (self.in_features / mask.sum(dim=1).clamp(min=1)).sqrt()
            weight, bias = weight * scale[:, None], bias * scale
        self.weight = nn.Parameter(weight[mask].clone())
        self.bias = nn.Parameter(bias.clone())
        self.register_buffer("_places", mask.flatten().nonzero()[:, 0], persistent=False)

    def matrix(self) -> Tensor:
        """The weights with zeros where none are kept, shape (out, in)."""
        empty = self.weight.new_zeros(self.out_features * self.in_features)
        return empty.index_copy(0, self._places, self.weight).view(self.out_features, self.in_features)

    def mask(self) -> Tensor:
        """Which weights are kept, shape (out, in), bool."""
        kept = torch.zeros(self.out_features * self.in_features, dtype=torch.bool, device=self._places.device)
        kept[self._places] = True
        return kept.view(self.out_features, self.in_features)

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        return F.linear(inputs, self.matrix(), self.bias)

    def squares(self, name: str, inputs: Tensor) -> tuple[Tensor, int]:
        """Of the inputs that the kept weights read (:class:`search_spaces.space.ReadingModule`)."""
        if name != "weight":
            raise ValueError(f"expected weight, found {name}")
        rows = inputs.reshape(-1, self.in_features)
        return rows.square().sum(dim=0)[self._places % self.in_features], len(rows)

    def extra_repr(self) -> str:
        """What torch prints of the layer."""
        return f"in_features={self.in_features}, out_features={self.out_features}, kept={len(self.weight)}"
