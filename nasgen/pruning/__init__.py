"""Pruning: which weights of a network go, as saliency x scope x schedule, on any torch module.

``targets`` finds the weights, ``saliency`` says what each is worth (``obd`` by the curvature of the loss, ``scales`` by
what it multiplies), ``scope`` compares them with each other, ``schedule`` says how many go at each step. ``pruner``
joins the four; whoever calls it trains in between. ``channels`` does the same to whole channels, of which smaller
networks are left.
"""

from nasgen.pruning.channels import ChannelPruner
from nasgen.pruning.pruner import Pruner, Step
from nasgen.pruning.saliency import SALIENCIES
from nasgen.pruning.schedule import Bucket, Cubic, FixedSize, Geometric, OneShot, Relative, Schedule
from nasgen.pruning.scope import SCOPES
from nasgen.pruning.targets import Target, targets_of

__all__ = [
    "SALIENCIES",
    "SCOPES",
    "Bucket",
    "ChannelPruner",
    "Cubic",
    "FixedSize",
    "Geometric",
    "OneShot",
    "Pruner",
    "Relative",
    "Schedule",
    "Step",
    "Target",
    "targets_of",
]
