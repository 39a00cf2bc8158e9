"""The executor interface: jobs go in, events come out.

An executor knows slots and workers. It knows nothing of attempts, deadlines or the order of requests:
those are written once, in :mod:`nasgen.executors.faults`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, NamedTuple, Self, TypeAlias

from nasgen.evaluation import Failure, Outcome, Request


class Token(NamedTuple):
    """Names one dispatch of one request, so that a late answer to an earlier dispatch is told apart.

    Attributes
    ----------
    number
        Of the request.
    dispatch
        How often this driver had dispatched the request before; unlike the attempt it also grows when a
        node was lost.
    """

    number: int
    dispatch: int


@dataclass(frozen=True, slots=True)
class Job:
    """One dispatch of one request.

    ``larger`` asks for more memory than others get, where an executor can give it: this one has run out before.
    """

    token: Token
    request: Request
    larger: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """The evaluation itself has begun: a worker stands ready and has read the request.

    A deadline counts from here. An executor that cannot be interrupted sends none, and has no deadline.
    """

    token: Token


@dataclass(frozen=True, slots=True)
class Finished:
    """The evaluator answered, with a fitness or with a failure of the candidate."""

    token: Token
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer will come.

    ``blame`` is the candidate's where its worker ended while it evaluated, and the environment's where a
    node, the network or a worker at its start-up was lost.
    """

    token: Token
    failure: Failure
    blame: Literal["candidate", "environment"]


Event: TypeAlias = Started | Finished | Lost


class Executor(ABC):
    """Runs jobs in slots; used from one thread, and as a context manager.

    Every submitted job that is not killed gets exactly one terminal event, :class:`Finished` or
    :class:`Lost`, with at most one :class:`Started` before it. Among jobs the order is free.
    """

    @property
    @abstractmethod
    def capacity(self) -> int:
        """Number of jobs that can be under way at once.

        May change inside :meth:`wait`, as nodes come and go, down to 0.
        """

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Hand a job to a free slot; returns at once, whatever has become of the worker there.

        Raises
        ------
        ValueError
            If ``capacity`` jobs are under way already.
        """

    @abstractmethod
    def wait(self, timeout: float | None = None) -> list[Event]:
        """What happened since the last call: at once where something has, otherwise when it does.

        The list is empty after ``timeout`` seconds (None waits for ever), when the capacity has changed, and
        at once where no job is under way although there are slots.

        Raises
        ------
        ExecutorError
            If workers cannot start, or the resources that a slot asks for do not come.
        """

    @abstractmethod
    def kill(self, token: Token) -> bool:
        """End a job now, whatever it does; its slot is free again when this returns.

        No event follows for the token, not even for an answer already on its way. A token that is not under
        way is ignored.

        Returns
        -------
        False where the job's worker was out of reach, so that its silence tells nothing of the candidate.
        """

    @abstractmethod
    def close(self) -> None:
        """End every job and every worker; nothing is left behind. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def spoils_worker(failure: Failure | None) -> bool:
    """Whether a worker must be replaced before it evaluates another candidate.

    Memory that ran out stays fragmented, and after an error of CUDA every further call in the same process
    fails: the next candidate would be blamed for it.
    """
    return failure is not None and (failure.kind == "out-of-memory" or "CUDA" in failure.message)
