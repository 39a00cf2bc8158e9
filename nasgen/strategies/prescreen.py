"""Prescreen: the surrogate inside a search, which learns from rows as they are told and judges broods.

What it has learned is a function of the first n rows alone: it is fitted anew, without a warm start, when the number of
rows told reaches fixed marks. Which model it is, and how wide its spread, is chosen when they have doubled: that takes
as long as many fits. It never learns from a predicted fitness.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import scipy.linalg  # noqa: F401  # its BLAS has to be loaded for the engine to keep it to one thread
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation
from nasgen.settings import is_saved
from predictors import MODELS, Surrogate, get_features, load_surrogate
from predictors.models import Choice
from search_spaces import LabelledGraph, SearchSpace

G = TypeVar("G")
Floats = NDArray[np.float64]

FIRST_FIT = 6
GROWTH = 24
"""From one fit to the next the rows grow by a twenty-fourth, at least by one."""

KEPT_LATEST, KEPT_BEST = 500, 500
"""Rows a fit reads: the latest, and of those before them the best. Memory and time stay bounded."""


@dataclass(slots=True)
class _Row:
    """A row to learn from; ``features`` under the vocabulary of the last fit."""

    number: int
    graph: LabelledGraph
    fitness: float
    features: Floats | None = None

    def __lt__(self, other: _Row) -> bool:
        """The worse, and the older of equals, leaves first."""
        return (self.fitness, self.number) < (other.fitness, other.number)


class Prescreen(Generic[G]):
    """Predicts the fitness of genotypes from the rows told so far.

    Parameters
    ----------
    space
        Gives the graphs.
    model, features
        Names of a model and of a feature set of ``predictors``.
    fitted
        A surrogate that was fitted elsewhere, and stays as it is.
    """

    def __init__(
        self, space: SearchSpace[G], model: str = "auto", features: str = "default", fitted: Surrogate | None = None
    ) -> None:
        self.space = space
        self.model = model
        self.feature_set = features
        self._surrogate = fitted
        self._fixed = fitted is not None
        self._latest: deque[_Row] = deque()
        self._best: list[_Row] = []  # a heap, the worst first
        self._told = 0
        self._next_fit = self._next_choice = FIRST_FIT
        self._to_choose: list[_Row] | None = None
        self._choice: Choice | None = None
        self._to_fit: list[_Row] | None = None
        self._features: Any = None

    @property
    def ready(self) -> bool:
        """Whether there is something to predict with."""
        return self._surrogate is not None or self._to_fit is not None

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Rows in the order asked; failures count as told, and are not learned from."""
        if self._fixed:
            return
        for evaluation in evaluations:
            self._told += 1
            if evaluation.fitness is not None:
                graph = self.space.to_graph(self.space.decode(evaluation.genotype))
                self._keep(_Row(evaluation.number, graph, evaluation.fitness))
            if self._told >= self._next_fit:
                self._next_fit = self._told + max(1, self._told // GROWTH)
                # nothing to learn from while all have failed
                self._to_fit = [*sorted(self._best, key=lambda row: row.number), *self._latest] or None
                if self._to_fit and self._told >= self._next_choice:
                    self._next_choice = 2 * self._told
                    self._to_choose = self._to_fit

    def _keep(self, row: _Row) -> None:
        self._latest.append(row)
        if len(self._latest) > KEPT_LATEST:
            heapq.heappush(self._best, self._latest.popleft())
            if len(self._best) > KEPT_BEST:
                heapq.heappop(self._best)

    def predict(self, genotypes: Sequence[G]) -> tuple[Floats, Floats]:
        """Predicted fitness and its standard deviation, each of shape (n,).

        Raises
        ------
        ValueError
            Before :attr:`ready`.
        """
        return self._ready().predict([self.space.to_graph(genotype) for genotype in genotypes], return_std=True)

    def scores(self, genotypes: Sequence[G]) -> tuple[Floats, Floats, float]:
        """What to expect of genotypes and how much is not known of it, shape (n,) each; and the best told.

        On the scale on which the model learns, and without noise: on that of the fitness, a spread is mostly what a
        network may fall short by.

        Raises
        ------
        ValueError
            Before :attr:`ready`.
        """
        surrogate = self._ready()
        rows = surrogate.featurise([self.space.to_graph(genotype) for genotype in genotypes])
        score, std = surrogate.model_.scores(rows)
        return score, std, float(surrogate.model_.score_of(surrogate.y_).max())

    def _ready(self) -> Surrogate:
        surrogate = self.fitted()
        if surrogate is None:
            raise ValueError("nothing can be predicted before the first fit: ask `ready` first")
        return surrogate

    def _fit(self, rows: list[_Row], choice: Choice | None) -> Surrogate:
        """Fit anew on the rows; features are computed once for each while the vocabulary stays.

        Without a choice made before, the model chooses and calibrates itself, with what these rows alone know.
        """
        features = get_features(self.feature_set).fit([row.graph for row in rows])
        unknown = [row for row in rows if row.features is None or features != self._features]
        for row, values in zip(unknown, features.compute([row.graph for row in unknown]), strict=True):
            row.features = values
        self._features = features
        values = np.array([row.features for row in rows])
        surrogate = Surrogate(self.model, self.feature_set)
        return surrogate.fit_features(features, values, [row.fitness for row in rows], choice=choice)

    def fitted(self) -> Surrogate | None:
        """The surrogate fitted on the latest mark; None before the first."""
        if self._to_choose is not None:
            self._surrogate = self._fit(self._to_choose, None)
            self._choice = self._surrogate.choice_
            if self._to_fit is self._to_choose:
                self._to_fit = None
            self._to_choose = None
        if self._to_fit is not None:
            self._surrogate = self._fit(self._to_fit, self._choice)
            self._to_fit = None
        return self._surrogate


def check_surrogate(name: str, space: str) -> None:
    """Refuse what is neither a model nor a saved surrogate, and one that was fitted on another space.

    Raises
    ------
    InputError
        Saying what is accepted.
    """
    if is_saved(name):
        try:
            saved = load_surrogate(name)
        except ValueError as error:
            raise InputError(f"--surrogate {name}: {error}") from error
        if saved.extra_names_:
            names = ", ".join(saved.extra_names_)
            raise InputError(f"--surrogate {name} must be fitted on graphs alone, found the extra columns {names}")
        if saved.space_ is not None and saved.space_["name"] != space:
            known = saved.space_["name"]
            raise InputError(f"--surrogate {name} was fitted on the space {known}, found --space {space}")
    elif name not in MODELS:
        raise InputError(f"--surrogate must be off, {', '.join(MODELS)} or a saved one's folder, found {name!r}")


def make_prescreen(space: SearchSpace[G], name: str) -> Prescreen[G]:
    """The prescreen that ``--surrogate`` names."""
    if is_saved(name):
        return Prescreen(space, fitted=load_surrogate(name))
    return Prescreen(space, name)
