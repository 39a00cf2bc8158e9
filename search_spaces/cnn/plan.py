"""The forward pass of a genotype, vertex by vertex: what the module runs and what the source file spells out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_spaces.cnn.genotype import MERGES, CnnGenotype, Op, canonical
from search_spaces.cnn.shapes import Shape, infer_shapes


@dataclass(frozen=True, slots=True)
class Fit:
    """How one input of a merge is brought to the size of the merge.

    Attributes
    ----------
    window
        Height and width of a max-pooling without overlap, where it divides the input evenly. It equals the
        adaptive one, is faster, and has a deterministic backward pass on GPUs.
    size
        Height and width that an adaptive max-pooling returns, where it does not.
    padding
        Channels of zeros put behind those of the input (sums only).
    """

    window: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    padding: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex in canonical order.

    Attributes
    ----------
    vertex, op
        Its number in canonical order, and its op.
    inputs
        The numbers of the vertices it reads, ascending: the order of a concatenation.
    input_shapes, shape
        What it reads and what it returns, each (C, H, W).
    fits
        One for every input of a merge; empty elsewhere.
    frees
        The vertices whose activations nobody reads after this step.
    """

    vertex: int
    op: Op
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    fits: tuple[Fit, ...]
    frees: tuple[int, ...]

    @property
    def name(self) -> str:
        """The layer's name in the module: ``conv3``, ``max_pool4``; ``head`` for the output vertex."""
        return "head" if self.op.kind == "output" else f"{self.op.kind}{self.vertex}"

    @property
    def halves(self) -> bool:
        """Whether a pooling has something to halve; at a height or width of 1 it is the identity."""
        return self.input_shapes[0] != self.shape


def forward_plan(genotype: CnnGenotype, input_shape: Sequence[int]) -> tuple[Step, ...]:
    """The steps of a forward pass, the input first and the output last.

    Isomorphic genotypes have equal plans. ValueError where :func:`infer_shapes` raises it.
    """
    return plan_in_order(canonical(genotype), input_shape)


def plan_in_order(genotype: CnnGenotype, input_shape: Sequence[int]) -> tuple[Step, ...]:
    """The same for a genotype whose vertices are numbered as they shall run: the head of an edge after its tail."""
    shapes = infer_shapes(genotype, input_shape)
    last_reader = dict(genotype.edges)  # edges are sorted: the last head of a tail stays
    steps = []
    for vertex, inputs in enumerate(genotype.predecessors()):
        op, shape = genotype.ops[vertex], shapes[vertex]
        input_shapes = tuple(shapes[tail] for tail in inputs)
        fits = tuple(_fit(op, read, shape) for read in input_shapes) if op.kind in MERGES else ()
        frees = tuple(tail for tail in inputs if last_reader[tail] == vertex)
        steps.append(Step(vertex, op, tuple(inputs), input_shapes, shape, fits, frees))
    return tuple(steps)


def _fit(op: Op, read: Shape, wanted: Shape) -> Fit:
    padding = wanted[0] - read[0] if op.kind == "sum" else 0
    size = wanted[1:]
    if read[1:] == size:
        return Fit(padding=padding)
    if read[1] % size[0] == 0 == read[2] % size[1]:
        return Fit(window=(read[1] // size[0], read[2] // size[1]), padding=padding)
    return Fit(size=size, padding=padding)
