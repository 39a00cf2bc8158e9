"""FeatureRows: the feature rows of a growing list of graphs, each computed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from predictors.features.protocol import FeatureSet
from predictors.features.segments import Floats
from search_spaces import LabelledGraph


class FeatureRows:
    """Graphs with their feature rows, for fits that are repeated as rows come in.

    A graph with a new op (or attribute, ...) grows the vocabulary, and then all rows are computed again: the
    values are always those of one ``features.fit(all).compute(all)``.

    Attributes
    ----------
    features
        The feature set with the vocabulary of the graphs so far.
    graphs
        The graphs, in the order of the rows.
    values
        The rows, shape (len(graphs), len(features.names)).
    """

    def __init__(self, features: FeatureSet) -> None:
        self.features = features
        self.graphs: list[LabelledGraph] = []
        self.values: Floats = features.compute([])

    def __len__(self) -> int:
        return len(self.graphs)

    def extend(self, graphs: Sequence[LabelledGraph]) -> None:
        """Append the rows of some more graphs."""
        self.graphs.extend(graphs)
        known, self.features = self.features, self.features.fit(graphs)
        if self.features == known:
            self.values = np.vstack([self.values, self.features.compute(graphs)])
        else:
            self.values = self.features.compute(self.graphs)
