"""Crossovers: closed, sharing out what the parents have, and saying why they do nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.connectivity import Parts, joined
from search_spaces.rnn.crossover import CROSSOVERS, splice, uniform
from search_spaces.rnn.genotype import canonical
from search_spaces.rnn.validity import validate

SPACE = RnnSpace()
COUNTS = pytest.mark.parametrize("count", [150, pytest.param(3_000, marks=pytest.mark.slow)])


def path(n: int, cell: str = "tanh", embedding: int = 16) -> RnnGenotype:
    return RnnGenotype(cell, embedding, n, tuple((vertex, vertex + 1) for vertex in range(n - 1)))


def star(n: int) -> RnnGenotype:
    return RnnGenotype("tanh", 16, n, tuple((0, vertex) for vertex in range(1, n)))


@COUNTS
@pytest.mark.parametrize("name", CROSSOVERS)
def test_crossovers_are_closed_deterministic_and_nearly_always_applied(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    applied = edges = 0
    for seed in range(count):
        first, second = SPACE.sample(rng), replace(SPACE.sample(rng), embedding=seed % 7)
        offspring = CROSSOVERS[name](np.random.default_rng(seed), first, second, SPACE.limits)
        if seed % 5 == 0:
            assert offspring == CROSSOVERS[name](np.random.default_rng(seed), first, second, SPACE.limits)
        assert offspring.operator == name
        if not offspring.applied:
            assert (offspring.children[0] is first, offspring.children[1] is second) == (True, True)
            continue
        applied += 1
        assert all(validate(child, SPACE.limits) == [] for child in offspring.children)
        assert all(child == canonical(child) for child in offspring.children)
        sizes = sorted(child.size for child in offspring.children)
        assert sum(sizes) == first.size + second.size
        assert sizes[0] >= min(first.size, second.size)
        assert name == "splice" or sizes == sorted((first.size, second.size))
        for trait in ("cell", "embedding"):
            given, found = ([getattr(each, trait) for each in pair] for pair in ((first, second), offspring.children))
            assert Counter(found) == Counter(given)
        edges += sum(len(child.edges) for child in offspring.children) - len(first.edges) - len(second.edges)
    assert applied >= 0.98 * count
    assert abs(edges) < 10 * count  # of 180 or so: graphs neither fill nor empty over generations


@pytest.mark.parametrize("name", CROSSOVERS)
@pytest.mark.parametrize("changes", [{"max_nodes": 50}, {"max_parameters": 3_000}, {"max_macs": 20_000}])
def test_crossovers_are_closed_at_the_caps(name: str, changes: dict[str, int]) -> None:
    space = RnnSpace(**changes)  # type: ignore[arg-type]  # numbers by name
    rng = np.random.default_rng(0)
    applied = 0
    for _ in range(40):
        offspring = CROSSOVERS[name](rng, space.sample(rng), space.sample(rng), space.limits)
        assert all(space.validate(child) == [] for child in offspring.children)
        applied += offspring.applied
    assert applied > 20


def test_spliced_paths_are_paths_of_lengths_between() -> None:
    """A cut has one edge, and its tail gets the one head of the other cut."""
    lengths = set()
    for seed in range(60):
        offspring = splice(np.random.default_rng(seed), path(3), path(9), SPACE.limits)
        assert {child == path(child.size) for child in offspring.children} == {True}
        lengths.add(tuple(sorted(child.size for child in offspring.children)))
    assert lengths == {(4, 8), (5, 7), (6, 6)}


def test_a_spliced_child_is_held_together() -> None:
    # Cut behind its first vertex, the path has one edge for the four leaves of the star: three more are put there.
    children = {
        child
        for seed in range(40)
        for child in splice(np.random.default_rng(seed), path(5), star(5), SPACE.limits).children
    }
    assert star(5) in children
    assert all(Parts(child.size, child.edges).number == 1 for child in children)


def test_uniform_exchanges_the_inputs_of_vertices() -> None:
    # 0->1->2->3 and 0->{1, 2, 3}: where vertex 2 or vertex 3 alone is exchanged, both children are 0->{1->2, 3}.
    child = canonical(replace(path(4), edges=((0, 1), (1, 2), (0, 3))))
    for seed in range(20):
        assert uniform(np.random.default_rng(seed), path(4), star(4), SPACE.limits).children == (child, child)


@pytest.mark.parametrize("name", CROSSOVERS)
def test_no_ops_return_the_parents_and_say_why(name: str) -> None:
    first = path(6)
    second = replace(first)
    offspring = CROSSOVERS[name](np.random.default_rng(0), first, second, SPACE.limits)
    assert (offspring.children[0] is first, offspring.children[1] is second) == (True, True)
    assert offspring.reason == "the parents are alike"
    one, other = path(2), path(2, "gru")
    offspring = CROSSOVERS[name](np.random.default_rng(0), one, other, SPACE.limits)
    assert (offspring.children[0] is one, offspring.children[1] is other) == (True, True)
    assert offspring.reason == "no new children within the limits found in 20 attempts"


def test_cells_and_embeddings_are_exchanged_apart() -> None:
    found = set()
    for seed in range(60):
        offspring = splice(np.random.default_rng(seed), path(4, "gru", 8), path(9, "lstm", 0), SPACE.limits)
        found |= {(child.cell, child.embedding) for child in offspring.children}
    assert found == {("gru", 8), ("gru", 0), ("lstm", 8), ("lstm", 0)}


def test_the_space_tries_every_crossover_and_reports_all_reasons() -> None:
    same = path(6)
    assert all(
        f"{name}: the parents are alike" in SPACE.crossover(np.random.default_rng(0), same, same).reason
        for name in CROSSOVERS
    )
    rng = np.random.default_rng(0)
    assert {SPACE.crossover(rng, SPACE.sample(rng), SPACE.sample(rng)).operator for _ in range(20)} == set(CROSSOVERS)


def test_graphs_are_joined_by_the_first_candidates_that_help() -> None:
    assert joined(4, [(0, 1)], [(1, 0), (1, 2), (0, 2), (2, 3), (0, 3)]) == ((0, 1), (1, 2), (2, 3))
    assert joined(3, [(0, 1)], []) == ((0, 1),)
