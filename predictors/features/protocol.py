"""The FeatureSet protocol: named columns of numbers for a pool of graphs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from predictors.features.pool import Pool
from predictors.features.segments import Floats
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

    @property
    def of_structure(self) -> bool:
        """Whether the columns tell how vertices are joined and nothing else: neither ops nor numbers."""
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


class WithoutVocabulary(ABC):
    """What sets that learn nothing have in common: their columns are the same for all graphs."""

    @property
    def of_structure(self) -> bool:
        """The columns tell how vertices are joined and nothing else."""
        return True

    def fit(self, graphs: Sequence[LabelledGraph]) -> Self:
        """The set itself: nothing is learned."""
        return self

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows of a pool of graphs, shape (len(graphs), len(names))."""
        return self.compute_pool(Pool.of(graphs))

    @abstractmethod
    def compute_pool(self, pool: Pool) -> Floats:
        """The same rows from graphs that stand in a pool already."""

    def vocabulary(self) -> Vocabulary:
        """Nothing is learned."""
        return {}

    def with_vocabulary(self, vocabulary: Vocabulary) -> Self:
        """The set itself."""
        return self
