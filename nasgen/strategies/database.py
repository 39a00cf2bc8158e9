"""A database of genotypes with what describes each in numbers, from which the nearest to a description is fetched.

"Bayes Optimal Neural Network Pruning using Relational Graph Properties", algorithm 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from predictors import get_features
from search_spaces import SearchSpace

G = TypeVar("G")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Database(Generic[G]):
    """Genotypes, and their features.

    Attributes
    ----------
    genotypes
        n of them.
    vectors
        Shape (n, d).

    Raises
    ------
    ValueError
        If there are none, or the shapes differ.
    """

    genotypes: Sequence[G]
    vectors: Floats

    def __post_init__(self) -> None:
        if not len(self.genotypes) or self.vectors.shape[:1] != (len(self.genotypes),):
            found = f"{len(self.genotypes)} genotypes and vectors of shape {self.vectors.shape}"
            raise ValueError(f"a database must have at least one genotype and a vector for each, found {found}")

    @classmethod
    def of(cls, space: SearchSpace[G], genotypes: Sequence[G], features: str) -> Database[G]:
        """Genotypes of a space, the first of those that mean the same; columns that never vary are left out."""
        different: dict[str, G] = {}
        for genotype in genotypes:
            different.setdefault(space.key(genotype), genotype)
        genotypes = list(different.values())
        graphs = [space.to_graph(genotype) for genotype in genotypes]
        vectors = np.nan_to_num(get_features(features).fit(graphs).compute(graphs))
        varying = np.ptp(vectors, axis=0) > 0
        return cls(genotypes, vectors[:, varying] if varying.any() else vectors[:, :1])

    @property
    def low(self) -> Floats:
        """The least of each feature, shape (d,)."""
        return np.asarray(self.vectors.min(axis=0))

    @property
    def high(self) -> Floats:
        """The largest of each feature, shape (d,)."""
        return np.asarray(self.vectors.max(axis=0))

    def fetch(self, wanted: Floats, similarity: str = "standardised cosine") -> int:
        """The place of the genotype whose vector is most similar to the one wanted, shape (d,); of equals the first.

        Raises
        ------
        ValueError
            If there is no similarity of that name, or none of the vectors lies on the same side as the one wanted.
        """
        if similarity not in SIMILARITIES:
            raise ValueError(f"similarity must be one of {', '.join(SIMILARITIES)}, found {similarity!r}")
        values = SIMILARITIES[similarity](self.vectors, wanted)
        best = int(np.argmax(values))
        if not values[best] > 0:
            raise ValueError(f"expected a vector of a similarity above 0, found {values[best]:.3g} at most")
        return best


def cosine(vectors: Floats, wanted: Floats) -> Floats:
    """The cosine of the angle between raw vectors, as published; shape (n,).

    Where one feature is a thousand times the others it is 1 for all, and it does not see scale.
    """
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(wanted)
    return np.asarray(vectors @ wanted / np.maximum(norms, 1e-300))


def standardised_cosine(vectors: Floats, wanted: Floats) -> Floats:
    """The cosine after each feature has mean 0 and deviation 1 over the database; shape (n,)."""
    return cosine(*_standardised(vectors, wanted))


def nearness(vectors: Floats, wanted: Floats) -> Floats:
    """Falls with the distance of the same, from 1; shape (n,)."""
    rows, point = _standardised(vectors, wanted)
    return np.asarray(1 / (1 + np.linalg.norm(rows - point, axis=1)))


def _standardised(vectors: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (vectors - mean) / deviation, (wanted - mean) / deviation


SIMILARITIES: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": cosine,
    "standardised cosine": standardised_cosine,
    "nearness": nearness,
}
