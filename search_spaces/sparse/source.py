"""A sparse perceptron as a Python file of its own, with torch as the one thing it needs."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Sequence
from string import Template

import numpy as np

from search_spaces.sparse.layers import Bools

SOURCE_CLASS = "Layers"
"""Name of the class in the file."""

_FILE = Template('''\
"""A network found by nasgen: inputs of $inputs features, in any shape, to logits of shape (N, $n_classes)."""

import base64

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Units, inputs, and which weights of the matrix (units, inputs) there are: a bit each, row after row, in base64.
MASKS = [
$masks
]


class Masked(nn.Module):
    """A linear layer with one number for each weight of its mask."""

    def __init__(self, units: int, inputs: int, bits: str) -> None:
        super().__init__()
        packed = torch.tensor(list(base64.b64decode(bits)), dtype=torch.uint8)
        mask = (packed[:, None] >> torch.arange(7, -1, -1) & 1).flatten()[: units * inputs]
        places = mask.nonzero()[:, 0]
        self.shape = units, inputs
        self.weight = nn.Parameter(torch.zeros(len(places)))
        self.bias = nn.Parameter(torch.zeros(units))
        self.register_buffer("places", places, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        units, width = self.shape
        matrix = self.weight.new_zeros(units * width).index_copy(0, self.places, self.weight)
        return F.linear(inputs, matrix.view(units, width), self.bias)


class $class_name(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.ModuleList(Masked(*mask) for mask in $hidden)
        self.classifier = $classifier

    def forward(self, inputs: Tensor) -> Tensor:
        states = inputs.flatten(1)
        for layer in self.hidden:
            states = torch.relu(layer(states))
        return self.classifier(states)
''')


def network_source(masks: Sequence[Bools], n_classes: int | None = None) -> str:
    """The text of a file that defines the module class ``SOURCE_CLASS``.

    Its ``state_dict`` has the keys of :class:`search_spaces.sparse.perceptron.SparsePerceptron` of the same arguments,
    and the same weights give the same logits.
    """
    last = len(masks[-1])
    return _FILE.substitute(
        class_name=SOURCE_CLASS,
        inputs=masks[0].shape[1],
        n_classes=last if n_classes is None else n_classes,
        hidden="MASKS[:-1]" if n_classes is None else "MASKS",
        classifier="Masked(*MASKS[-1])" if n_classes is None else f"nn.Linear({last}, {n_classes})",
        masks="\n".join(map(_literal, masks)),
    )


def _literal(mask: Bools) -> str:
    """The entry of a mask in the list, wrapped."""
    units, inputs = mask.shape
    lines = textwrap.wrap(base64.b64encode(np.packbits(mask).tobytes()).decode(), 100)
    quoted = "\n".join(f'        "{line}"' for line in lines)
    return f"    (\n        {units},\n        {inputs},\n{quoted},\n    ),"
