"""Whose fault it is when no answer comes: attempts, deadlines and quarantine, over any executor.

A candidate's own failure (an exception, divergence) is final at once. A lost worker (exit, signal, deadline,
and memory that ran out, even where the worker lived to report it) costs one attempt, because it may be the
machine's doing; after the last attempt the candidate is given up with the cause as its failure. What a node,
the network or the start of a worker lost costs nothing.
"""

from __future__ import annotations

import heapq
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors.base import Event, Executor, Finished, Job, Started, Token

logger = logging.getLogger(__name__)

Lost = Callable[[Request, int, Failure], None]


@dataclass(slots=True)
class _Case:
    """A request without a final outcome: what was spent on it, and its current dispatch."""

    request: Request
    used: int
    dispatches: int = 0
    started: float | None = None
    deadline: float = math.inf

    @property
    def token(self) -> Token:
        return Token(self.request.number, self.dispatches)


class Dispatcher:
    """Takes requests to an executor in the order of their numbers, until each has its final outcome.

    Parameters
    ----------
    executor
        Where evaluations run. Who made it closes it.
    attempts
        Number of lost workers after which a candidate is given up.
    deadline
        Called as an evaluation starts: the seconds it may take. None for no limit.
    on_lost
        Called with the request, the attempt that is spent (from 1) and its failure, before the request is
        dispatched again; where this is recorded, a candidate that ends the driver too is not tried for ever.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        attempts: int = 2,
        deadline: Callable[[], float] | None = None,
        on_lost: Callable[[Request, int, Failure], None] | None = None,
    ) -> None:
        self._executor = executor
        self._attempts = attempts
        self._deadline = deadline
        self._on_lost = on_lost
        self._waiting: list[int] = []
        self._cases: dict[int, _Case] = {}

    @property
    def in_flight(self) -> int:
        """Number of requests that have no final outcome yet, dispatched or waiting for a slot."""
        return len(self._cases)
