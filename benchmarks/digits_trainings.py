"""The table of real trainings beside this file: 500 genotypes on digits with learning curves, a fifth of them twice.

    nasgen search --task digits --strategy benchmarks/digits_trainings.py:Survey --evaluations 600 --out runs/survey
    nasgen table runs/survey --parquet benchmarks/digits_trainings.parquet

It serves surrogates, learning curves, tests and tutorials. One column a metric: ``accuracy`` and ``loss`` (validation)
and ``train_loss`` hold one number an epoch, ``fitness`` is the last accuracy. Half of the genotypes are random, half
offspring of good ones, as a search would breed them; rows of ``operator`` *again* are second trainings with another
seed (``repeat`` 1). Accuracies on 285 validation images lie close together (Spearman's correlation between the two
seeds is 0.44); the last validation loss tells structures apart (0.82). ``seconds`` were measured beside other work on
two cores of an AMD EPYC, in float32. ``macs`` were counted again when kernels came to be cut to the map
(docs/decisions/0024); nothing else was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nasgen import HistoryStrategy, Proposal
from nasgen.evaluation import Evaluation, fitness_or_worst
from nasgen.strategies.protocol import draw_fresh
from search_spaces import SearchSpace

PERIOD = 6
"""Asks to a cycle: random and bred genotypes in turn, the last one the first of the cycle again."""

TOURNAMENT = 5
CROSSOVER = 0.2


class Survey(HistoryStrategy[Any]):
    """Random genotypes and offspring of tournament winners in turn, every fifth of them asked for twice."""

    def __init__(self, space: SearchSpace[Any], asked: Callable[[str], bool]) -> None:
        super().__init__(space, asked)
        self._rows: list[Evaluation] = []
        self._n = 0
        self._first = ""

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Every row may become a parent."""
        self._rows += evaluations

    def ask(self, rng: np.random.Generator) -> list[Proposal[Any]]:
        """The next one of the cycle."""
        place = self._n % PERIOD
        self._n += 1
        if place == PERIOD - 1:
            return [Proposal(self.space.decode(self._first), operator="again", repeat=1)]
        draw = self._child if place % 2 and self._rows else self._newcomer
        proposal = draw_fresh(self.space, rng, self.asked, lambda: draw(rng))
        if place == 0 or (place == 1 and self._n // PERIOD % 2):
            self._first = self.space.encode(proposal.genotype)
        return [proposal]

    def _newcomer(self, rng: np.random.Generator) -> Proposal[Any]:
        return Proposal(self.space.sample(rng))

    def _child(self, rng: np.random.Generator) -> Proposal[Any]:
        first, second = (self._winner(rng) for _ in range(2))
        genotypes = [self.space.decode(row.genotype) for row in (first, second)]
        if rng.random() < CROSSOVER:
            offspring, parents = self.space.crossover(rng, *genotypes), (first.key, second.key)
        else:
            offspring, parents = self.space.mutate(rng, genotypes[0]), (first.key,)
        return Proposal(offspring.children[0], operator=offspring.operator, parents=parents)

    def _winner(self, rng: np.random.Generator) -> Evaluation:
        drawn = rng.integers(len(self._rows), size=TOURNAMENT)
        return max((self._rows[index] for index in drawn), key=fitness_or_worst)

    def state(self) -> Any:
        """Where the cycle stands."""
        return {"n": self._n, "first": self._first}

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Go on with the cycle."""
        super().restore(state, told)
        self._n, self._first = state["n"], state["first"]
