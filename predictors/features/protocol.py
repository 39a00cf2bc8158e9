"""The FeatureSet protocol: named columns of numbers for a pool of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from predictors.features.pool import Floats, Pool
from search_spaces import LabelledGraph

Vocabulary = Mapping[str, Any]


@runtime_checkable
class FeatureSet(Protocol):
    """Named columns of numbers; a frozen value.

    A set that needs a vocabulary (which ops are there, which attributes) learns it from graphs: ``fit`` returns
    the set that knows more, or the set itself where the graphs hold nothing new. Equal sets have equal columns.
    A row depends on its own graph and the vocabulary alone, never on the rest of the pool.
    """

    @property
    def name(self) -> str:
        """The name in the registry."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever a column changes its meaning: stored rows of another version are refused."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """One name a column."""
        ...

    def fit(self, graphs: Sequence[LabelledGraph]) -> Self:
        """The set whose vocabulary also covers these graphs."""
        ...

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows of a pool of graphs, shape (len(graphs), len(names)); nan where a graph has no such number."""
        ...

    def compute_pool(self, pool: Pool) -> Floats:
        """The same rows from graphs that stand in a pool already."""
        ...

    def vocabulary(self) -> Vocabulary:
        """What was learned, as JSON values; ``with_vocabulary`` takes it back."""
        ...

    def with_vocabulary(self, vocabulary: Vocabulary) -> Self:
        """The set that knows a stored vocabulary; ValueError if it is none that ``vocabulary`` gives."""
        ...


@dataclass(frozen=True)
class Concatenated:
    """Several feature sets side by side, each column named as in its own set."""

    name: str
    parts: tuple[FeatureSet, ...] = field(default=())

    @property
    def version(self) -> int:
        """The versions of the parts, three decimal digits each."""
        return sum(part.version * 1000**place for place, part in enumerate(reversed(self.parts)))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts' columns, one part after another."""
        return tuple(name for part in self.parts for name in part.names)

    def fit(self, graphs: Sequence[LabelledGraph]) -> Concatenated:
        """Every part fitted."""
        return Concatenated(self.name, tuple(part.fit(graphs) for part in self.parts))

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The parts' rows side by side."""
        return self.compute_pool(Pool.of(graphs))

    def compute_pool(self, pool: Pool) -> Floats:
        """The parts' rows side by side, all of them read from one pool."""
        return np.hstack([part.compute_pool(pool) for part in self.parts])

    def vocabulary(self) -> Vocabulary:
        """The vocabulary of each part, by its name."""
        return {part.name: part.vocabulary() for part in self.parts}

    def with_vocabulary(self, vocabulary: Vocabulary) -> Concatenated:
        """Every part with its stored vocabulary; ValueError where there is none."""
        for part in self.parts:
            if not isinstance(vocabulary.get(part.name), Mapping):
                raise ValueError(f"the vocabulary must hold that of {part.name!r}, found {vocabulary.get(part.name)!r}")
        return Concatenated(self.name, tuple(part.with_vocabulary(vocabulary[part.name]) for part in self.parts))
