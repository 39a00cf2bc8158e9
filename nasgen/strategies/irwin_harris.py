"""Random search on a tenth of the data: the strategy of Irwin-Harris, Sun, Xue and Zhang.

"A Graph-Based Encoding for Evolutionary Convolutional Neural Network Architecture Design" (2019): many random networks
are trained on a tenth of the data, and the best three anew on all of it. It is the strategy that the source paper
took its encoding from, and the baseline of everything that learns while it searches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from nasgen.errors import SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation, fitness_or_worst
from nasgen.strategies.protocol import Proposal, draw_fresh
from search_spaces import SearchSpace

G = TypeVar("G")

SAMPLES = 200
RETRAINED = 3
SHARE_OF_ROWS = 10
"""One training row in so many is read at first."""

RETRAIN = "retrain"
"""The operator of a proposal that asks for a known genotype on all of the data."""


def samples_for(evaluations: int | None) -> int:
    """Random genotypes of a search of so many evaluations, or of one that only the clock ends."""
    return SAMPLES if evaluations is None else max(1, evaluations - RETRAINED)


class IrwinHarris(Generic[G]):
    """Random genotypes at the lower of two fidelities, then the best few of them at the higher one, and no more.

    Parameters
    ----------
    space
        Of the genotypes.
    asked
        Whether a key was asked, at any fidelity.
    fidelities
        Names of the lower and the higher one.
    samples
        Random genotypes.
    retrained
        How many of the best are asked for again.
    """

    generational: bool

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str], bool],
        *,
        fidelities: Sequence[str] = ("proxy", "search"),
        samples: int = SAMPLES,
        retrained: int = RETRAINED,
    ) -> None:
        self.space = space
        self.asked = asked
        self.lower, self.higher = fidelities
        self.samples = samples
        self.retrained = retrained
        self.generational = False  # until all are drawn: who is best is known when all are in
        self._drawn = 0
        self._ended = False
        self._best: list[Evaluation] = []

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Keep the best of the lower fidelity; the earlier among equals."""
        candidates = [row for row in evaluations if row.request.fidelity == self.lower and not row.failed]
        self._best = sorted([*self._best, *candidates], key=fitness_or_worst, reverse=True)[: self.retrained]

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """One random genotype; once all are in, the best few.

        Raises
        ------
        SearchSpaceExhaustedError
            After those.
        """
        if self._ended:
            raise SearchSpaceExhaustedError("the best are trained on all of the data, and there is no more to ask")
        if self._drawn < self.samples:
            return self._one_more(rng)
        self._ended = True
        return [
            Proposal(self.space.decode(row.genotype), row.key, RETRAIN, (row.key,), fidelity=self.higher)
            for row in self._best
        ]

    def _one_more(self, rng: np.random.Generator) -> list[Proposal[G]]:
        try:
            drawn = [draw_fresh(self.space, rng, self.asked, lambda: Proposal(self.space.sample(rng)))]
        except SearchSpaceExhaustedError:
            drawn = []
        self._drawn = self._drawn + 1 if drawn else self.samples
        self.generational = self._drawn >= self.samples
        return [Proposal(one.genotype, one.key, one.operator, fidelity=self.lower) for one in drawn]

    def state(self) -> Any:
        """How many were drawn, and whether the best were asked for."""
        return {"drawn": self._drawn, "ended": self._ended}

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Go on from there."""
        self._drawn, self._ended = state["drawn"], state["ended"]
        self.generational = self._drawn >= self.samples
        self.tell(told)
