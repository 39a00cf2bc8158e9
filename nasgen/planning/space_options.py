"""Options of a search space, as the data and the budget bound them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nasgen.planning.kinds import common_options, maker
from nasgen.plugins import is_plugin
from nasgen.settings import Arguments

if TYPE_CHECKING:
    from nasgen.tasks import Task

SPREAD_ROWS = 10_000
"""Training rows that the spread of inputs is measured on."""

PAPER_DEPTH = (6, 12)
PAPER_RANDOM_DEPTH = (10, 36)  # insertion deepens the genotypes of a search, so the paper's random search starts deeper

PAPER_MASKS: Mapping[str, Any] = {"placements": ["random"], "generators": ["er"], "focus": [0, 0]}
"""Uniformly random masks on pixels in random order, as those of BoGP."""


def space_options(arguments: Arguments, task: Task, max_macs: int) -> dict[str, Any]:
    """Options of the search space: what the data and the budget bound, and above all what the user wants."""
    return {**_bounded(arguments, task, max_macs), **arguments.space_options}


def _bounded(arguments: Arguments, task: Task, max_macs: int) -> dict[str, Any]:
    common = common_options(arguments.space, task)
    if is_plugin(arguments.space):
        return common
    taken = inspect.signature(maker(arguments.space)).parameters
    if "input_spread" in taken:
        common["input_spread"] = input_spread(task)
    if arguments.space == "mask" and arguments.profile == "paper":
        return {**common, **PAPER_MASKS}
    if "max_macs" not in taken:
        return common
    if task.kind == "sequences":
        return {**common, "max_macs": max_macs}
    paper_random = arguments.profile == "paper" and arguments.strategy == "random"
    depth = PAPER_RANDOM_DEPTH if paper_random else PAPER_DEPTH
    ours = {} if arguments.profile == "paper" else {"widths": "pyramid", "mutations": ["relabel", "insert", "rescale"]}
    return {**common, "depth": list(depth), "max_macs": max_macs, **ours}


def input_spread(task: Task) -> list[float]:
    """The standard deviation of each input feature over training rows, to three digits; all 1 where none varies."""
    rows = task.x_train[:SPREAD_ROWS].reshape(min(SPREAD_ROWS, len(task.x_train)), -1)
    spread = rows.astype("float64").std(axis=0)
    return [float(f"{value:.3g}") for value in spread] if spread.any() else [1.0] * len(spread)
