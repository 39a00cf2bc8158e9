"""Evaluation in this process: the fastest for look-ups, and the easiest to debug."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from nasgen.executors.base import Event, Executor, Finished, Job, Token
from nasgen.executors.wire import outcome_of, outcome_text
from nasgen.training.evaluators import Evaluator, answer, build_evaluator


class InlineExecutor(Executor):
    """Evaluates its one job in :meth:`wait`, which therefore ends no sooner than the job.

    A job that has begun cannot be interrupted: there is no :class:`~nasgen.executors.base.Started` event and
    no deadline, and a candidate that ends its process ends the run.

    Parameters
    ----------
    evaluator
        An evaluator, or the spec of one.
    """

    def __init__(self, evaluator: Evaluator | Mapping[str, Any]) -> None:
        self._evaluator = build_evaluator(evaluator) if isinstance(evaluator, Mapping) else evaluator
        self._job: Job | None = None

    @property
    def capacity(self) -> int:
        """One."""
        return 1

    def submit(self, job: Job) -> None:
        """Keep the job for the next :meth:`wait`."""
        if self._job is not None:
            raise ValueError("1 job at a time is evaluated inline, found a second: wait for the first")
        self._job = job

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Evaluate the job, whatever the timeout."""
        if self._job is None:
            return []
        job, self._job = self._job, None
        with redirect_stdout(sys.stderr):  # stdout belongs to the command, not to what a candidate prints
            outcome = answer(self._evaluator, job.request)
        # The way through text makes the outcome the very one that a worker would have sent.
        return [Finished(job.token, outcome_of(outcome_text(outcome)))]

    def kill(self, token: Token) -> bool:
        """Forget the job, if it is this one."""
        if self._job is not None and self._job.token == token:
            self._job = None
        return True

    def close(self) -> None:
        """Forget the job."""
        self._job = None
