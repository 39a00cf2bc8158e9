"""Path features: what lies on the input->output paths of any labelled DAG.

Counts of ops, extremes of their number on a path, paths restricted to some of the ops, and degrees by op: the kind of
feature that Kadlecova et al. 2024, "Surprisingly Strong Performance Prediction with Neural Graph Features", sec. 3,
found to carry the prediction of accuracy. Beyond them: how many of an op lie on the usual path, how many paths keep to
some ops, which op follows which, kinds of ops, and numbers of the vertices by op.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from predictors.features.pool import INPUT, OUTPUT, Bools, Pool
from predictors.features.protocol import Vocabulary
from predictors.features.segments import Floats, segment_max, segment_sum
from predictors.features.walks import largest_sums, path_counts, restricted_path_counts
from search_spaces import LabelledGraph

FEW_OPS = 4
"""With at most so many ops every set of them is looked at, and every pair of ops in a row; with more, single ops,
kinds, all but one kind, and pairs of kinds."""

BY_OP = ("count", "first", "last", "in_mean", "in_max", "out_mean", "out_max", "most", "fewest", "usual")


@dataclass(frozen=True)
class PathFeatures:
    """Features of the live part of a labelled DAG, for whatever ops, attributes and info numbers occur.

    A group is an op, or a kind of several ops whose labels agree up to their first digit (``conv`` of ``conv3x3`` and
    ``conv5x5``).

    - ``vertices``, ``edges``, ``paths``, ``longest_path``, ``shortest_path``, ``mean_path`` (in edges);
    - by group ``count``; ``most``, ``fewest`` and ``usual`` (mean) number on a path; ``first``, ``last``: edges from
      inputs to the group and from it to outputs; ``in_mean``, ``in_max``, ``out_mean``, ``out_max``: degrees;
    - by set of ops ``longest``, ``shortest`` (in edges, 0 for none) and ``keeping``: paths over no other ops;
    - ``follows[a>b]``: edges from ops of class a to class b, where a class is an op, or a kind if there are many ops;
    - ``mean[x]``, ``max[x]``, ``std[x]`` of attribute x over the vertices, ``final[x]``: its mean before the outputs;
      ``heaviest[x]``, ``mean[x|a]``: the largest sum on a path, and the mean over class a, of log(1 + \\|x\\|);
    - ``log[y]`` = sign(y) log(1 + \\|y\\|) of info y.

    Numbers of paths are log(1 + number). Numbers that a graph does not have are nan. An op that the vocabulary does
    not hold takes part as a vertex only. Without a live path, path features are 0.
    """

    ops: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    info: tuple[str, ...] = ()

    name: str = "paths"
    version: int = 4

    @cached_property
    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """The ops of each kind: those whose labels agree up to their first digit."""
        kinds: dict[str, tuple[str, ...]] = {}
        for op in self.ops:
            kind = re.split(r"[_-]?\d", op)[0] or op
            kinds[kind] = (*kinds.get(kind, ()), op)
        return kinds

    @cached_property
    def classes(self) -> Mapping[str, tuple[str, ...]]:
        """A division of the ops: each by itself if they are few, their kinds otherwise."""
        return {op: (op,) for op in self.ops} if len(self.ops) <= FEW_OPS else self.kinds

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """The ops one by one, and the kinds of several."""
        several = {kind: ops for kind, ops in self.kinds.items() if len(ops) > 1}
        return {op: (op,) for op in self.ops} | {f"{kind}*": ops for kind, ops in several.items()}

    @cached_property
    def sets(self) -> Mapping[str, tuple[str, ...]]:
        """The sets of ops, not all of them, to which paths are restricted."""
        n = len(self.ops)
        if n <= FEW_OPS:
            return {"+".join(ops): ops for size in range(1, n) for ops in combinations(self.ops, size)}
        others = {f"not {kind}": tuple(op for op in self.ops if op not in ops) for kind, ops in self.kinds.items()}
        return dict(self.groups) | {name: ops for name, ops in others.items() if ops}

    @property
    def of_structure(self) -> bool:
        """Ops and numbers count."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns; they grow with the vocabulary."""
        return (
            *("vertices", "edges", "paths", "longest_path", "shortest_path", "mean_path"),
            *(f"{feature}[{group}]" for feature in BY_OP for group in self.groups),
            *(f"{feature}[{ops}]" for feature in ("longest", "shortest", "keeping") for ops in self.sets),
            *(f"follows[{tail}>{head}]" for tail in self.classes for head in self.classes),
            *(f"{stat}[{x}]" for x in self.attributes for stat in ("mean", "max", "std", "final", "heaviest")),
            *(f"mean[{x}|{kind}]" for x in self.attributes for kind in self.classes),
            *(f"log[{name}]" for name in self.info),
        )

    def fit(self, graphs: Sequence[LabelledGraph]) -> PathFeatures:
        """The set whose vocabulary also holds the ops, attributes and info names of these graphs."""
        return PathFeatures(
            ops=_union(self.ops, {op for graph in graphs for op in graph.ops} - {INPUT, OUTPUT}),
            attributes=_union(self.attributes, (name for graph in graphs for name in graph.attributes)),
            info=_union(self.info, (name for graph in graphs for name in graph.info)),
        )

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows, shape (len(graphs), len(names))."""
        return self.compute_pool(Pool.of(graphs))

    def compute_pool(self, pool: Pool) -> Floats:
        """The rows of a pool's graphs, shape (n_graphs, len(names))."""
        in_group, in_class = self._members(pool, self.groups), self._members(pool, self.classes)
        allowed = self._members(pool, self.sets) | pool.labelled[:, None]
        numbers = {name: pool.attributes.get(name, np.full(pool.n_vertices, np.nan)) for name in self.attributes}
        return np.hstack(
            [
                _extremes_and_counts(pool, in_group, allowed),
                _successions(pool, in_class),
                *(_statistics(pool, row) for row in numbers.values()),
                *(_means_by_class(pool, row, in_class) for row in numbers.values()),
                *(_signed_log(pool.info.get(name, np.full(pool.n_graphs, np.nan)))[:, None] for name in self.info),
            ]
        )

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

    def _members(self, pool: Pool, sets: Mapping[str, tuple[str, ...]]) -> Bools:
        """Whether the op of a vertex belongs to each of the sets of ops, shape (n_vertices, len(sets))."""
        by_label = np.array([[label in ops for ops in sets.values()] for label in pool.labels], dtype=bool)
        return by_label.reshape(len(pool.labels), len(sets))[pool.label]


def _extremes_and_counts(pool: Pool, in_group: Bools, allowed: Bools) -> Floats:
    """The columns from ``vertices`` to ``keeping``.

    One sweep finds the largest, and with it the smallest, sum along a path of several weights a vertex: 1 for the
    length, 1 for each group, and for each set of ops 1 inside and an infinite penalty outside.
    """
    groups, sets = in_group.shape[1], allowed.shape[1]
    weights = np.hstack([np.ones((pool.n_vertices, 1)), in_group])
    penalty = np.where(allowed, 0.0, -np.inf)
    at_outputs = largest_sums(pool, np.hstack([weights, 1 + penalty, -weights, penalty - 1]))[pool.ending]
    best = segment_max(at_outputs, pool.graph[pool.ending], pool.n_graphs, empty=-np.inf)
    largest, smallest = np.hsplit(best, 2)
    smallest = -smallest
    ends = [1, 1 + groups]
    longest, most, longest_in = np.hsplit(largest, ends)
    shortest, fewest, shortest_in = np.hsplit(smallest, ends)
    arriving, leaving = path_counts(pool), path_counts(pool, forward=False)
    n_paths = pool.per_graph(np.where(pool.ending, arriving, 0.0))
    # of the paths, how many pass the vertex; above MOST_PATHS the numbers are wrong, and a share is 1 at most
    share = np.minimum(arriving * leaving / np.maximum(n_paths, 1.0)[pool.graph], 1.0)
    length, usual = np.hsplit(pool.per_graph(share[:, None] * weights), [1])
    keeping = restricted_path_counts(pool, allowed)
    return np.column_stack(
        [
            *(pool.sizes, pool.n_edges, np.log1p(n_paths), _edges(longest), _edges(shortest), _edges(length)),
            *(_degrees(pool, in_group.astype(np.float64))),
            *(_finite(most), _finite(fewest), usual),
            *(_edges(longest_in), _edges(shortest_in), np.log1p(keeping)),
        ]
    ).reshape(pool.n_graphs, 6 + groups * len(BY_OP) + 3 * sets)


def _degrees(pool: Pool, in_group: Floats) -> list[Floats]:
    """The columns from ``count`` to ``out_max``."""
    count = pool.per_graph(in_group)
    first, last = (
        segment_sum(in_group[inner][of_end[outer]], pool.edge_graph[of_end[outer]], pool.n_graphs)
        for inner, outer, of_end in ((pool.head, pool.tail, pool.starting), (pool.tail, pool.head, pool.ending))
    )
    columns = [count, first, last]
    for degree in (pool.in_degree, pool.out_degree):
        weighted = degree[:, None] * in_group
        columns += [pool.per_graph(weighted) / np.maximum(count, 1), segment_max(weighted, pool.graph, pool.n_graphs)]
    return columns


def _successions(pool: Pool, in_class: Bools) -> Floats:
    """How many edges lead from each class to each, shape (n_graphs, classes**2)."""
    classes = in_class.shape[1]
    known = np.asarray(in_class.any(axis=1))
    kept = known[pool.tail] & known[pool.head]
    which = in_class.argmax(axis=1) if classes else np.zeros(pool.n_vertices, dtype=np.int64)
    cell = (pool.edge_graph[kept] * classes + which[pool.tail[kept]]) * classes + which[pool.head[kept]]
    counts = np.bincount(cell, minlength=pool.n_graphs * classes**2).astype(np.float64)
    return counts.reshape(pool.n_graphs, classes**2)


def _statistics(pool: Pool, row: Floats) -> Floats:
    """Mean, maximum and standard deviation of an attribute, its mean before the outputs, and its heaviest path."""
    n = np.maximum(pool.sizes, 1)
    known = np.bincount(pool.graph[~np.isnan(row)], minlength=pool.n_graphs) > 0
    filled = np.nan_to_num(row)
    mean = pool.per_graph(filled) / n
    std = np.sqrt(pool.per_graph((filled - mean[pool.graph]) ** 2) / n)
    before = pool.ending[pool.head]
    count = np.bincount(pool.edge_graph[before], minlength=pool.n_graphs)
    last = segment_sum(filled[pool.tail[before]], pool.edge_graph[before], pool.n_graphs) / np.maximum(count, 1)
    at_outputs = largest_sums(pool, np.log1p(np.abs(filled))[:, None])[pool.ending, 0]
    heaviest = _finite(segment_max(at_outputs, pool.graph[pool.ending], pool.n_graphs))
    largest = segment_max(filled, pool.graph, pool.n_graphs)
    columns = np.column_stack([mean, largest, std, last, heaviest])
    return np.where(known[:, None], columns, np.nan)


def _means_by_class(pool: Pool, row: Floats, in_class: Bools) -> Floats:
    """The mean of log(1 + |x|) over each class, shape (n_graphs, classes); 0 for none of the class, nan without x."""
    known = np.bincount(pool.graph[~np.isnan(row)], minlength=pool.n_graphs) > 0
    logs = np.log1p(np.abs(np.nan_to_num(row)))[:, None] * in_class
    mean = pool.per_graph(logs) / np.maximum(pool.per_graph(in_class.astype(np.float64)), 1)
    return np.where(known[:, None], mean, np.nan)


def _edges(vertices: Floats) -> Floats:
    """Edges of paths with so many vertices; 0 for no path."""
    return np.where(np.isfinite(vertices) & (vertices > 0), vertices - 1, 0.0)


def _finite(sums: Floats) -> Floats:
    return np.where(np.isfinite(sums), sums, 0.0)


def _signed_log(values: Floats) -> Floats:
    return np.copysign(np.log1p(np.abs(values)), values)


def _union(known: tuple[str, ...], found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *found}))
