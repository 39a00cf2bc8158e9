"""Feature sets: what a surrogate reads of a graph, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from predictors.features.paper import FEATURES_V1, Cnn56
from predictors.features.paths import PathFeatures
from predictors.features.protocol import Concatenated, FeatureSet, Vocabulary
from predictors.features.rows import FeatureRows
from predictors.features.structure import live_part

__all__ = [
    "FEATURES_V1",
    "FEATURE_SETS",
    "Cnn56",
    "Concatenated",
    "FeatureRows",
    "FeatureSet",
    "PathFeatures",
    "Vocabulary",
    "get_features",
    "live_part",
]

#: Name to a function that makes the set, with nothing learned yet.
FEATURE_SETS: Mapping[str, Callable[[], FeatureSet]] = {
    "cnn56": Cnn56,
    "cnn56-thesis": lambda: Cnn56(variance=True),
    "paths": PathFeatures,
    "default": lambda: Concatenated("default", (Cnn56(), PathFeatures())),
}


def get_features(name: str) -> FeatureSet:
    """A feature set by name, with nothing learned yet; ValueError if there is none of that name."""
    if name not in FEATURE_SETS:
        raise ValueError(f"features must be one of {', '.join(FEATURE_SETS)}, found {name!r}")
    return FEATURE_SETS[name]()
