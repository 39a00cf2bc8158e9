"""The regressors of a blend by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from predictors.models.blend import Member
from predictors.models.both_scales import BothScalesModel
from predictors.models.failure import FailureThenValueModel
from predictors.models.gp import GaussianProcessModel
from predictors.models.linear import BayesianRidgeModel
from predictors.models.trees import (
    AdaBoostModel,
    BoostedTreesModel,
    ExtraTreesModel,
    PairwiseTreesModel,
    RandomForestModel,
)

MEMBERS: Mapping[str, Callable[[int], Member]] = {
    "xgboost": BoostedTreesModel,
    "xgboost-pairwise": PairwiseTreesModel,
    "random-forest": RandomForestModel,
    "extra-trees": ExtraTreesModel,
    "adaboost": AdaBoostModel,
    "bayesian-ridge": BayesianRidgeModel,
    "gp": GaussianProcessModel,
    "failure-then-value": FailureThenValueModel,
    "both-scales": BothScalesModel,
}
