"""Feature sets: what a surrogate reads of a graph, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from predictors.features.default import DefaultFeatures
from predictors.features.layers import LayerFeatures
from predictors.features.paper import FEATURES_V1, Cnn56
from predictors.features.paths import PathFeatures
from predictors.features.properties import GraphProperties
from predictors.features.protocol import FeatureSet, Vocabulary
from predictors.features.relational import AllRelationalProperties, RelationalProperties

__all__ = [
    "FEATURES_V1",
    "FEATURE_SETS",
    "AllRelationalProperties",
    "Cnn56",
    "DefaultFeatures",
    "FeatureSet",
    "GraphProperties",
    "LayerFeatures",
    "PathFeatures",
    "RelationalProperties",
    "Vocabulary",
    "get_features",
]

#: Name to a function that makes the set, with nothing learned yet.
FEATURE_SETS: Mapping[str, Callable[[], FeatureSet]] = {
    "cnn56": Cnn56,
    "cnn56-thesis": lambda: Cnn56(variance=True),
    "graph23": GraphProperties,
    "relational5": RelationalProperties,
    "relational7": AllRelationalProperties,
    "paths": PathFeatures,
    "layers": LayerFeatures,
    "default": DefaultFeatures,
}


def get_features(name: str) -> FeatureSet:
    """A feature set by name, with nothing learned yet; ValueError if there is none of that name."""
    if name not in FEATURE_SETS:
        raise ValueError(f"features must be one of {', '.join(FEATURE_SETS)}, found {name!r}")
    return FEATURE_SETS[name]()
