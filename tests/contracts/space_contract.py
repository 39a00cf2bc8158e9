"""The laws of a search space. A new space is one more factory in ``SPACES`` of test_space_contract.py."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from search_spaces import LabelledGraph

DRAWS = 15


class SpaceContract:
    """Every law as one method; ``space`` is the only thing a law is given."""

    def test_samples_are_valid_and_varied(self, space: Any) -> None:
        genotypes = _samples(space)
        assert all(space.validate(genotype) == [] for genotype in genotypes)
        assert len({space.key(genotype) for genotype in genotypes}) > DRAWS / 2

    def test_is_closed_under_its_operators(self, space: Any) -> None:
        applied = 0
        for offspring, parents in _offspring(space):
            assert len(offspring.children) == len(parents)
            assert offspring.operator
            for child in offspring.children:
                assert space.validate(child) == []
            applied += offspring.applied
        assert applied > DRAWS

    def test_a_no_op_returns_the_parents_and_others_something_new(self, space: Any) -> None:
        for offspring, parents in _offspring(space):
            if offspring.applied:
                assert set(offspring.children) != set(parents)
            else:
                assert all(child is parent for child, parent in zip(offspring.children, parents, strict=True))

    def test_operators_leave_their_arguments_alone(self, space: Any) -> None:
        for seed in range(DRAWS):
            rng = np.random.default_rng(seed)
            parents = space.sample(rng), space.sample(rng)
            before = copy.deepcopy(parents)
            space.mutate(rng, parents[0])
            space.crossover(rng, *parents)
            assert parents == before
            assert tuple(map(space.encode, parents)) == tuple(map(space.encode, before))

    def test_text_is_one_line_and_keeps_everything(self, space: Any) -> None:
        children = [child for offspring, _ in _offspring(space) for child in offspring.children]
        for genotype in _samples(space) + children:
            text = space.encode(genotype)
            assert len(text.splitlines()) == 1
            assert space.decode(text) == genotype
            assert space.encode(space.decode(text)) == text

    def test_foreign_texts_are_refused_in_one_line(self, space: Any) -> None:
        for text in ("", "nonsense", "{}", "[]", '{"space":"elsewhere","ops":[],"edges":[]}', "[" * 10_000):
            with pytest.raises(ValueError, match=r"\S") as caught:
                space.decode(text)
            assert len(str(caught.value).splitlines()) == 1

    def test_is_deterministic_and_heeds_the_generator(self, space: Any) -> None:
        first, again, other = (_history(space, seed) for seed in (1, 1, 2))
        assert first == again
        assert first[0] != other[0]

    def test_keys_are_short_texts_that_depend_on_meaning_alone(self, space: Any) -> None:
        for seed, genotype in enumerate(_samples(space)):
            key = space.key(genotype)
            assert isinstance(key, str)
            assert 0 < len(key) <= 64
            assert space.key(space.decode(space.encode(genotype))) == key
            for twin in self.twins(space, np.random.default_rng(seed), genotype):
                assert space.key(twin) == key

    def test_keys_tell_unlike_networks_apart(self, space: Any) -> None:
        for genotype in _samples(space):
            key = space.key(genotype)
            for edited in self.edits(space, genotype):
                assert space.key(edited) != key, f"{space.encode(edited)} has the key of {space.encode(genotype)}"

    def test_graphs_are_labelled_graphs_and_repeatable(self, space: Any) -> None:
        for genotype in _samples(space):
            graph = space.to_graph(genotype)
            assert isinstance(graph, LabelledGraph)
            assert len(graph) > 0
            assert space.to_graph(space.decode(space.encode(genotype))) == graph

    def twins(self, space: Any, rng: np.random.Generator, genotype: Any) -> list[Any]:
        """Genotypes that mean the same as one; a space whose genotypes have twins overrides this."""
        return []

    def edits(self, space: Any, genotype: Any) -> list[Any]:
        """Genotypes that mean something else than one; a space overrides this, since the law says nothing without.

        Each differs in one thing that ``build`` or the look-up reads: a number, an operation, an edge. They need
        not be valid, but none may happen to mean the same after all.
        """
        return []


def laws() -> list[str]:
    """The names of the methods that are laws."""
    return [name for name in vars(SpaceContract) if name.startswith("test_")]


def _samples(space: Any) -> list[Any]:
    return [space.sample(np.random.default_rng(seed)) for seed in range(DRAWS)]


def _offspring(space: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """Two mutations in a row and one crossover for each of some seeds, with the parents."""
    rows: list[tuple[Any, tuple[Any, ...]]] = []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        one, other = space.sample(rng), space.sample(rng)
        mutated = space.mutate(rng, one)
        child = mutated.children[0]
        rows += [(mutated, (one,)), (space.mutate(rng, child), (child,))]
        rows.append((space.crossover(rng, child, other), (child, other)))
    return rows


def _history(space: Any, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    parents = space.sample(rng), space.sample(rng)
    steps = [space.mutate(rng, parents[0]), space.crossover(rng, *parents)]
    texts = [space.encode(parent) for parent in parents]
    texts += [space.encode(child) for step in steps for child in step.children]
    return [*texts, [(step.operator, step.reason) for step in steps]]
