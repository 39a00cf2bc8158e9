"""Which genotypes are legal: ``validate`` names every violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from search_spaces.rnn.connectivity import Parts
from search_spaces.rnn.costs import Costs, infer_costs
from search_spaces.rnn.genotype import RnnGenotype

MAX_EMBEDDING = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a genotype has to keep to, and what its costs are counted for.

    Attributes
    ----------
    steps, n_classes, vocabulary
        Symbols of a sequence, classes, and different symbols.
    readout, compat
        What the classifier reads, and whose network is built (:func:`search_spaces.rnn.costs.infer_costs`).
    cells
        The cells allowed.
    max_nodes
        Most vertices.
    max_parameters, max_macs
        Trained parameters, and multiply-accumulates a sequence.
    """

    steps: int
    n_classes: int
    vocabulary: int
    readout: str
    compat: str
    cells: tuple[str, ...]
    max_nodes: int
    max_parameters: int
    max_macs: int


def costs_of(genotype: RnnGenotype, limits: Limits) -> Costs:
    """The costs of a genotype in a space of these limits; ValueError on directed cycles."""
    return infer_costs(
        genotype,
        limits.steps,
        limits.n_classes,
        vocabulary=limits.vocabulary,
        readout=limits.readout,
        compat=limits.compat,
    )


def validate(genotype: RnnGenotype, limits: Limits) -> list[str]:
    """Every violation in a sentence that names it; costs are looked at where the structure is sound."""
    return _broken_labels(genotype, limits) + _broken_graph(genotype, limits) or _broken_caps(genotype, limits)


def is_valid(genotype: RnnGenotype, limits: Limits) -> bool:
    """Whether there is no violation."""
    return not validate(genotype, limits)


def _broken_labels(genotype: RnnGenotype, limits: Limits) -> list[str]:
    violations = []
    if genotype.cell not in limits.cells:
        violations.append(f"the cell must be one of {', '.join(limits.cells)}, found {genotype.cell}")
    if limits.compat == "thesis" and genotype.embedding:
        violations.append(f"the thesis has an embedding as wide as the first layer (0), found {genotype.embedding}")
    elif not 0 <= genotype.embedding <= MAX_EMBEDDING:
        violations.append(f"the embedding must have a width of 0..{MAX_EMBEDDING}, found {genotype.embedding}")
    return violations


def _broken_graph(genotype: RnnGenotype, limits: Limits) -> list[str]:
    violations = []
    if not 2 <= genotype.size <= limits.max_nodes:
        violations.append(f"there must be 2..{limits.max_nodes} vertices, found {genotype.size}")
    if len(set(genotype.edges)) < len(genotype.edges):
        violations += [f"edge {e} is listed {n} times" for e, n in Counter(genotype.edges).items() if n > 1]
    violations += [
        f"edge {edge} must lead from a lower to a higher vertex" for edge in genotype.edges if edge[0] >= edge[1]
    ]
    if (parts := Parts(genotype.size, genotype.edges).number) > 1:
        violations.append(f"the graph must be connected, found {parts} parts")
    return violations


def _broken_caps(genotype: RnnGenotype, limits: Limits) -> list[str]:
    costs = costs_of(genotype, limits)
    violations = []
    if costs.parameters > limits.max_parameters:
        violations.append(f"there must be at most {limits.max_parameters} parameters, found {costs.parameters}")
    if costs.macs > limits.max_macs:
        violations.append(
            f"there must be at most {limits.max_macs} multiply-accumulates a sequence, found {costs.macs}"
        )
    return violations
