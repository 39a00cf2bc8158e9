"""Steady-state evolution that breeds a large brood and asks for the most promising of it.

The default strategy. The population is the best rows so far; every ask breeds a brood from it, and the surrogate's
mean and spread decide which of the brood is worth training (oversampling as in NPENAS, Wei et al. 2022; mutation
of incumbents as in "Mutation is all you need", Schneider et al. 2021). A share of the asks ignores the surrogate, so
that it keeps learning where it would not look. Without a surrogate the brood is a single child.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from nasgen.evaluation import Evaluation
from nasgen.strategies.acquisition import Acquisition, promise
from nasgen.strategies.prescreen import Prescreen
from nasgen.strategies.protocol import Proposal, draw_distinct, draw_fresh
from nasgen.strategies.variation import Individual, make_toolbox, select, vary
from search_spaces import SearchSpace

G = TypeVar("G")

INITIAL = 6
"""Random genotypes from which a surrogate tells good from bad well enough to go on by it."""


class Evolution(Generic[G]):
    """Steady-state evolution with an optional surrogate.

    Parameters
    ----------
    population
        How many of the best rows may become parents.
    initial
        Random genotypes before anything is bred; None for ``INITIAL`` with a surrogate, half a population without.
    mutation, crossover
        Probabilities that an offspring is mutated, and that two parents are mated.
    tournament
        Individuals in a tournament for parenthood.
    prescreen
        The surrogate; without one the first child is asked for.
    brood
        Offspring bred for one ask with the surrogate.
    newcomers
        Share of a brood that is random genotypes instead of offspring.
    acquisition
        What ranks the brood.
    optimism
        How many spreads the upper confidence bound adds to the mean.
    exploration
        Share of the asks that take the first child unseen.
    fidelities
        Names, from the lowest, whose rows are told, to the highest. Rows of the higher ones arrive by
        :meth:`promoted` and outrank those of lower ones.
    """

    generational = False

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str], bool],
        *,
        population: int = 20,
        initial: int | None = None,
        mutation: float = 1.0,
        crossover: float = 0.5,
        tournament: int = 4,
        prescreen: Prescreen[G] | None = None,
        brood: int = 200,
        newcomers: float = 0.5,
        acquisition: Acquisition = "ucb",
        optimism: float = 3.0,
        exploration: float = 0.05,
        fidelities: Sequence[str] = ("search",),
    ) -> None:
        self.space = space
        self.asked = asked
        self.population_size = population
        self.initial = (INITIAL if prescreen is not None else population // 2) if initial is None else initial
        self.prescreen = prescreen
        self.brood = brood
        self.newcomers = newcomers
        self.acquisition: Acquisition = acquisition
        self.optimism = optimism
        self.exploration = exploration
        self.fidelities = tuple(fidelities)
        self.toolbox = make_toolbox(space, mutation, crossover, tournament)
        self.population: list[Individual[G]] = []
        self._told = 0

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Keep the best; the earlier among equals. Failures never become parents."""
        self._told += len(evaluations)
        self._take(evaluations)
        if self.prescreen is not None:
            self.prescreen.tell(evaluations)

    def promoted(self, evaluations: Sequence[Evaluation]) -> None:
        """Put rows of higher fidelities in the place of the same genotypes at lower ones."""
        self._take(evaluations)

    def _take(self, evaluations: Sequence[Evaluation]) -> None:
        born = [
            Individual.told(self.space, row, self.fidelities.index(row.request.fidelity))
            for row in evaluations
            if not row.failed
        ]
        anew = {individual.key for individual in born}
        kept = [individual for individual in self.population if individual.key not in anew]
        self.population = heapq.nlargest(
            self.population_size, [*kept, *born], key=lambda individual: individual.fitness.wvalues
        )

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """One genotype: random at first, then the most promising of a brood."""
        if self._told < self.initial or not self.population:
            return [draw_fresh(self.space, rng, self.asked, lambda: self._newcomer(rng))]
        if self.prescreen is None or not self.prescreen.ready or rng.random() < self.exploration:
            return [draw_fresh(self.space, rng, self.asked, lambda: self._child(rng))]
        return [self._best_of_brood(rng, self.prescreen)]

    def _newcomer(self, rng: np.random.Generator) -> Proposal[G]:
        return Proposal(self.space.sample(rng))

    def _child(self, rng: np.random.Generator) -> Proposal[G]:
        first, second = select(self.toolbox, rng, self.population, 2)
        return vary(self.toolbox, rng, first, second)[0]

    def _best_of_brood(self, rng: np.random.Generator, prescreen: Prescreen[G]) -> Proposal[G]:
        n_newcomers = round(self.newcomers * self.brood)
        draws = [lambda: self._newcomer(rng)] * n_newcomers + [lambda: self._child(rng)] * (self.brood - n_newcomers)
        brood = draw_distinct(self.space, rng, self.asked, draws)
        scores = prescreen.scores([proposal.genotype for proposal in brood])
        best = brood[int(np.argmax(promise(self.acquisition, *scores, self.optimism, rng)))]
        (mean,), (spread,) = prescreen.predict([best.genotype])
        return replace(best, predicted=float(mean), predicted_std=float(spread))

    def state(self) -> Any:
        """Nothing beyond the rows told: the population is their best."""
        return None

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Be told again."""
        self.tell(told)
