"""Forecast: what a row of one fidelity would come to at the next, from its structure and its result so far.

Short trainings favour what learns fast at first. Where enough genotypes were trained at both fidelities, a surrogate
that reads the lower result as one more column, beside the features of the graph, tells whose lead will last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasgen.evaluation import Evaluation
from predictors import Surrogate
from search_spaces import LabelledGraph, SearchSpace

G = TypeVar("G")
Floats = NDArray[np.float64]

FEWEST_PAIRS = 12
"""Genotypes with a result at both fidelities, before anything is forecast."""

GROWTH = 8
"""From one fit to the next the pairs grow by an eighth, at least by one."""

DECIMALS = 10

MODEL, FEATURES, COLUMN = "bayesian-ridge", "paths", "result below"


@dataclass(slots=True)
class _Lower:
    """The result of a genotype at the lower fidelity."""

    graph: LabelledGraph
    fitness: float


class Forecast(Generic[G]):
    """Learns from genotypes that were trained at two neighbouring fidelities.

    What it has learned is a function of the rows told, in their order.

    Parameters
    ----------
    space
        Gives the graphs.
    """

    def __init__(self, space: SearchSpace[G]) -> None:
        self.space = space
        self._lower: dict[str, _Lower] = {}
        self._pairs: list[tuple[_Lower, float]] = []
        self._next_fit = FEWEST_PAIRS
        self._surrogate: Surrogate | None = None
        self._forecasts: dict[str, float] = {}

    def tell_lower(self, row: Evaluation) -> None:
        """A row of the lower fidelity."""
        if row.fitness is not None:
            graph = self.space.to_graph(self.space.decode(row.genotype))
            self._lower[row.key] = _Lower(graph, row.fitness)
            self._forecasts.pop(row.key, None)

    def tell_upper(self, row: Evaluation) -> None:
        """A row of the upper fidelity; failures teach nothing."""
        if row.fitness is None or row.key not in self._lower:
            return
        self._pairs.append((self._lower[row.key], row.fitness))
        if len(self._pairs) >= self._next_fit:
            self._next_fit = len(self._pairs) + max(1, len(self._pairs) // GROWTH)
            self._fit()

    def _fit(self) -> None:
        below = [pair.fitness for pair, _ in self._pairs]
        self._surrogate = Surrogate(MODEL, FEATURES).fit(
            [pair.graph for pair, _ in self._pairs], [above for _, above in self._pairs], extra={COLUMN: below}
        )
        self._forecasts.clear()

    def fitness(self, keys: Sequence[str]) -> list[float] | None:
        """The expected fitness at the upper fidelity of genotypes told at the lower one; None before the first fit."""
        if self._surrogate is None:
            return None
        unknown = [key for key in keys if key not in self._forecasts]
        if unknown:
            lower = [self._lower[key] for key in unknown]
            below = {COLUMN: [one.fitness for one in lower]}
            expected = self._surrogate.predict([one.graph for one in lower], extra=below)
            # rounded, since the last bits depend on how many are predicted at once, and a resume predicts all
            self._forecasts.update(zip(unknown, expected.round(DECIMALS).tolist(), strict=True))
        return [self._forecasts[key] for key in keys]
