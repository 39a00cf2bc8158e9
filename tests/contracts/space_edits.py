"""What of a genotype must change its key, and what must not, for every kind of genotype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from contracts.space_contract import SpaceContract
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.genotype import MERGES, UNARY, renumbered
from search_spaces.masks import MaskGenotype
from search_spaces.nasbench201 import OPS, Cell
from search_spaces.rnn import RnnGenotype
from search_spaces.rnn.genotype import GATES
from search_spaces.rnn.genotype import renumbered as rnn_renumbered
from search_spaces.sparse import SparseGenotype


def relabelled(op: Op) -> list[Op]:
    """The op with another kernel, with other channels, and as another op of as many inputs."""
    if op.kind == "conv":
        return [Op("conv", op.kernel + 2, op.channels), Op("conv", op.kernel, op.channels + 8), Op("skip")]
    kinds = next((kinds for kinds in (UNARY[1:], MERGES) if op.kind in kinds), ())
    return [Op(kind) for kind in kinds if kind != op.kind]


def cnn_edits(genotype: CnnGenotype) -> Iterator[CnnGenotype]:
    """Every vertex relabelled, every edge left out, and every edge led from a vertex that is read more."""
    ops, edges = genotype.ops, genotype.edges
    for vertex, op in enumerate(ops):
        for other in relabelled(op):
            yield CnnGenotype((*ops[:vertex], other, *ops[vertex + 1 :]), edges)
    readers = [len(heads) for heads in genotype.successors()]
    for edge in edges:
        kept = tuple(other for other in edges if other != edge)
        yield CnnGenotype(ops, kept)
        tail, head = edge
        for source in range(head):  # samples are numbered tails first: this makes no cycle
            if source != tail and readers[source] >= readers[tail] and (source, head) not in edges:
                yield CnnGenotype(ops, (*kept, (source, head)))


def rnn_edits(genotype: RnnGenotype) -> Iterator[RnnGenotype]:
    """Every other cell, another embedding, one vertex more, and every edge left out and led from elsewhere."""
    for cell in GATES:
        if cell != genotype.cell:
            yield replace(genotype, cell=cell)
    yield replace(genotype, embedding=genotype.embedding_width + 1)
    yield replace(genotype, size=genotype.size + 1)
    readers = Counter(tail for tail, _ in genotype.edges)
    for tail, head in genotype.edges:
        kept = tuple(other for other in genotype.edges if other != (tail, head))
        yield replace(genotype, edges=kept)
        free = (each for each in range(head) if each != tail and (each, head) not in genotype.edges)
        source = next((each for each in free if readers[each] >= readers[tail]), None)
        if source is not None:  # the numbers of readers are others then, and so is the graph
            yield replace(genotype, edges=(*kept, (source, head)))


def mask_edits(genotype: MaskGenotype) -> Iterator[MaskGenotype]:
    """Another number of weights, every input with another owner, and every edge left out or put in."""
    yield replace(genotype, kept=genotype.kept + 1)
    for place, owner in enumerate(genotype.owners):
        others = bytes([*genotype.owners[:place], (owner + 1) % genotype.nodes, *genotype.owners[place + 1 :]])
        yield replace(genotype, owners=others)
    for edge in np.ndindex(genotype.nodes, genotype.nodes):
        matrix = genotype.matrix
        matrix[edge] = not matrix[edge]
        yield MaskGenotype.of(matrix, genotype.owned, genotype.kept)


def sparse_edits(genotype: SparseGenotype) -> Iterator[SparseGenotype]:
    """Every weight left out or put in, and the weights of one unit given to the next."""
    for place in range(len(genotype.flat)):
        flat = genotype.flat
        flat[place] = not flat[place]
        yield SparseGenotype.of_flat(genotype.widths, flat)
    for layer, mask in enumerate(genotype.arrays()):
        masks = genotype.arrays()
        masks[layer] = np.roll(mask, 1, axis=0)
        if (masks[layer] != mask).any():
            yield SparseGenotype.of(masks)


def topological_order(rng: np.random.Generator, genotype: RnnGenotype) -> list[int]:
    """A random order of the vertices that keeps every tail before its head."""
    order: list[int] = []
    while len(order) < genotype.size:
        waiting = {head for tail, head in genotype.edges if tail not in order}
        order.append(int(rng.choice([v for v in range(genotype.size) if v not in waiting and v not in order])))
    return order


class Contract(SpaceContract):
    def twins(self, space: Any, rng: np.random.Generator, genotype: Any) -> list[Any]:
        if isinstance(genotype, RnnGenotype):
            orders = topological_order(rng, genotype), rng.permutation(genotype.size).tolist()
            twins = [rnn_renumbered(genotype, order) for order in orders]
            assert space.validate(twins[0]) == []
            return twins
        if not isinstance(genotype, CnnGenotype):
            return []
        return [renumbered(genotype, rng.permutation(len(genotype)).tolist()) for _ in range(3)]

    def edits(self, space: Any, genotype: Any) -> list[Any]:
        if isinstance(genotype, CnnGenotype):
            return list(cnn_edits(genotype))
        if isinstance(genotype, RnnGenotype):
            return list(rnn_edits(genotype))
        if isinstance(genotype, MaskGenotype):
            return list(mask_edits(genotype))
        if isinstance(genotype, SparseGenotype):
            return list(sparse_edits(genotype))
        # Without "none" every edge of a cell is alive, and another op than "none" keeps it so.
        places = range(len(genotype.ops)) if "none" not in genotype.ops else ()
        ops = genotype.ops
        return [Cell((*ops[:i], op, *ops[i + 1 :])) for i in places for op in OPS[1:] if op != ops[i]]
