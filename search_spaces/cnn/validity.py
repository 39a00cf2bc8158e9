"""Which genotypes are legal: ``validate`` names every violation.

More poolings on a path than halve the input down to one pixel are legal: beyond that a pooling is the identity.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from search_spaces.canonical import layering
from search_spaces.cnn.genotype import MERGES, CnnGenotype
from search_spaces.cnn.shapes import infer_costs

KERNELS = (3, 5, 7)
CHANNEL_STEP = 8
MAX_CONV_CHANNELS = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """What a genotype has to keep to.

    Attributes
    ----------
    input_shape, n_classes
        (C, H, W) of an image, and the number of classes: what costs are counted for.
    min_depth, max_depth
        Operations on the longest path from input to output.
    max_vertices
        Vertices, input and output included.
    max_channels
        Channels that any vertex may return.
    max_parameters, max_macs
        Trained parameters, and multiply-accumulates an image.
    """

    input_shape: tuple[int, int, int]
    n_classes: int
    min_depth: int
    max_depth: int
    max_vertices: int
    max_channels: int
    max_parameters: int
    max_macs: int


def depth(genotype: CnnGenotype) -> int:
    """The number of operations on the longest path from input to output; ValueError on directed cycles."""
    return max(layering(len(genotype), genotype.edges)) - 1


def validate(genotype: CnnGenotype, limits: Limits) -> list[str]:
    """Every violation in a sentence that names it; costs are looked at where the structure is sound."""
    return _broken_structure(genotype, limits) or _broken_caps(genotype, limits)


def is_valid(genotype: CnnGenotype, limits: Limits) -> bool:
    """Whether there is no violation."""
    return not validate(genotype, limits)


def _broken_structure(genotype: CnnGenotype, limits: Limits) -> list[str]:
    violations = _broken_labels(genotype) + _broken_edges(genotype)
    if len(genotype) > limits.max_vertices:
        violations.append(f"there must be at most {limits.max_vertices} vertices, found {len(genotype)}")
    try:
        found = depth(genotype) if genotype.ops else 0
    except ValueError as error:
        return [*violations, str(error)]
    if unused := _off_path(genotype):
        vertices = ", ".join(map(str, unused))
        violations.append(f"every vertex must lie on a path from input to output, found off it: {vertices}")
    if not violations and not limits.min_depth <= found <= limits.max_depth:
        violations.append(f"the depth must be in {limits.min_depth}..{limits.max_depth}, found {found}")
    return violations


def _broken_labels(genotype: CnnGenotype) -> list[str]:
    violations = []
    for kind in ("input", "output"):
        number = sum(op.kind == kind for op in genotype.ops)
        if number != 1:
            violations.append(f"there must be one {kind}, found {number}")
    for vertex, op in enumerate(genotype.ops):
        if op.kind != "conv":
            continue
        if op.kernel not in KERNELS:
            violations.append(f"vertex {vertex} ({op}) must have a kernel of 3, 5 or 7, found {op.kernel}")
        if op.channels % CHANNEL_STEP or op.channels > MAX_CONV_CHANNELS:
            violations.append(
                f"vertex {vertex} ({op}) must have a multiple of {CHANNEL_STEP} channels up to "
                f"{MAX_CONV_CHANNELS}, found {op.channels}"
            )
    return violations


def _broken_edges(genotype: CnnGenotype) -> list[str]:
    violations = [f"edge {e} is listed {n} times" for e, n in Counter(genotype.edges).items() if n > 1]
    violations += [f"edge {edge} joins a vertex to itself" for edge in genotype.edges if edge[0] == edge[1]]
    readers = genotype.successors()
    for vertex, inputs in enumerate(genotype.predecessors()):
        op, found = genotype.ops[vertex], len(inputs)
        if op.kind == "input" and found:
            violations.append(f"vertex {vertex} (input) must have no input, found {found}")
        elif op.kind in MERGES and found < 2:
            violations.append(f"vertex {vertex} ({op}) must have two inputs or more, found {found}")
        elif op.kind not in ("input", *MERGES) and found != 1:
            violations.append(f"vertex {vertex} ({op}) must have one input, found {found}")
        if op.kind == "output" and readers[vertex]:
            violations.append(f"vertex {vertex} (output) must have no reader, found {len(readers[vertex])}")
    return violations


def _off_path(genotype: CnnGenotype) -> list[int]:
    """The vertices that no path from an input to an output uses."""
    ends = ("input", genotype.successors()), ("output", genotype.predecessors())
    used = set(range(len(genotype)))
    for kind, neighbours in ends:
        reached = [vertex for vertex, op in enumerate(genotype.ops) if op.kind == kind]
        seen = set(reached)
        for vertex in reached:  # the list grows while it is walked
            new = [other for other in neighbours[vertex] if other not in seen]
            seen.update(new)
            reached += new
        used &= seen
    return sorted(set(range(len(genotype))) - used)


def _broken_caps(genotype: CnnGenotype, limits: Limits) -> list[str]:
    costs = infer_costs(genotype, limits.input_shape, limits.n_classes)
    violations = []
    for vertex, (channels, _, _) in enumerate(costs.shapes):
        if channels > limits.max_channels and genotype.ops[vertex].kind not in ("input", "output"):
            violations.append(
                f"vertex {vertex} ({genotype.ops[vertex]}) must return at most {limits.max_channels} channels, "
                f"found {channels}"
            )
    parameters, macs = sum(costs.parameters), sum(costs.macs)
    if parameters > limits.max_parameters:
        violations.append(f"there must be at most {limits.max_parameters} parameters, found {parameters}")
    if macs > limits.max_macs:
        violations.append(f"there must be at most {limits.max_macs} multiply-accumulates an image, found {macs}")
    return violations
