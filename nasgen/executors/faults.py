"""Whose fault it is when no answer comes: attempts, deadlines and quarantine, over any executor.

A candidate's own failure (an exception, divergence) is final at once. A lost worker (exit, signal, deadline,
and memory that ran out, even where the worker lived to report it) costs one attempt, because it may be the
machine's doing; after the last attempt the candidate is given up with the cause as its failure. What a node,
the network or the start of a worker lost costs nothing, unless it happens to one candidate again and again.
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

FREE_LOSSES = 5
"""How often the environment may lose a candidate before that counts against it: it may be what brings nodes down."""


@dataclass(slots=True)
class _Case:
    """A request without a final outcome: what was spent on it, and the clock of its current dispatch."""

    request: Request
    attempts_used: int
    dispatches: int = 0
    free_losses: int = 0
    larger: bool = False
    started: float = math.nan
    deadline: float = math.inf

    def outcome(self, failure: Failure) -> Outcome:
        """The outcome of a dispatch that got no answer."""
        seconds = 0.0 if math.isnan(self.started) else time.monotonic() - self.started
        return Outcome(failure=failure, seconds=seconds)


class Dispatcher:
    """Takes requests to an executor in the order of their numbers, until each has its final outcome.

    Parameters
    ----------
    executor
        Where evaluations run. Who made it closes it.
    attempts
        Number of lost workers after which a candidate is given up.
    deadline
        Called with a request as its evaluation starts: the seconds it may take. None for no limit.
    on_lost
        Called with the request, the attempt that is spent (from 1) and its failure, before the request is
        dispatched again; where this is recorded, a candidate that ends the driver too is not tried for ever.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        attempts: int = 2,
        deadline: Callable[[Request], float] | None = None,
        on_lost: Callable[[Request, int, Failure], None] | None = None,
    ) -> None:
        self._executor = executor
        self._attempts = attempts
        self._deadline = deadline
        self._on_lost = on_lost
        self._waiting: list[tuple[int, _Case]] = []  # a heap by number, the order asked
        self._running: dict[Token, _Case] = {}
        self._numbers: set[int] = set()
        self._final: list[tuple[Request, Outcome]] = []

    @property
    def in_flight(self) -> int:
        """Number of requests without a final outcome, dispatched or waiting for a slot."""
        return len(self._numbers)

    def submit(self, request: Request, attempts_used: int = 0) -> None:
        """Take a request on, of which a run before this one may have lost ``attempts_used`` workers.

        Raises
        ------
        ValueError
            If its number is in flight already, or no attempt is left.
        """
        if request.number in self._numbers:
            raise ValueError(f"a number can be in flight once, found request {request.number} again")
        if not 0 <= attempts_used < self._attempts:
            raise ValueError(f"attempts_used must be in 0..{self._attempts - 1}, found {attempts_used}")
        self._numbers.add(request.number)
        self._queue(_Case(request, attempts_used))
        self._dispatch()

    def collect(self, timeout: float | None = None) -> list[tuple[Request, Outcome]]:
        """Wait until there are final outcomes; none after ``timeout`` seconds, or where nothing is in flight.

        Raises
        ------
        ExecutorError
            If the executor cannot evaluate at all.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        while self._numbers and not self._final:
            for event in self._executor.wait(self._pause(end)):
                self._take(event)
            self._end_overdue()
            self._dispatch()
            if time.monotonic() >= end:
                break
        final, self._final = self._final, []
        return final

    def _dispatch(self) -> None:
        while self._waiting and len(self._running) < self._executor.capacity:
            number, case = heapq.heappop(self._waiting)
            case.dispatches += 1
            case.started, case.deadline = math.nan, math.inf
            token = Token(number, case.dispatches)
            self._running[token] = case
            self._executor.submit(Job(token, case.request, case.larger))

    def _pause(self, end: float) -> float | None:
        """Seconds to the next deadline or the end of patience, None for no limit."""
        limit = min((case.deadline for case in self._running.values()), default=math.inf)
        limit = min(limit, end)
        return None if limit == math.inf else max(0.0, limit - time.monotonic())

    def _take(self, event: Event) -> None:
        """Act on an event; one of an earlier dispatch, or a second one, is dropped."""
        case = self._running.get(event.token)
        if case is None:
            return
        if isinstance(event, Started):
            case.started = time.monotonic()
            if self._deadline is not None:
                case.deadline = case.started + self._deadline(case.request)
            return
        del self._running[event.token]
        if isinstance(event, Finished):
            failure = event.outcome.failure
            if failure is not None and failure.kind == "out-of-memory":
                case.larger = True
                self._charge(case, event.outcome)
            else:
                self._settle(case, event.outcome)
        elif event.blame == "candidate":
            self._charge(case, case.outcome(event.failure))
        else:
            self._forgive(case, event.failure)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for token, case in list(self._running.items()):
            if now >= case.deadline:
                reached = self._executor.kill(token)
                del self._running[token]
                if reached:
                    self._charge(case, case.outcome(Failure("deadline", "no answer before the deadline")))
                else:
                    self._forgive(case, Failure("worker-lost", "its worker was out of reach at the deadline"))

    def _forgive(self, case: _Case, failure: Failure) -> None:
        """Dispatch a candidate again that the environment has lost; from the sixth time on it counts."""
        case.free_losses += 1
        if case.free_losses > FREE_LOSSES:
            self._charge(case, case.outcome(failure))
            return
        logger.warning("request %d is dispatched again: %s", case.request.number, failure)
        self._queue(case)

    def _charge(self, case: _Case, outcome: Outcome) -> None:
        """Count an attempt against the candidate, and give it up after the last."""
        assert outcome.failure is not None
        if case.attempts_used + 1 == self._attempts:
            self._settle(case, outcome)
            return
        case.attempts_used += 1
        logger.warning("request %d lost attempt %d: %s", case.request.number, case.attempts_used, outcome.failure)
        if self._on_lost is not None:
            self._on_lost(case.request, case.attempts_used, outcome.failure)
        self._queue(case)

    def _queue(self, case: _Case) -> None:
        heapq.heappush(self._waiting, (case.request.number, case))

    def _settle(self, case: _Case, outcome: Outcome) -> None:
        self._numbers.remove(case.request.number)
        self._final.append((case.request, replace(outcome, attempt=case.attempts_used + 1)))
