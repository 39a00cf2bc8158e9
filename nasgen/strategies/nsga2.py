"""NSGA-II over genotypes, for several objectives (Deb et al. 2002)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from deap import base, tools

from nasgen.evaluation import Evaluation
from nasgen.strategies.objectives import Objectives
from nasgen.strategies.prescreen import Prescreen
from nasgen.strategies.protocol import Proposal, draw_distinct
from nasgen.strategies.variation import Individual, global_random, make_toolbox, vary
from search_spaces import SearchSpace

G = TypeVar("G")


class NSGA2(Generic[G]):
    """Generations selected by rank and crowding distance; every genotype of a generation is trained.

    With a surrogate, a brood several times the population is bred and selected by its predicted fitness and by
    what the space knows of the other objectives (``LabelledGraph.info``); objectives that only training tells
    are left out of that choice.

    Parameters
    ----------
    population
        Individuals kept, and asked for in each generation.
    mutation, crossover
        Probabilities that an offspring is mutated, and that two parents are mated.
    oversampling
        How many times the population the brood is, with a surrogate.
    """

    generational = True

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str], bool],
        *,
        objectives: Objectives,
        population: int = 20,
        mutation: float = 1.0,
        crossover: float = 0.2,
        prescreen: Prescreen[G] | None = None,
        oversampling: int = 4,
    ) -> None:
        self.space = space
        self.asked = asked
        self.objectives = objectives
        self.population_size = population
        self.prescreen = prescreen
        self.oversampling = oversampling
        self.toolbox = make_toolbox(space, mutation, crossover, tournament=2)
        self.population: list[Individual[G]] = []
        self._fitness = type("Fitness", (base.Fitness,), {"weights": objectives.weights})

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """The survivors of parents and offspring; failures never survive."""
        for row in evaluations:
            if not row.failed:
                individual = Individual.told(self.space, row)
                individual.fitness = self._fitness(self.objectives.values(row))
                self.population.append(individual)
        if self.population:
            self.population = tools.selNSGA2(self.population, min(self.population_size, len(self.population)))
        if self.prescreen is not None:
            self.prescreen.tell(evaluations)

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """A generation: random at first, then the offspring of tournaments on rank and crowding."""
        if len(self.population) < 2:
            return self._generation(rng, self.population_size, lambda: Proposal(self.space.sample(rng)))
        if self.prescreen is None or not self.prescreen.ready:
            return self._generation(rng, self.population_size, lambda: self._child(rng))
        brood = self._generation(rng, self.oversampling * self.population_size, lambda: self._child(rng))
        return self._chosen(brood, self.prescreen)

    def _generation(self, rng: np.random.Generator, n: int, draw: Callable[[], Proposal[G]]) -> list[Proposal[G]]:
        return draw_distinct(self.space, rng, self.asked, [draw] * n)

    def _child(self, rng: np.random.Generator) -> Proposal[G]:
        four = [self.population[i] for i in rng.integers(len(self.population), size=4)]
        with global_random(rng):
            first, second = tools.selTournamentDCD(four, 2 * 2)[:2]
        return vary(self.toolbox, rng, first, second)[0]

    def _chosen(self, brood: list[Proposal[G]], prescreen: Prescreen[G]) -> list[Proposal[G]]:
        """The part of a brood that NSGA-II would keep if the predictions were true."""
        mean, spread = prescreen.predict([proposal.genotype for proposal in brood])
        infos = [self.space.to_graph(proposal.genotype).info for proposal in brood]
        known = [name for name in self.objectives.names[1:] if all(name in info for info in infos)]
        directions = dict(zip(self.objectives.names, self.objectives.weights, strict=True))
        weights = (directions[self.objectives.names[0]], *(directions[name] for name in known))
        fitness = type("Predicted", (base.Fitness,), {"weights": weights})
        candidates = [
            Individual(
                replace(proposal, predicted=float(value), predicted_std=float(deviation)),
                fitness((float(value), *(info[name] for name in known))),
            )
            for proposal, value, deviation, info in zip(brood, mean, spread, infos, strict=True)
        ]
        return [one.proposal for one in tools.selNSGA2(candidates, min(self.population_size, len(candidates)))]

    def state(self) -> Any:
        """Nothing beyond the rows told."""
        return None

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Be told again, generation by generation."""
        for round_number in dict.fromkeys(row.request.round for row in told):
            self.tell([row for row in told if row.request.round == round_number])
