"""Path features: what lies on the input->output paths of any labelled DAG.

Counts of ops, extremes of their number on a path, paths restricted to some of the ops, and degrees by op; the
kind of feature that Kadlecova et al. 2024, "Surprisingly Strong Performance Prediction with Neural Graph
Features", sec. 3, found to carry the prediction of accuracy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from predictors.features.protocol import Vocabulary
from predictors.features.structure import INPUT, OUTPUT, Floats, Structure
from search_spaces import LabelledGraph

Bools = NDArray[np.bool_]

#: With at most so many ops every subset of them is looked at, with more the single ops and all but one.
FEW_OPS = 4


@dataclass(frozen=True)
class PathFeatures:
    """Features of the live part of a labelled DAG, for whatever ops, attributes and info numbers occur.

    - ``count[op]``; ``most[op]``, ``fewest[op]``: vertices of the op, in all and on one path;
    - ``first[op]``, ``last[op]``: edges from inputs to the op and from the op to outputs;
    - ``in_mean[op]``, ``in_max[op]``, ``out_mean[op]``, ``out_max[op]``: degrees of its vertices;
    - ``longest[a+b]``, ``shortest[a+b]``: edges on a path over no other ops, 0 where there is none;
    - ``vertices``, ``edges``, ``paths`` (log(1 + number)), ``longest_path``, ``shortest_path``;
    - ``mean[x]``, ``max[x]``, ``std[x]`` of attribute x over the vertices, ``log[y]`` = sign(y) log(1 + |y|)
      of info y; nan in graphs without them.

    An op that the vocabulary does not hold takes part as a vertex only. Without a live path, path features
    are 0.
    """

    ops: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    info: tuple[str, ...] = ()

    name: str = "paths"
    version: int = 1

    @property
    def subsets(self) -> tuple[tuple[str, ...], ...]:
        """The sets of ops, not all of them, to which paths are restricted."""
        n = len(self.ops)
        sizes: Iterable[int] = range(1, n) if n <= FEW_OPS else (1, n - 1)
        return tuple(subset for size in sizes for subset in combinations(self.ops, size))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns; they grow with the vocabulary."""
        by_op = ("count", "first", "last", "in_mean", "in_max", "out_mean", "out_max", "most", "fewest")
        return (
            "vertices",
            "edges",
            "paths",
            "longest_path",
            "shortest_path",
            *(f"{feature}[{op}]" for feature in by_op for op in self.ops),
            *(f"{end}[{'+'.join(subset)}]" for end in ("longest", "shortest") for subset in self.subsets),
            *(f"{stat}[{attribute}]" for attribute in self.attributes for stat in ("mean", "max", "std")),
            *(f"log[{name}]" for name in self.info),
        )

    def fit(self, graphs: Sequence[LabelledGraph]) -> PathFeatures:
        """The set whose vocabulary also holds the ops, attributes and info names of these graphs."""
        return PathFeatures(
            ops=_union(self.ops, (op for graph in graphs for op in graph.ops if op not in (INPUT, OUTPUT))),
            attributes=_union(self.attributes, (name for graph in graphs for name in graph.attributes)),
            info=_union(self.info, (name for graph in graphs for name in graph.info)),
        )

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows, shape (len(graphs), len(names))."""
        shape = (len(self.subsets), len(self.ops))
        members = np.array([[op in subset for op in self.ops] for subset in self.subsets], dtype=bool).reshape(shape)
        rows = [self._row(Structure.of(graph), members) for graph in graphs]
        return np.array(rows, dtype=np.float64).reshape(len(graphs), len(self.names))

    def vocabulary(self) -> Vocabulary:
        """The ops, attributes and info names."""
        return {"ops": list(self.ops), "attributes": list(self.attributes), "info": list(self.info)}

    def with_vocabulary(self, vocabulary: Vocabulary) -> PathFeatures:
        """The set that knows a stored vocabulary; ValueError if it is none."""
        for kind in ("ops", "attributes", "info"):
            names = vocabulary.get(kind)
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError(f"the vocabulary's {kind} must be a list of texts, found {names!r}")
            if names != sorted(set(names)):
                raise ValueError(f"the vocabulary's {kind} must be sorted and differ, found {names!r}")
        return PathFeatures(
            ops=tuple(vocabulary["ops"]),
            attributes=tuple(vocabulary["attributes"]),
            info=tuple(vocabulary["info"]),
        )

    def _row(self, structure: Structure, members: Bools) -> Floats:
        graph = structure.graph
        onehot = np.array([[label == op for op in self.ops] for label in graph.ops], dtype=np.float64)
        onehot = onehot.reshape(len(graph), len(self.ops))
        return np.concatenate(
            [
                [len(graph), len(graph.edges), np.log1p(_number_of_paths(structure))],
                *_path_extremes(structure, onehot, members),
                *[_attribute_statistics(graph, name) for name in self.attributes],
                [_signed_log(graph.info.get(name, np.nan)) for name in self.info],
            ]
        )


def _path_extremes(structure: Structure, onehot: Floats, members: Bools) -> list[Floats]:
    """The features from ``longest_path`` to the last ``shortest[...]``, in the order of the names.

    One walk over the graph finds the largest, and one the smallest, sum along a path of several weights a
    vertex: 1 for the length, 1 for each op, and for each subset 1 inside and an infinite penalty outside.
    """
    n, n_lengths = len(onehot), 1 + len(members)
    allowed = np.ones((n, n_lengths), dtype=bool)
    allowed[structure.operations, 1:] = onehot[structure.operations] @ members.T > 0
    most = _largest_sums(structure, np.hstack([np.where(allowed, 1.0, -np.inf), onehot]))
    fewest = -_largest_sums(structure, np.hstack([np.where(allowed, -1.0, -np.inf), -onehot]))
    longest, shortest = _edges_of(most[:n_lengths]), _edges_of(fewest[:n_lengths])
    on_path = [np.where(np.isfinite(sums[n_lengths:]), sums[n_lengths:], 0.0) for sums in (most, fewest)]
    return [longest[:1], shortest[:1], *_by_op(structure, onehot), *on_path, longest[1:], shortest[1:]]


def _largest_sums(structure: Structure, weights: Floats) -> Floats:
    """The largest sum of each column of weights (n, k) over an input->output path, -inf where there is none."""
    inputs, outputs = structure.ends
    starts = set(inputs)
    best = np.full(weights.shape, -np.inf)
    for vertex in structure.order:
        if vertex in starts:
            best[vertex] = weights[vertex]
        elif structure.predecessors[vertex]:
            best[vertex] = best[structure.predecessors[vertex]].max(axis=0) + weights[vertex]
    return np.asarray(best[outputs].max(axis=0, initial=-np.inf))


def _edges_of(vertices: Floats) -> Floats:
    """Edges of paths with so many vertices; 0 for no path."""
    return np.where(np.isfinite(vertices), vertices - 1, 0.0)


def _by_op(structure: Structure, onehot: Floats) -> list[Floats]:
    """Counts and degrees of each op, in the order of the names."""
    adjacency = structure.adjacency
    inputs, outputs = structure.ends
    count = onehot.sum(axis=0)
    rows = [count, adjacency[inputs].sum(axis=0) @ onehot, adjacency[:, outputs].sum(axis=1) @ onehot]
    for degree in (adjacency.sum(axis=0), adjacency.sum(axis=1)):
        rows.append(degree @ onehot / np.maximum(count, 1))
        rows.append((degree[:, None] * onehot).max(axis=0, initial=0.0))
    return rows


def _number_of_paths(structure: Structure) -> float:
    inputs, outputs = structure.ends
    paths = [0.0] * len(structure.graph)
    for vertex in inputs:
        paths[vertex] = 1.0
    for vertex in structure.order:
        paths[vertex] += sum(paths[tail] for tail in structure.predecessors[vertex])
    return sum(paths[vertex] for vertex in outputs)


def _attribute_statistics(graph: LabelledGraph, name: str) -> list[float]:
    row = np.array(graph.attributes.get(name, ()))
    return [float(row.mean()), float(row.max()), float(row.std())] if row.size else [np.nan] * 3


def _signed_log(value: float) -> float:
    return float(np.copysign(np.log1p(abs(value)), value))


def _union(known: tuple[str, ...], found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *found}))
