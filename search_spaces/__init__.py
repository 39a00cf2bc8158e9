"""What can be searched: genotypes, their operators, and the graphs they are.

This package knows nothing of predictors or of the engine.
"""

from search_spaces.graph import LabelledGraph
from search_spaces.space import (
    FiniteSpace,
    InheritingSpace,
    NarrowingSpace,
    Offspring,
    PerceptronSpace,
    ReadingModule,
    ResizingSpace,
    SearchSpace,
    SlimmingNetwork,
    SourceSpace,
    TrainableSpace,
    get_space,
)

__all__ = [
    "FiniteSpace",
    "InheritingSpace",
    "LabelledGraph",
    "NarrowingSpace",
    "Offspring",
    "PerceptronSpace",
    "ReadingModule",
    "ResizingSpace",
    "SearchSpace",
    "SlimmingNetwork",
    "SourceSpace",
    "TrainableSpace",
    "get_space",
]
