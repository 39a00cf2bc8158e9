"""Which genotypes of arbitrary masks are legal: ``validate`` names every violation."""

from __future__ import annotations

from dataclasses import dataclass

from search_spaces.sparse.genotype import SparseGenotype, layer_sizes


@dataclass(frozen=True, slots=True)
class Limits:
    """What a genotype has to keep to.

    Attributes
    ----------
    widths
        Input features, the units of each hidden layer, and classes.
    kept
        Numbers of weights that may be kept in all layers together; empty where any from 1 on may.
    """

    widths: tuple[int, ...]
    kept: tuple[int, ...]

    @property
    def total(self) -> int:
        """Weights of all layers, kept or not."""
        return sum(layer_sizes(self.widths))


def validate(genotype: SparseGenotype, limits: Limits) -> list[str]:
    """Every violation in a sentence that names it."""
    violations = []
    if genotype.widths != limits.widths:
        expected, found = (" x ".join(map(str, widths)) for widths in (limits.widths, genotype.widths))
        violations.append(f"layers must be of the widths {expected}, found {found}")
    kept = sum(genotype.kept)
    if limits.kept and kept not in limits.kept:
        violations.append(f"{' or '.join(map(str, limits.kept))} weights must be kept in all layers, found {kept}")
    if not limits.kept and not kept:
        violations.append("a weight or more must be kept, found none")
    return violations
