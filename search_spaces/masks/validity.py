"""Which genotypes are legal: ``validate`` names every violation."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from search_spaces.masks.genotype import Ints, MaskGenotype
from search_spaces.masks.relational import broken_surplus, edge_weights, surplus_of
from search_spaces.texts import shortened


@dataclass(frozen=True, slots=True)
class Limits:
    """What a genotype has to keep to.

    Attributes
    ----------
    input_shape, n_classes
        Of the inputs, and number of classes.
    hidden
        Widths of the hidden layers; the weights before each are masked.
    nodes
        Number of nodes.
    kept
        Numbers of weights that may be kept in the masked layers.
    self_edges
        Whether every node reads itself.
    masked_classifier
        Whether the weights of the classifier are masked too.
    """

    input_shape: tuple[int, ...]
    n_classes: int
    hidden: tuple[int, ...]
    nodes: int
    kept: tuple[int, ...]
    self_edges: bool
    masked_classifier: bool = False

    @property
    def widths(self) -> tuple[int, ...]:
        """Of what the masked layers write, the first one first."""
        return masked_widths(self.hidden, self.n_classes, self.masked_classifier)

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return prod(self.input_shape)

    @property
    def head(self) -> int:
        """Weights of a dense classifier, all of which are kept."""
        return 0 if self.masked_classifier else self.hidden[-1] * self.n_classes

    @property
    def masked(self) -> int:
        """Weights of the masked layers, kept or not."""
        return masked_weights(self.inputs, self.widths)


def masked_widths(hidden: tuple[int, ...], n_classes: int, masked_classifier: bool) -> tuple[int, ...]:
    """The widths of what the masked layers write."""
    return (*hidden, n_classes) if masked_classifier else hidden


def masked_weights(inputs: int, widths: tuple[int, ...]) -> int:
    """The weights of masked layers that write so many units."""
    return sum(above * below for above, below in zip(widths, (inputs, *widths), strict=False))


def kept_weights(inputs: int, widths: tuple[int, ...], head: int, sparsity: float) -> int:
    """How many weights of the masked layers stay at a sparsity of all layers, a dense classifier included.

    0 or fewer, where the ``head`` weights of that alone are more than stay in all.
    """
    return round((1 - sparsity) * (masked_weights(inputs, widths) + head)) - head


def validate(genotype: MaskGenotype, limits: Limits) -> list[str]:
    """Every violation in a sentence that names it; weights are counted where the owners are sound."""
    return _broken_owners(genotype, limits) or _broken_edges(genotype, limits)


def is_valid(genotype: MaskGenotype, limits: Limits) -> bool:
    """Whether there is no violation."""
    return not validate(genotype, limits)


def _broken_owners(genotype: MaskGenotype, limits: Limits) -> list[str]:
    violations = []
    if genotype.nodes != limits.nodes:
        violations.append(f"there must be {limits.nodes} nodes, found {genotype.nodes}")
    if len(genotype.owners) != limits.inputs:
        violations.append(f"there must be {limits.inputs} owners, one an input feature, found {len(genotype.owners)}")
    if idle := sorted(set(range(genotype.nodes)) - set(genotype.owners)):
        violations.append(f"every node must own an input feature, found none of nodes {shortened(idle)}")
    return violations


def _broken_edges(genotype: MaskGenotype, limits: Limits) -> list[str]:
    violations = []
    if genotype.kept not in limits.kept:
        violations.append(f"kept must be {' or '.join(map(str, limits.kept))}, found {genotype.kept}")
    if limits.self_edges and (blind := np.flatnonzero(~genotype.matrix.diagonal()).tolist()):
        violations.append(f"every node must read itself, found that nodes {shortened(blind)} do not")
    surplus, largest = surplus_of(genotype, limits.widths)
    if not 0 <= surplus < max(largest, 1):
        violations.append(broken_surplus(genotype.kept, surplus, largest))
    return violations


def weights_of_edges(genotype: MaskGenotype, limits: Limits) -> Ints:
    """How many weights each edge would keep, shape (nodes, nodes)."""
    return edge_weights(genotype.owned, limits.widths, genotype.nodes)
