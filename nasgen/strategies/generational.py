"""The genetic search of the paper, generation by generation (Stier, Darji, Granitzer 2021, sec. 4.4).

    P = 30 random genotypes, all trained
    each generation:
        O = mutate(crossover(tournament(P)))          a genotype trained before keeps its fitness, free
        E = the half of O that is predicted lowest    fitness(E) = the surrogate's prediction
        train O - E
        train whoever of E would enter the hall of fame, until nobody untrained would
        P = best 30 of P + O
        the worst tenth of P leaves for fresh random genotypes, trained or predicted like O

The surrogate learns from trained genotypes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from nasgen.evaluation import Evaluation
from nasgen.strategies.prescreen import Prescreen
from nasgen.strategies.protocol import Proposal, draw_distinct, with_key
from nasgen.strategies.variation import Individual, make_toolbox, select, vary
from search_spaces import SearchSpace

G = TypeVar("G")


class GenerationalEvolution(Generic[G]):
    """The paper's evolution with estimated fitness.

    Parameters
    ----------
    population
        Individuals kept each generation.
    mutation, crossover
        Probabilities an offspring is mutated, and a pair is mated.
    removal
        Share of the population, the worst, that leaves each generation for fresh random genotypes.
    estimation
        Share of a generation's new genotypes that is predicted instead of trained.
    policy
        ``rank``: the lowest predictions are estimated; ``random``: as drawn.
    prescreen
        The surrogate; without one everything is trained.
    n_min
        Trained genotypes before anything is estimated.

    Raises
    ------
    ValueError
        On a share outside 0..1 or an unknown policy.
    """

    generational = True

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str], bool],
        *,
        population: int = 30,
        mutation: float = 0.5,
        crossover: float = 0.0,
        removal: float = 0.1,
        estimation: float = 0.5,
        policy: str = "rank",
        tournament: int = 3,
        prescreen: Prescreen[G] | None = None,
        n_min: int = 30,
    ) -> None:
        for name, share in (("removal", removal), ("estimation", estimation)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, found {share}")
        if policy not in ("rank", "random"):
            raise ValueError(f"policy must be rank or random, found {policy!r}")
        self.space = space
        self.asked = asked
        self.population_size = population
        self.removal = removal
        self.estimation = estimation
        self.policy = policy
        self.prescreen = prescreen
        self.n_min = n_min
        self.toolbox = make_toolbox(space, mutation, crossover, tournament)
        self.population: list[Individual[G]] = []
        self.offspring: list[Individual[G]] = []  # of this round, with a fitness
        self.generation = 0
        self.settled = False  # whether the round's offspring are the newcomers, who enter the population as they are
        self._fitness: dict[str, float] = {}  # of everything trained

    # The rounds ------------------------------------------------------------------------------------------

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """The first population, a verification, or the trained part of the offspring or of the newcomers."""
        if self.generation == 0:
            self.generation, self.settled = 1, True
            return self._fresh(rng, self.population_size)
        verification = self._verification()
        if verification:
            return verification
        self.settled = not self.settled
        return self._newcomers(rng) if self.settled else self._offspring(rng)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Measured fitness replaces what was predicted, and feeds the surrogate."""
        for evaluation in evaluations:
            member = Individual.told(self.space, evaluation)
            self._fitness[member.key] = member.value
            self.offspring = [other for other in self.offspring if other.key != member.key] + [member]
            self.population = [member if other.key == member.key else other for other in self.population]
        if self.prescreen is not None:
            self.prescreen.tell(evaluations)

    def _verification(self) -> list[Proposal[G]]:
        """The best predicted individual, if it would take the lead."""
        everyone = self.population + self.offspring
        best = max((one.value for one in everyone if one.trained), default=-math.inf)
        contenders = [one for one in everyone if not one.trained and one.value > best]
        if not contenders:
            return []
        leader = max(contenders, key=lambda one: one.value)
        return [leader.proposal]

    def _offspring(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """Vary the population; estimate a part of the new genotypes, and ask for the rest."""
        self.generation += 1
        self.population = list({one.key: one for one in self.population + self.offspring}.values())
        self.offspring = []
        known = {one.key for one in self.population}
        new: dict[str, Proposal[G]] = {}
        parents = select(self.toolbox, rng, self.population, self.population_size)
        for first, second in zip(parents[::2], parents[1::2] or parents[::2], strict=False):
            for child in vary(self.toolbox, rng, first, second):
                child = with_key(self.space, child)
                if child.key in known:
                    continue
                if child.key in self._fitness:  # trained in an earlier generation: its fitness is free
                    known.add(child.key)
                    self.offspring.append(Individual.of(child, self._fitness[child.key]))
                else:
                    new.setdefault(child.key, child)
        return self._estimate(rng, list(new.values()))

    def _newcomers(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """Keep the best of parents and offspring but for their worst, and ask for what replaces these."""
        distinct = {one.key: one for one in self.population + self.offspring}
        ranked = sorted(distinct.values(), key=lambda one: -one.value)[: self.population_size]
        leaving = math.ceil(self.removal * self.population_size)
        self.population = ranked[: self.population_size - leaving]
        self.offspring = []
        return self._estimate(rng, self._fresh(rng, self.population_size - len(self.population)))

    def _estimate(self, rng: np.random.Generator, new: list[Proposal[G]]) -> list[Proposal[G]]:
        """Give the estimated part its predicted fitness; return the part to train, with its predictions."""
        n_estimated = math.floor(self.estimation * len(new))
        if n_estimated == 0 or not self._may_estimate():
            return new
        assert self.prescreen is not None  # _may_estimate
        mean, spread = self.prescreen.predict([one.genotype for one in new])
        proposals = [
            replace(one, predicted=float(value), predicted_std=float(deviation))
            for one, value, deviation in zip(new, mean, spread, strict=True)
        ]
        order = np.argsort(mean, kind="stable") if self.policy == "rank" else rng.permutation(len(new))
        estimated, trained = order[:n_estimated], sorted(order[n_estimated:])
        self.offspring += [Individual.of(proposals[i], float(mean[i]), trained=False) for i in estimated]
        return [proposals[i] for i in trained]

    def _may_estimate(self) -> bool:
        trained = sum(math.isfinite(value) for value in self._fitness.values())
        return self.prescreen is not None and self.prescreen.ready and trained >= self.n_min

    def _fresh(self, rng: np.random.Generator, n: int) -> list[Proposal[G]]:
        """Random genotypes that were neither asked nor are among themselves twice."""
        if n == 0:
            return []
        return draw_distinct(self.space, rng, self.asked, [lambda: Proposal(self.space.sample(rng))] * n)

    # Going on after a resume -----------------------------------------------------------------------------

    def state(self) -> Any:
        """The generation and its individuals, predicted ones included."""
        return {
            "generation": self.generation,
            "settled": self.settled,
            "population": [one.to_json(self.space) for one in self.population],
            "offspring": [one.to_json(self.space) for one in self.offspring],
        }

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Take the individuals from ``state``, and what was learned from ``told``."""
        self.tell(told)
        self.generation, self.settled = state["generation"], state["settled"]
        self.population = [Individual.from_json(self.space, row) for row in state["population"]]
        self.offspring = [Individual.from_json(self.space, row) for row in state["offspring"]]
