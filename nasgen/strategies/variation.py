"""DEAP in a reproducible manner: individuals without ``deap.creator``, and its global random under a generator.

DEAP (Fortin et al. 2012) does the selection, the hall of fame and the toolbox. Its operators draw from the global
``random``, which is seeded and restored around each call.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from deap import base, tools

from nasgen.evaluation import Evaluation, fitness_or_worst
from nasgen.strategies.protocol import Proposal
from search_spaces import SearchSpace

G = TypeVar("G")


class Maximised(base.Fitness):  # type: ignore[misc]  # deap has no types
    """One number to maximise; minus infinity stands for a failure."""

    weights = (1.0,)


class Laddered(base.Fitness):  # type: ignore[misc]  # deap has no types
    """The level of a fidelity and the number to maximise: a higher level outranks any number."""

    weights = (1.0, 1.0)


@dataclass(eq=False)
class Individual(Generic[G]):
    """A member of a population, as DEAP's operators want it: anything with a ``fitness``.

    ``trained`` tells a fitness that was measured from one that the surrogate predicted.
    """

    proposal: Proposal[G]
    fitness: Any
    trained: bool = True

    @property
    def genotype(self) -> G:
        """What the individual is."""
        return self.proposal.genotype

    @property
    def key(self) -> str:
        """The key of the genotype."""
        return self.proposal.key

    @property
    def value(self) -> float:
        """The fitness as a number."""
        return float(self.fitness.values[-1])

    @classmethod
    def of(cls, proposal: Proposal[G], value: float, trained: bool = True) -> Individual[G]:
        """An individual of a single-objective population."""
        return cls(proposal, Maximised((value,)), trained)

    def to_json(self, space: SearchSpace[G]) -> list[Any]:
        """The individual as JSON values, the genotype as its text and the fitness of a failure as null."""
        one = self.proposal
        prediction = [one.predicted, one.predicted_std]
        return [
            space.encode(one.genotype),
            one.key,
            one.operator,
            one.parents,
            *prediction,
            self.value if math.isfinite(self.value) else None,
            self.trained,
        ]

    @classmethod
    def from_json(cls, space: SearchSpace[G], values: Sequence[Any]) -> Individual[G]:
        """The individual of :meth:`to_json`."""
        text, key, operator, parents, predicted, spread, value, trained = values
        proposal = Proposal(space.decode(text), key, operator, tuple(parents), predicted, spread)
        return cls.of(proposal, -math.inf if value is None else value, trained)

    @classmethod
    def told(cls, space: SearchSpace[G], row: Evaluation, level: int | None = None) -> Individual[G]:
        """The individual a row stands for, at the level of its fidelity; a failure is worth minus infinity."""
        asked = row.request
        proposal = Proposal(space.decode(asked.genotype), asked.key, asked.operator, asked.parents)
        value = fitness_or_worst(row)
        return cls.of(proposal, value) if level is None else cls(proposal, Laddered((level, value)))


@contextmanager
def global_random(rng: np.random.Generator) -> Iterator[None]:
    """Seed the global ``random`` from ``rng``, and give it back as it was."""
    state = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(state)


def make_toolbox(space: SearchSpace[G], mutation: float, crossover: float, tournament: int) -> base.Toolbox:
    """DEAP's toolbox over a space: ``select``, ``mate`` and ``mutate``, and the odds of the last two."""
    toolbox = base.Toolbox()
    toolbox.register("select", tools.selTournament, tournsize=tournament)
    toolbox.register("mate", space.crossover)
    toolbox.register("mutate", space.mutate)
    toolbox.mutation, toolbox.crossover = mutation, crossover
    return toolbox


def select(
    toolbox: base.Toolbox, rng: np.random.Generator, population: Sequence[Individual[G]], k: int
) -> list[Individual[G]]:
    """The winners of ``k`` tournaments."""
    with global_random(rng):
        chosen: list[Individual[G]] = toolbox.select(population, k)
    return chosen


def vary(
    toolbox: base.Toolbox, rng: np.random.Generator, first: Individual[G], second: Individual[G]
) -> list[Proposal[G]]:
    """Two offspring: mated with probability ``crossover``, then each mutated with probability ``mutation``.

    An offspring that neither touched is its parent again, with its parent's key (DEAP's ``varAnd``).
    """
    children: list[Proposal[G]] = [
        Proposal(parent.genotype, parent.key, "clone", (parent.key,)) for parent in (first, second)
    ]
    if rng.random() < toolbox.crossover:
        offspring = toolbox.mate(rng, first.genotype, second.genotype)
        if offspring.applied:
            parents = (first.key, second.key)
            children = [Proposal(child, "", offspring.operator, parents) for child in offspring.children]
    return [mutated(toolbox, rng, child) for child in children]


def mutated(toolbox: base.Toolbox, rng: np.random.Generator, child: Proposal[G]) -> Proposal[G]:
    """The child, mutated with the toolbox's probability."""
    if rng.random() >= toolbox.mutation:
        return child
    offspring = toolbox.mutate(rng, child.genotype)
    if not offspring.applied:
        return child
    operator = offspring.operator if child.operator == "clone" else f"{child.operator}+{offspring.operator}"
    return Proposal(offspring.children[0], "", operator, child.parents)
