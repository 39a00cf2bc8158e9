"""Bayesian optimisation over a database of genotypes that features describe.

"Bayes Optimal Neural Network Pruning using Relational Graph Properties": a Gaussian process over the properties of
relational graphs, the upper confidence bound, and the mask of the database that is most like what the bound asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from nasgen.errors import SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation
from nasgen.strategies.database import Database, Floats
from nasgen.strategies.gp_ucb import KAPPA, bound, fitted_process, suggest
from nasgen.strategies.protocol import Proposal, draw_fresh
from search_spaces import SearchSpace

G = TypeVar("G")

REPEATS = 2
"""Suggestions of one ask that may lead to a genotype that is known already."""

MOST_OBSERVED = 100
"""The latest observations that a process is fitted to: its time grows with the cube of their number."""


class Bayesian(Generic[G]):
    """Bayesian optimisation over genotypes that are known beforehand, or drawn once at random.

    Parameters
    ----------
    features
        The feature set that describes genotypes.
    size
        Genotypes drawn at the first ask, where none are given; when all of them were asked, others follow at random.
    initial
        Asks at random before the first fit.
    kappa
        Spreads in the upper confidence bound.
    within
        ``box``: the bound is maximised over the box of all features, and the genotype most similar to that point is
        fetched, as published; one that is known counts as an observation there and costs nothing. ``database``: the
        bound is maximised over the genotypes themselves.
    similarity
        By which it is fetched (:data:`nasgen.strategies.database.SIMILARITIES`).
    genotypes
        Those of the database, and no others; None to draw them.
    """

    generational = False

    def __init__(
        self,
        space: SearchSpace[G],
        asked: Callable[[str], bool],
        *,
        features: str = "default",
        size: int = 1_000,
        initial: int = 5,
        kappa: float = KAPPA,
        within: str = "database",
        similarity: str = "standardised cosine",
        genotypes: Sequence[G] | None = None,
    ) -> None:
        if within not in ("box", "database"):
            raise ValueError(f"within must be box or database, found {within!r}")
        self.space = space
        self.asked = asked
        self.features = features
        self.size = size
        self.initial = initial
        self.kappa = kappa
        self.within = within
        self.similarity = similarity
        self.genotypes = genotypes
        self._seed: int | None = None
        self._database: Database[G] | None = None
        self._keys: list[str] = []
        self._left: list[int] = []  # places of those that were not asked when it was last looked
        self._values: dict[str, float] = {}
        self._suggested: list[tuple[Floats, str]] = []

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Failures are not learned from; their genotypes are not asked again."""
        for evaluation in evaluations:
            if evaluation.fitness is not None:
                self._values[evaluation.key] = evaluation.fitness

    def ask(self, rng: np.random.Generator) -> list[Proposal[G]]:
        """One genotype of the database that was not asked before; a random one when none is left of those drawn."""
        if self._seed is None:
            self._seed = int(rng.integers(2**63))
        database = self._filled()
        self._left = left = [place for place in self._left if not self.asked(self._keys[place])]
        if not left and self.genotypes is not None:
            raise SearchSpaceExhaustedError("every genotype of the database was asked")
        if not left:
            return [draw_fresh(self.space, rng, self.asked, lambda: Proposal(self.space.sample(rng)))]
        place = self._from_box(rng, database, left) if self.within == "box" else self._best(rng, database, left)
        return [Proposal(database.genotypes[place], self._keys[place], "fetch" if self._learned else "sample")]

    @property
    def _learned(self) -> bool:
        return len(self._values) >= self.initial

    def _filled(self) -> Database[G]:
        if self._database is None:
            rng = np.random.default_rng(self._seed)
            genotypes = self.genotypes
            if genotypes is None:
                genotypes = [self.space.sample(rng) for _ in range(self.size)]
            self._database = Database.of(self.space, genotypes, self.features)
            self._keys = [self.space.key(genotype) for genotype in self._database.genotypes]
            self._left = list(range(len(self._keys)))
        return self._database

    def _best(self, rng: np.random.Generator, database: Database[G], left: Sequence[int]) -> int:
        """The place with the highest bound of those left."""
        if not self._learned:
            return int(rng.choice(left))
        X = _to_unit_box(database, database.vectors)
        known = [place for place, key in enumerate(self._keys) if key in self._values]
        if not known:
            return int(rng.choice(left))
        y = np.array([self._values[self._keys[place]] for place in known])
        process = fitted_process(X[known], y, int(rng.integers(2**31)))
        return int(left[int(np.argmax(bound(process, X[left], self.kappa)))])

    def _from_box(self, rng: np.random.Generator, database: Database[G], left: Sequence[int]) -> int:
        """The place most similar to where the bound is highest; what is known there is observed on the way."""
        low, width = database.low, database.high - database.low
        for _ in range(REPEATS):
            point = self._point(rng, len(low))
            try:
                place = database.fetch(low + point * width, self.similarity)
            except ValueError:  # nothing lies on that side, as where all genotypes have the same features
                break
            self._suggested.append((point, self._keys[place]))
            if not self.asked(self._keys[place]):
                return place
        chosen = int(rng.choice(left))
        self._suggested.append((_to_unit_box(database, database.vectors[chosen]), self._keys[chosen]))
        return chosen

    def _point(self, rng: np.random.Generator, dimensions: int) -> Floats:
        observed = [(point, self._values[key]) for point, key in self._suggested if key in self._values]
        observed = observed[-MOST_OBSERVED:]
        if not self._learned or len(observed) < 2:
            return rng.random(dimensions)
        X, y = np.array([point for point, _ in observed]), np.array([value for _, value in observed])
        return suggest(rng, X, y, self.kappa)

    def state(self) -> Any:
        """The seed of the database, and where each fetched genotype was observed."""
        return {"seed": self._seed, "suggested": [[point.tolist(), key] for point, key in self._suggested]}

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Have the same database again, and be told again."""
        self._seed = state["seed"]
        self._suggested = [(np.array(point), key) for point, key in state["suggested"]]
        self.tell(told)


def _to_unit_box(database: Database[Any], vectors: Floats) -> Floats:
    width = database.high - database.low
    return np.asarray((vectors - database.low) / np.where(width > 0, width, 1.0))
