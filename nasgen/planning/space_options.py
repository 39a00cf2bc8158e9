"""Options of a search space, as the data and the budget bound them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasgen.planning.kinds import common_options
from nasgen.plugins import is_plugin
from nasgen.settings import Arguments

if TYPE_CHECKING:
    from nasgen.tasks import Task

PAPER_DEPTH = (6, 12)
PAPER_RANDOM_DEPTH = (10, 36)  # insertion deepens the genotypes of a search, so the paper's random search starts deeper


def space_options(arguments: Arguments, task: Task, max_macs: int) -> dict[str, Any]:
    """Options of the search space: what the data and the budget bound."""
    common = common_options(arguments.space, task)
    if is_plugin(arguments.space):
        return common
    if task.kind == "sequences":
        return {**common, "max_macs": max_macs}
    paper_random = arguments.profile == "paper" and arguments.strategy == "random"
    depth = PAPER_RANDOM_DEPTH if paper_random else PAPER_DEPTH
    ours = {} if arguments.profile == "paper" else {"widths": "pyramid", "mutations": ["relabel", "insert", "rescale"]}
    return {**common, "depth": list(depth), "max_macs": max_macs, **ours}
