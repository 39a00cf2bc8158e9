"""The default feature set: paths where ops tell vertices apart, layers where structure alone does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from predictors.features.layers import LayerFeatures
from predictors.features.paths import PathFeatures
from predictors.features.pool import Pool
from predictors.features.protocol import FeatureSet, Vocabulary
from predictors.features.segments import Floats
from search_spaces import LabelledGraph


@dataclass(frozen=True)
class DefaultFeatures:
    """Path features of graphs with several ops; of others those of their layers, and both if they have numbers.

    What other sets would add was measured, and left out where it made predictions worse: see
    ``benchmarks/feature_ablation.py``.
    """

    paths: PathFeatures = field(default_factory=PathFeatures)
    layers: LayerFeatures = field(default_factory=LayerFeatures)

    name: str = "default"

    @property
    def version(self) -> int:
        """The versions of the parts, three decimal digits each."""
        return self.paths.version * 1000 + self.layers.version

    @property
    def parts(self) -> tuple[FeatureSet, ...]:
        """The sets whose columns stand side by side."""
        if len(self.paths.ops) > 1:
            return (self.paths,)
        return (self.layers, self.paths) if self.paths.attributes or self.paths.info else (self.layers,)

    @property
    def of_structure(self) -> bool:
        """Whether all parts tell of structure alone."""
        return all(part.of_structure for part in self.parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parts' columns, one part after another."""
        return tuple(name for part in self.parts for name in part.names)

    def fit(self, graphs: Sequence[LabelledGraph]) -> DefaultFeatures:
        """The set that knows these graphs' ops and numbers too."""
        return DefaultFeatures(self.paths.fit(graphs), self.layers)

    def compute(self, graphs: Sequence[LabelledGraph]) -> Floats:
        """The rows, shape (len(graphs), len(names))."""
        return self.compute_pool(Pool.of(graphs))

    def compute_pool(self, pool: Pool) -> Floats:
        """The parts' rows side by side, all of them read from one pool."""
        return np.hstack([part.compute_pool(pool) for part in self.parts])

    def vocabulary(self) -> Vocabulary:
        """That of the path features."""
        return self.paths.vocabulary()

    def with_vocabulary(self, vocabulary: Vocabulary) -> DefaultFeatures:
        """The set that knows a stored vocabulary; ValueError if it is none."""
        return DefaultFeatures(self.paths.with_vocabulary(vocabulary), self.layers)
