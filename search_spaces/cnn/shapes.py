"""What a genotype costs and which shapes its activations have, exactly and without building it.

The rules are those of CGP-CNN (Suganuma, Shirakawa, Nagao 2017, sec. 3.1): inputs of a merge are max-pooled to
the smallest of them, a sum pads channels with zeros, a concatenation adds them up. CGP-CNN's code pools
``ratio - 1`` times, which is once too often from ratio 4 on; here a ratio of 4 pools by 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from search_spaces.canonical import layering
from search_spaces.cnn.genotype import MERGES, POOLS, CnnGenotype, Op

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Costs:
    """Rows of one entry a vertex: shapes (C, H, W), trained parameters, and multiply-accumulates an image.

    The output vertex has the shape it reads, and the costs of the classifier behind the global average pool.
    Batch norm, activations, pooling and sums count no multiply-accumulates, nor do the taps of a kernel that no pixel
    meets (:func:`taps`); they are parameters all the same.
    """

    shapes: tuple[Shape, ...]
    parameters: tuple[int, ...]
    macs: tuple[int, ...]


def infer_shapes(genotype: CnnGenotype, input_shape: Sequence[int]) -> tuple[Shape, ...]:
    """The shape (C, H, W) that every vertex returns for one input of ``input_shape``.

    Raises
    ------
    ValueError
        On directed cycles, and on a vertex with a number of inputs that its op cannot take.
    """
    channels, height, width = input_shape
    predecessors = genotype.predecessors()
    shapes: list[Shape] = [(channels, height, width)] * len(genotype)
    layers = layering(len(genotype), genotype.edges)
    for vertex in sorted(range(len(genotype)), key=layers.__getitem__):
        op = genotype.ops[vertex]
        if op.kind != "input":
            shapes[vertex] = _shape_after(vertex, op, [shapes[tail] for tail in predecessors[vertex]])
    return tuple(shapes)


def infer_costs(genotype: CnnGenotype, input_shape: Sequence[int], n_classes: int) -> Costs:
    """Shapes, parameters and multiply-accumulates of every vertex; raises what :func:`infer_shapes` does."""
    return _costs(genotype, tuple(input_shape), n_classes)


@lru_cache(maxsize=1)  # whoever reads a genotype checks its costs, and then draws its graph with them
def _costs(genotype: CnnGenotype, input_shape: tuple[int, ...], n_classes: int) -> Costs:
    shapes = infer_shapes(genotype, input_shape)
    parameters, macs = [0] * len(genotype), [0] * len(genotype)
    for vertex, inputs in enumerate(genotype.predecessors()):
        op, (channels, height, width) = genotype.ops[vertex], shapes[vertex]
        if op.kind == "conv":
            kernels = shapes[inputs[0]][0] * channels
            parameters[vertex] = op.kernel**2 * kernels + 2 * channels  # batch norm scales and shifts every channel
            macs[vertex] = taps(op.kernel, height) * taps(op.kernel, width) * kernels * height * width
        elif op.kind == "output":
            parameters[vertex] = (channels + 1) * n_classes
            macs[vertex] = channels * n_classes
    return Costs(shapes, tuple(parameters), tuple(macs))


def taps(kernel: int, side: int) -> int:
    """How many taps of a kernel meet a pixel of a map of this height or width: the others would read padding alone."""
    return min(kernel, 2 * side - 1)


def _shape_after(vertex: int, op: Op, inputs: list[Shape]) -> Shape:
    if (len(inputs) < 2) if op.kind in MERGES else (len(inputs) != 1):
        expected = "two inputs or more" if op.kind in MERGES else "one input"
        raise ValueError(f"vertex {vertex} ({op}) must have {expected}, found {len(inputs)}")
    channels, height, width = inputs[0]
    if op.kind == "conv":
        return op.channels, height, width
    if op.kind in POOLS and min(height, width) > 1:
        return channels, height // 2, width // 2
    if op.kind in MERGES:
        join = sum if op.kind == "concat" else max
        return (
            join(shape[0] for shape in inputs),
            min(shape[1] for shape in inputs),
            min(shape[2] for shape in inputs),
        )
    return inputs[0]
