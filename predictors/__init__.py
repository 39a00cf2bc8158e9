"""What a structure is worth before it is trained: features of graphs, and surrogates on them.

This package knows ``LabelledGraph`` of the search spaces, and nothing of the engine.
"""

from predictors.features import FEATURE_SETS, FeatureSet, get_features
from predictors.models import MODELS
from predictors.surrogate import Surrogate, load_surrogate

__all__ = [
    "FEATURE_SETS",
    "MODELS",
    "FeatureSet",
    "Surrogate",
    "get_features",
    "load_surrogate",
]
