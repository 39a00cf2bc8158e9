"""The network of a genotype as a Python file of its own, with torch as the one thing it needs."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import getsource

from search_spaces.cnn.genotype import CnnGenotype
from search_spaces.cnn.network import Conv, ConvBlock
from search_spaces.cnn.plan import Fit, Step, forward_plan

SOURCE_CLASS = "Layers"
"""Name of the class in the file."""

_FILE = '''\
"""A network found by nasgen: images of shape (N, {channels}, {height}, {width}) to logits of shape (N, {n_classes})."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


{blocks}


class {class_name}(nn.Module):
    def __init__(self) -> None:
        super().__init__()
{layers}

    def forward(self, v0: Tensor) -> Tensor:
{steps}
'''


def network_source(genotype: CnnGenotype, input_shape: Sequence[int], n_classes: int) -> str:
    """The text of a file that defines the module class ``SOURCE_CLASS``, one line a vertex.

    Its ``state_dict`` has the keys of :func:`search_spaces.cnn.network.build_network`, and the same weights
    give the same logits. Takes what ``build_network`` does.
    """
    return source_of_plan(forward_plan(genotype, input_shape), n_classes)


def source_of_plan(plan: tuple[Step, ...], n_classes: int) -> str:
    """The same of a plan, be it of a genotype or of a network."""
    channels, height, width = plan[0].shape
    layers = [f"self.{step.name} = {_layer(step)}" for step in plan[1:-1] if _layer(step)]
    layers.append(f"self.head = nn.Linear({plan[-1].shape[0]}, {n_classes})")
    steps = [f"{_assignment(step)}  # {' x '.join(map(str, step.shape))}" for step in plan[1:-1]]
    steps.append(f"return self.head(v{plan[-1].inputs[0]}.mean(dim=(2, 3)))")
    return _FILE.format(
        class_name=SOURCE_CLASS,
        channels=channels,
        height=height,
        width=width,
        n_classes=n_classes,
        blocks="\n\n".join(map(getsource, (Conv, ConvBlock))).rstrip(),
        layers="\n".join(" " * 8 + line for line in layers),
        steps="\n".join(" " * 8 + line for line in steps),
    )


def _layer(step: Step) -> str:
    """The layer of a vertex; empty where the forward pass needs none."""
    if step.op.kind == "conv":
        return f"ConvBlock({step.input_shapes[0][0]}, {step.op.channels}, {step.op.kernel})"
    if step.op.kind == "max_pool" and step.halves:
        return "nn.MaxPool2d(2)"
    if step.op.kind == "avg_pool" and step.halves:
        return "nn.AvgPool2d(2)"
    return ""


def _assignment(step: Step) -> str:
    if step.fits:
        inputs = [_fitted(vertex, fit) for vertex, fit in zip(step.inputs, step.fits, strict=True)]
        joined = f"torch.cat([{', '.join(inputs)}], dim=1)" if step.op.kind == "concat" else " + ".join(inputs)
        return f"v{step.vertex} = {joined}"
    if _layer(step):
        return f"v{step.vertex} = self.{step.name}(v{step.inputs[0]})"
    return f"v{step.vertex} = v{step.inputs[0]}"


def _fitted(vertex: int, fit: Fit) -> str:
    text = f"v{vertex}"
    if fit.window:
        text = f"F.max_pool2d({text}, {fit.window})"
    if fit.size:
        text = f"F.adaptive_max_pool2d({text}, {fit.size})"
    if fit.padding:
        text = f"F.pad({text}, (0, 0, 0, 0, 0, {fit.padding}))"
    return text
