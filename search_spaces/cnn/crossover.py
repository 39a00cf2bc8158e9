"""The three crossovers of Stier, Darji, Granitzer 2021, sec. 4.4: sub-paths, bridges and feature maps.

Children are in canonical order. A no-op returns the very parents and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from search_spaces.canonical import layering
from search_spaces.cnn.genotype import CnnGenotype, Op, canonical, renumbered
from search_spaces.cnn.validity import CHANNEL_STEP, Limits, is_valid
from search_spaces.space import Offspring

PAIRINGS = ("canonical", "layer_mean")

Edge = tuple[int, int]
Pair = tuple[CnnGenotype, CnnGenotype]
Crossover = Callable[[np.random.Generator, CnnGenotype, CnnGenotype, Limits], Offspring[CnnGenotype]]


def subpath(
    rng: np.random.Generator, first: CnnGenotype, second: CnnGenotype, limits: Limits
) -> Offspring[CnnGenotype]:
    """Exchange the longest simple sub-paths of both parents.

    A simple sub-path is a maximal chain of vertices with one input and one reader. Pairs of chains are tried
    from the longest on, ties in random order, until both children are valid and new.
    """
    parents = canonical(first), canonical(second)
    chains = [_simple_chains(parent) for parent in parents]
    if not all(chains):
        which = "first" if not chains[0] else "second"
        return Offspring((first, second), "subpath", f"the {which} parent has no simple sub-path")
    pairs = [pair for pair in product(*chains) if _ops_of(parents[0], pair[0]) != _ops_of(parents[1], pair[1])]
    if not pairs:
        return Offspring((first, second), "subpath", "all simple sub-paths of the parents are alike")
    shuffled = [pairs[i] for i in rng.permutation(len(pairs))]
    shuffled.sort(key=lambda pair: len(pair[0]) + len(pair[1]), reverse=True)
    offers = (
        (
            _with_chain(parents[0], mine, _ops_of(parents[1], its)),
            _with_chain(parents[1], its, _ops_of(parents[0], mine)),
        )
        for mine, its in shuffled
    )
    if children := _first_valid(offers, parents, limits):
        return Offspring(children, "subpath")
    return Offspring((first, second), "subpath", "no exchange of sub-paths gives new children within the limits")


def bridge(rng: np.random.Generator, first: CnnGenotype, second: CnnGenotype, limits: Limits) -> Offspring[CnnGenotype]:
    """Join one parent up to a bridge with the other from a bridge on, and the other way round.

    A bridge is an edge that every path from input to output uses; those at the input and at the output are
    left out. All pairs of bridges that give valid and new children have equal odds.
    """
    parents = canonical(first), canonical(second)
    bridges = [_bridges(parent) for parent in parents]
    if not all(bridges):
        which = "first" if not bridges[0] else "second"
        return Offspring((first, second), "bridge", f"the {which} parent has no bridge between operations")
    pairs = list(product(*bridges))
    shuffled = (pairs[i] for i in rng.permutation(len(pairs)))
    feasible = ((mine, its) for mine, its in shuffled if _depths_fit(mine, its, limits))
    offers = ((_joined(mine, its), _joined(its, mine)) for mine, its in feasible)
    if children := _first_valid(offers, parents, limits):
        return Offspring(children, "bridge")
    return Offspring((first, second), "bridge", "no pair of bridges gives new children within the limits")


def average(
    rng: np.random.Generator,
    first: CnnGenotype,
    second: CnnGenotype,
    limits: Limits,
    *,
    pairing: str = "canonical",
) -> Offspring[CnnGenotype]:
    """Average the channels of convs in layers that both parents have; topologies and kernels stay.

    ``pairing="canonical"`` pairs the convs of a layer by kernel, then channels, then canonical order, and
    leaves those without a partner; ``"layer_mean"`` gives every conv of a layer the mean over both parents.
    Means are rounded to multiples of 8, halves up. Nothing is random here.
    """
    parents = canonical(first), canonical(second)
    layers = [_convs_by_layer(parent) for parent in parents]
    changes: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for layer in sorted(layers[0].keys() & layers[1].keys()):
        mine, its = layers[0][layer], layers[1][layer]
        groups = [([one], [other]) for one, other in zip(mine, its, strict=False)]
        for left, right in groups if pairing == "canonical" else [(mine, its)]:
            members = [parents[0].ops[v].channels for v in left] + [parents[1].ops[v].channels for v in right]
            mean = _rounded_mean(members)
            changes[0].update(dict.fromkeys(left, mean))
            changes[1].update(dict.fromkeys(right, mean))
    if not changes[0]:
        return Offspring((first, second), "average", "no layer has convs in both parents")
    offer = _with_channels(parents[0], changes[0]), _with_channels(parents[1], changes[1])
    if offer == parents:
        return Offspring((first, second), "average", "all matching convs have equal channels")
    if children := _first_valid([offer], parents, limits):
        return Offspring(children, "average")
    return Offspring((first, second), "average", "the averaged children are not new or exceed the limits")


CROSSOVERS: Mapping[str, Crossover] = {"subpath": subpath, "bridge": bridge, "average": average}


def _first_valid(offers: Iterable[Pair], parents: Pair, limits: Limits) -> Pair | None:
    """The first pair of valid children, in canonical order, that are not the parents again."""
    for one, other in offers:
        if is_valid(one, limits) and is_valid(other, limits):
            children = canonical(one), canonical(other)
            if set(children) != set(parents):
                return children
    return None


def _simple_chains(genotype: CnnGenotype) -> list[tuple[int, ...]]:
    """The maximal chains of operations with one input and one reader, in canonical order of their heads."""
    inputs, readers = genotype.predecessors(), genotype.successors()
    simple = {v for v in range(len(genotype)) if len(inputs[v]) == len(readers[v]) == 1}
    chains = []
    for start in sorted(simple):
        if inputs[start][0] in simple:
            continue
        links = [start]
        while (following := readers[links[-1]][0]) in simple:
            links.append(following)
        chains.append(tuple(links))
    return chains


def _ops_of(genotype: CnnGenotype, vertices: Iterable[int]) -> tuple[Op, ...]:
    return tuple(genotype.ops[vertex] for vertex in vertices)


def _with_chain(genotype: CnnGenotype, links: tuple[int, ...], ops: tuple[Op, ...]) -> CnnGenotype:
    """The genotype with other ops, numbered last, in the place of a simple chain."""
    inside = set(links)
    kept = [vertex for vertex in range(len(genotype)) if vertex not in inside]
    place = {vertex: position for position, vertex in enumerate(kept)}
    tail = next(t for t, h in genotype.edges if h == links[0])
    head = next(h for t, h in genotype.edges if t == links[-1])
    path = (place[tail], *range(len(kept), len(kept) + len(ops)), place[head])
    rest = renumbered(genotype, kept)
    return CnnGenotype(rest.ops + ops, (*rest.edges, *pairwise(path)))


@dataclass(frozen=True, slots=True)
class _Bridge:
    """A genotype cut at a bridge, with the operations on the longest path of each side."""

    genotype: CnnGenotype
    edge: Edge
    depth_before: int
    depth_behind: int


def _bridges(genotype: CnnGenotype) -> list[_Bridge]:
    """The bridges between operations: as many paths use each of them as there are at all."""
    backward = [(head, tail) for tail, head in genotype.edges]
    paths_to = _count_paths(len(genotype), genotype.edges)
    paths_from = _count_paths(len(genotype), backward)
    above, below = layering(len(genotype), genotype.edges), layering(len(genotype), backward)
    return [
        _Bridge(genotype, (tail, head), above[tail], below[head])
        for tail, head in genotype.edges
        if paths_to[tail] * paths_from[head] == max(paths_to) and above[tail] and below[head]
    ]


def _count_paths(n: int, edges: Iterable[Edge]) -> list[int]:
    """The number of paths from the one source to every vertex, as exact integers."""
    edges = list(edges)
    layers = layering(n, edges)
    paths = [int(not layer) for layer in layers]
    for tail, head in sorted(edges, key=lambda edge: layers[edge[0]]):
        paths[head] += paths[tail]
    return paths


def _depths_fit(one: _Bridge, other: _Bridge, limits: Limits) -> bool:
    depths = one.depth_before + other.depth_behind, other.depth_before + one.depth_behind
    return limits.min_depth <= min(depths) and max(depths) <= limits.max_depth


def _joined(front: _Bridge, back: _Bridge) -> CnnGenotype:
    """All that stands before one bridge, and all that stands behind the other."""
    before = _reached(front.edge[0], front.genotype.predecessors())
    behind = _reached(back.edge[1], back.genotype.successors())
    head = renumbered(front.genotype, before)
    tail = renumbered(back.genotype, behind)
    shifted = tuple((t + len(before), h + len(before)) for t, h in tail.edges)
    # Canonical order numbers tails before heads: the bridge joins the last vertex before to the first behind.
    return CnnGenotype(head.ops + tail.ops, (*head.edges, (len(before) - 1, len(before)), *shifted))


def _reached(start: int, neighbours: list[list[int]]) -> list[int]:
    reached = {start}
    waiting = [start]
    while waiting:
        new = set(neighbours[waiting.pop()]) - reached
        reached |= new
        waiting += new
    return sorted(reached)


def _convs_by_layer(genotype: CnnGenotype) -> dict[int, list[int]]:
    """The convs of every layer that has some, sorted by kernel, then channels, then canonical order."""
    rows: dict[int, list[int]] = {}
    for vertex, layer in enumerate(layering(len(genotype), genotype.edges)):
        if genotype.ops[vertex].kind == "conv":
            rows.setdefault(layer, []).append(vertex)
    for row in rows.values():
        row.sort(key=lambda vertex: (genotype.ops[vertex].kernel, genotype.ops[vertex].channels, vertex))
    return rows


def _rounded_mean(channels: list[int]) -> int:
    """The mean as a multiple of 8, halves up, in exact integers."""
    step = CHANNEL_STEP * len(channels)
    return (2 * sum(channels) + step) // (2 * step) * CHANNEL_STEP


def _with_channels(genotype: CnnGenotype, channels: Mapping[int, int]) -> CnnGenotype:
    ops = list(genotype.ops)
    for vertex, number in channels.items():
        ops[vertex] = Op("conv", ops[vertex].kernel, number)
    return CnnGenotype(tuple(ops), genotype.edges)
