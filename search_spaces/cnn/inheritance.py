"""Weight inheritance: a child's network starts from what its parent's has learned.

Vertices of both are paired by what surrounds them, weights are copied as far as their shapes overlap, and new convs
start as the identity, or as nearly nothing beside one, where that is possible. Elsken, Metzen, Hutter 2019
("Efficient Multi-Objective Neural Architecture Search via Lamarckian Evolution", sec. 3) call these network
morphisms, and approximate ones where widths change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.cnn.genotype import CnnGenotype, canonical
from search_spaces.cnn.network import CnnNetwork, ConvBlock

QUIET = 0.1
"""Scale of a new conv that is added to what was there before: nought would never learn behind a ReLU."""


def inherit(
    network: CnnNetwork, child: CnnGenotype, parent: CnnGenotype, weights: Mapping[str, Tensor], images: Tensor
) -> float:
    """Start a child's network from its parent's weights, in place.

    Parameters
    ----------
    network
        Of the child, initialised.
    child, parent
        Genotypes.
    weights
        The parent's ``state_dict``.
    images
        A batch of shape (n, C, H, W), by which new convs learn the scale of what they pass on.

    Returns
    -------
    The share of the child's parameters that were copied.
    """
    pairs = paired_vertices(child, parent)
    names = {step.vertex: step.name for step in network.plan}
    theirs = _names(parent)
    copied = 0
    with torch.no_grad():
        for vertex, other in pairs.items():
            if names[vertex] == "head" or isinstance(getattr(network, names[vertex], None), ConvBlock):
                copied += _copy(getattr(network, names[vertex]), theirs[other], weights)
        identities, quiet = _start_new_convs(network, set(pairs))
        _learn_scales(network, identities, quiet, images)
    return copied / sum(parameter.numel() for parameter in network.parameters())


def paired_vertices(child: CnnGenotype, parent: CnnGenotype) -> dict[int, int]:
    """Vertices of the child with those of the parent that they stand for, both in canonical numbering.

    A vertex is paired with one of the same op that reads the same, all the way from the input; those left over with
    one that is read by the same, all the way to the output; and the rest by the same two rules where ops are compared
    without their channels. An insertion leaves only new vertices unpaired.
    """
    child, parent = canonical(child), canonical(parent)
    pairs: dict[int, int] = {}
    for with_channels in (True, False):
        for upwards in (True, False):
            known: dict[Any, int] = {}
            ours, theirs = (_contexts(one, upwards, with_channels, known) for one in (child, parent))
            free: defaultdict[int, list[int]] = defaultdict(list)
            taken = set(pairs.values())
            for vertex, context in enumerate(theirs):
                if vertex not in taken:
                    free[context].append(vertex)
            for vertex, context in enumerate(ours):
                if vertex not in pairs and free[context]:
                    pairs[vertex] = free[context].pop(0)
    return pairs


def _contexts(genotype: CnnGenotype, upwards: bool, with_channels: bool, known: dict[Any, int]) -> list[int]:
    """A number a vertex, equal for equal ops in equal surroundings: all it reads, or all it is read by."""
    neighbours = genotype.predecessors() if upwards else genotype.successors()
    vertices = range(len(genotype))  # in canonical order tails come before heads
    contexts = [0] * len(genotype)
    for vertex in vertices if upwards else reversed(vertices):
        op = genotype.ops[vertex]
        context = (str(op) if with_channels else op.name, *sorted(contexts[other] for other in neighbours[vertex]))
        contexts[vertex] = known.setdefault(context, len(known))
    return contexts


def _names(genotype: CnnGenotype) -> list[str]:
    """The layer of every vertex, as :attr:`search_spaces.cnn.plan.Step.name` has it."""
    ops = canonical(genotype).ops
    return ["head" if op.kind == "output" else f"{op.kind}{vertex}" for vertex, op in enumerate(ops)]


def _copy(layer: nn.Module, name: str, weights: Mapping[str, Tensor]) -> int:
    """Copy what overlaps of a conv with its norm, or of the head; weights from new channels to old ones become 0."""
    copied = 0
    for part, ours in layer.state_dict().items():
        theirs = weights[f"{name}.{part}"]
        if ours.ndim == 0:
            ours.copy_(theirs)
            continue
        overlap = tuple(slice(0, min(pair)) for pair in zip(ours.shape, theirs.shape, strict=True))
        if ours.ndim > 1:
            ours[overlap[0]] = 0
        ours[overlap] = theirs[overlap].to(ours)
        copied += ours[overlap].numel() if "running" not in part else 0
    return copied


def _start_new_convs(network: CnnNetwork, known: set[int]) -> tuple[list[ConvBlock], list[ConvBlock]]:
    """Make identities of the new convs that can be one, and quiet those that are added to something; both."""
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for step in network.plan:
        for tail in step.inputs:
            readers[tail].append(step.vertex)
    steps = {step.vertex: step for step in network.plan}
    identities, quiet = [], []
    for step in network.plan:
        if step.vertex in known or step.op.kind != "conv":
            continue
        block = getattr(network, step.name)
        merges = [steps[vertex] for vertex in readers[step.vertex]]
        if any(merge.op.kind == "sum" and merge.inputs[0] != step.vertex for merge in merges):
            block.norm.weight.fill_(QUIET)
            quiet.append(block)
        elif step.op.channels >= step.input_shapes[0][0]:
            nn.init.dirac_(block.conv.weight)
            identities.append(block)
    return identities, quiet


def _learn_scales(network: CnnNetwork, identities: list[ConvBlock], quiet: list[ConvBlock], images: Tensor) -> None:
    """Let new norms know the mean and spread of what they read, and those of identities give them back."""
    restoring = {block.norm for block in identities}

    def learn(norm: nn.BatchNorm2d, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0].float(), dim=(0, 2, 3), correction=0)
        norm.get_buffer("running_mean").copy_(mean)
        norm.get_buffer("running_var").copy_(variance)
        if norm in restoring:
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)

    if not identities and not quiet:
        return
    with ExitStack() as stack:
        for block in [*identities, *quiet]:
            stack.callback(block.norm.register_forward_pre_hook(learn).remove)
        training = network.training
        network.eval()(images)
        network.train(training)
