"""What is done about nodes that give no worker: they are left alone, and the search ends where none is left."""

from __future__ import annotations

import logging
from collections import Counter

from nasgen.errors import ExecutorError
from nasgen.executors.ray_slots import Slots

logger = logging.getLogger(__name__)

FALSE_STARTS = 3
"""After how many actors in a row that end before they stand a node is left alone."""

NODES_ALIKE = 3
"""After how many such nodes, where no evaluation has begun anywhere, the fault is not the nodes'."""


class Mistrust:
    """Counts what fails on each node: a package may be missing on one of many.

    Parameters
    ----------
    slots
        Where no more is asked of such a node.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._false_starts: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._worked = False

    def stood(self, node: str) -> None:
        """Note that an actor stands there."""
        del self._false_starts[node]

    def worked(self) -> None:
        """Note that an evaluation has begun."""
        self._worked = True

    def false_start(self, node: str, reason: str) -> None:
        """Note that an actor ended before it stood; ``node`` is empty where nobody knows where that was.

        Raises
        ------
        ExecutorError
            If there is no hope left.
        """
        if node in self._slots.excluded:  # others had been asked for there before
            return
        self._false_starts[node] += 1
        if self._false_starts[node] == FALSE_STARTS:
            self.refused(node, f"{FALSE_STARTS} actors in a row ended before they stood: {reason}")

    def refused(self, node: str, reason: str) -> None:
        """Leave a node alone that cannot evaluate, and say so.

        Raises
        ------
        ExecutorError
            If there is no hope left.
        """
        del self._false_starts[node]
        if node in self._slots.excluded:
            return
        self._failed.add(node)
        others = self._slots.exclude(node) if node else self._worked
        if not others or (not self._worked and len(self._failed) == NODES_ALIKE):
            raise ExecutorError(reason)
        logger.warning("node %s gives no worker and is left alone for a while: %s", node[:12] or "(unknown)", reason)
