"""Successive halving around any strategy: many candidates on a small budget, the best of them on larger ones.

The asynchronous form (ASHA; Li, Jamieson, Rostamizadeh et al. 2020, alg. 2): a round promotes the best row that is
among the upper third of its fidelity and was not promoted yet; where there is none, the inner strategy asks at the
lowest fidelity. With a forecast the upper third is what is expected to be best at the next fidelity. Everything
follows from the visible results.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from nasgen.evaluation import Evaluation, fitness_or_worst
from nasgen.strategies.forecast import Forecast
from nasgen.strategies.protocol import Proposal, Strategy
from search_spaces import SearchSpace

G = TypeVar("G")

ETA = 3
"""Rows among the best 1/ETA of those seen so far at a fidelity are promoted to the next."""

PROMOTE = "promote"
"""The operator of a proposal that asks for a known genotype at the next fidelity."""


class _Row(NamedTuple):
    """What the ladder keeps of a row; the best sorts first, and the older of equals."""

    cost: float
    number: int
    key: str
    genotype: str


class Halving(Generic[G]):
    """A strategy whose proposals climb a ladder of fidelities.

    Parameters
    ----------
    space
        Of the genotypes.
    asked
        Whether a key was asked at a fidelity.
    inner
        The strategy that asks for new genotypes. It is told the rows of the lowest fidelity; those of the higher ones
        go to its method ``promoted``, where it has one.
    fidelities
        Names, from the lowest to the highest; two at least.
    eta
        The best 1/eta of the rows seen so far are promoted.
    forecasts
        Whether promotions go by what a surrogate expects at the next fidelity, once it has seen enough of them.
    """

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str, str], bool],
        inner: Strategy[G],
        fidelities: Sequence[str],
        *,
        eta: int = ETA,
        forecasts: bool = False,
    ) -> None:
        self.space = space
        self.asked = asked
        self.inner = inner
        self.fidelities = tuple(fidelities)
        self.eta = eta
        self.generational = inner.generational
        self._ranked: dict[str, list[_Row]] = {name: [] for name in fidelities}
        pairs = list(pairwise(fidelities)) if forecasts else []
        self._from: Mapping[str, Forecast[G]] = {lower: Forecast(space) for lower, _ in pairs}
        self._to = {upper: self._from[lower] for lower, upper in pairs}

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Rank the rows within their fidelities, and pass them on."""
        lowest, higher = self._ranked_and_parted(evaluations)
        if lowest:
            self.inner.tell(lowest)
        if higher and hasattr(self.inner, "promoted"):
            self.inner.promoted(higher)

    def ask(self, rng: np.random.Generator) -> Sequence[Proposal[G]]:
        """A promotion where one is due, the highest fidelity first; else what the inner strategy asks for."""
        for lower, upper in reversed(list(pairwise(self.fidelities))):
            due = self._due(lower, upper)
            if due is not None:
                return [Proposal(self.space.decode(due.genotype), due.key, PROMOTE, (due.key,), fidelity=upper)]
        return [replace(proposal, fidelity=self.fidelities[0]) for proposal in self.inner.ask(rng)]

    def _due(self, lower: str, upper: str) -> _Row | None:
        best = self._expected_order(lower)[: len(self._ranked[lower]) // self.eta]
        return next((row for row in best if not self.asked(row.key, upper)), None)

    def _expected_order(self, lower: str) -> Sequence[_Row]:
        """The rows of a fidelity that did not fail, the most promising first."""
        rows = [row for row in self._ranked[lower] if row.cost < math.inf]
        expected = self._from[lower].fitness([row.key for row in rows]) if lower in self._from else None
        if expected is None:
            return rows
        return [rows[place] for place in np.argsort(-np.array(expected), kind="stable")]

    def _ranked_and_parted(self, rows: Sequence[Evaluation]) -> tuple[list[Evaluation], list[Evaluation]]:
        for row in rows:
            fidelity = row.request.fidelity
            insort(self._ranked[fidelity], _Row(-fitness_or_worst(row), row.number, row.key, row.genotype))
            if fidelity in self._from:
                self._from[fidelity].tell_lower(row)
            if fidelity in self._to:
                self._to[fidelity].tell_upper(row)
        lowest = self.fidelities[0]
        return (
            [row for row in rows if row.request.fidelity == lowest],
            [row for row in rows if row.request.fidelity != lowest],
        )

    def state(self) -> Any:
        """The inner strategy's; the ladder follows from the rows."""
        return self.inner.state()

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Rank the rows again, and restore the inner strategy."""
        lowest, higher = self._ranked_and_parted(told)
        self.inner.restore(state, lowest)
        if higher and hasattr(self.inner, "promoted"):
            self.inner.promoted(higher)
