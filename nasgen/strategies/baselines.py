"""The baselines that a search has to beat: random search, regularised evolution and local search."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from nasgen.evaluation import Evaluation, fitness_or_worst
from nasgen.strategies.protocol import Proposal, draw_fresh
from search_spaces import SearchSpace

G = TypeVar("G")


class HistoryStrategy(Generic[G]):
    """A strategy that is a function of the results it was told: it needs no state of its own.

    A strategy in a file of one's own does well to start from it: define ``ask`` and ``tell``.
    """

    generational = False

    def __init__(self, space: SearchSpace[G], asked: Callable[[str], bool]) -> None:
        self.space = space
        self.asked = asked

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is learned."""

    def state(self) -> Any:
        """Nothing beyond the rows told."""
        return None

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Be told again."""
        self.tell(told)


class RandomSearch(HistoryStrategy[G]):
    """Random genotypes, none twice (Irwin-Harris et al. 2019; Li and Talwalkar 2019)."""

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """One random genotype."""
        return [draw_fresh(self.space, rng, self.asked, lambda: Proposal(self.space.sample(rng)))]


class RegularizedEvolution(HistoryStrategy[G]):
    """Ageing evolution: mutate the best of a random sample of the youngest (Real et al. 2019, algorithm 1).

    Parameters
    ----------
    population
        How many of the latest results may become parents.
    sample_size
        How many of them are drawn, with replacement, for a tournament.
    """

    def __init__(
        self, space: SearchSpace[G], asked: Callable[[str], bool], population: int = 30, sample_size: int = 10
    ) -> None:
        super().__init__(space, asked)
        self.population = population
        self.sample_size = sample_size
        self._youngest: deque[Evaluation] = deque(maxlen=population)

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """The latest results push the oldest out."""
        self._youngest.extend(evaluations)

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """Random genotypes until the population is full, then one mutated winner of a tournament."""
        if len(self._youngest) < self.population:
            return [draw_fresh(self.space, rng, self.asked, lambda: Proposal(self.space.sample(rng)))]
        return [draw_fresh(self.space, rng, self.asked, lambda: self._child(rng))]

    def _child(self, rng: np.random.Generator) -> Proposal[G]:
        drawn = rng.integers(len(self._youngest), size=self.sample_size)
        parent = max((self._youngest[index] for index in drawn), key=fitness_or_worst)
        offspring = self.space.mutate(rng, self.space.decode(parent.genotype))
        return Proposal(offspring.children[0], operator=offspring.operator, parents=(parent.key,))


class LocalSearch(HistoryStrategy[G]):
    """Hill climbing: mutate the best so far, start anew where no better neighbour is found (White et al. 2021).

    Parameters
    ----------
    patience
        A climb ends after so many results without a better one, or when 100 draws bring no new neighbour.
    """

    def __init__(self, space: SearchSpace[G], asked: Callable[[str], bool], patience: int = 24) -> None:
        super().__init__(space, asked)
        self.patience = patience
        self._summit: Evaluation | None = None
        self._failures = 0

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """A better result becomes the summit; after ``patience`` others the climb starts anew."""
        for evaluation in evaluations:
            if self._summit is None or fitness_or_worst(evaluation) > fitness_or_worst(self._summit):
                self._summit, self._failures = evaluation, 0
            else:
                self._failures += 1
                if self._failures >= self.patience:
                    self._summit, self._failures = None, 0

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """A neighbour of the summit, or a random genotype to start a climb."""
        return [draw_fresh(self.space, rng, self.asked, lambda: self._neighbour(rng))]

    def _neighbour(self, rng: np.random.Generator) -> Proposal[G]:
        if self._summit is None or self._summit.failed:
            return Proposal(self.space.sample(rng))
        offspring = self.space.mutate(rng, self.space.decode(self._summit.genotype))
        return Proposal(offspring.children[0], operator=offspring.operator, parents=(self._summit.key,))
