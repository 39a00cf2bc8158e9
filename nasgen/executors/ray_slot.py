"""A slot on a Ray cluster: one actor, the job it has, and what its end says about whose fault it was."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import ray
from ray.exceptions import (
    ActorUnavailableError,
    GetTimeoutError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
)

from nasgen.errors import ExecutorError
from nasgen.evaluation import Failure, Outcome
from nasgen.executors.base import Event, Finished, Job, Lost
from nasgen.executors.ray_cluster import Share
from nasgen.executors.wire import event_of, request_text

GET_SECONDS = 30.0
"""How long something that is said to be there may take to come."""

END_SECONDS = 3.0
"""How long an actor may take to end its worker before it counts as out of reach."""


class Heard(NamedTuple):
    """What a slot said: an event of its job, where there is one, and what its worker has printed and kept."""

    event: Event | None
    printed: bytes = b""
    weights: bytes = b""


class SlotLostError(Exception):
    """An actor is gone, or cannot be reached; ``cause`` is what Ray says of it.

    ``node_answers`` is False where Ray could not reach its machine: whether that still lives is seen later.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(" ".join(str(cause).split()))
        self.cause = cause
        self.node_answers = not isinstance(cause, ActorUnavailableError | GetTimeoutError)


class Slot:
    """An actor that is starting, idle or evaluating.

    Parameters
    ----------
    actor
        Handle of an :class:`~nasgen.executors.ray_actor.EvaluatorActor`.
    share
        What it holds of its machine.
    trusted
        Whether it can be given a job before it stands: its place was ours a moment ago.
    places
        How many ordinary slots it stands for.

    Attributes
    ----------
    node
        Id of the node where it is; empty until it stands.
    environment
        Versions and CPU features there.
    job
        None while it is idle.
    began
        Whether the evaluation has begun.
    since
        When it was made or given the job, by the monotonic clock.
    leaving
        Whether it ends with its job, to make room.
    """

    def __init__(self, actor: Any, share: Share, *, trusted: bool, places: int = 1) -> None:
        self.actor, self.share, self.trusted, self.places = actor, share, trusted, places
        self.node = ""
        self.environment: Mapping[str, Any] = {}
        self.job: Job | None = None
        self.began = False
        self.since = time.monotonic()
        self.leaving = False
        self._inherited = b""
        self._hello = actor.hello.remote()
        self._stream: Any = None

    @property
    def ready(self) -> bool:
        """Whether the actor stands."""
        return bool(self.node)

    @property
    def free(self) -> bool:
        """Whether it can be given a job."""
        return self.job is None and (self.ready or self.trusted) and not self.leaving

    @property
    def pending(self) -> Any:
        """What Ray can wait for; None where it is idle."""
        return self._stream if self.ready else self._hello

    def take(self, job: Job, inherited: bytes) -> None:
        """Give it a job, with the weights that it starts from; one that does not stand yet keeps it."""
        self.job, self.began, self.since, self._inherited = job, False, time.monotonic(), inherited
        if self.ready:
            self._send()

    def _send(self) -> None:
        if self.job is None:
            return
        method = self.actor.evaluate.options(num_returns="streaming")
        self._stream = method.remote(*self.job.token, request_text(self.job.request), self._inherited)
        self._inherited = b""

    def hear(self) -> Heard:
        """What it has to say, once Ray says that there is something.

        Raises
        ------
        SlotLostError
            If the actor is gone.
        ExecutorError
            If it cannot evaluate at all.
        """
        try:
            return self._hear_event() if self.ready else self._hear_hello()
        except RayTaskError as error:
            if isinstance(error.cause, ExecutorError):
                raise ExecutorError(str(error.cause)) from None
            raise SlotLostError(error) from error
        except RayError as error:
            raise SlotLostError(error) from error

    def _hear_hello(self) -> Heard:
        hello = ray.get(self._hello, timeout=GET_SECONDS)
        self.node, self.environment = hello["node"], hello["environment"]
        self._send()
        return Heard(None)

    def _hear_event(self) -> Heard:
        try:
            reply = ray.get(next(self._stream), timeout=GET_SECONDS)
        except StopIteration:
            raise SlotLostError(RuntimeError("the actor ended a job that it was not asked to end")) from None
        event = event_of(reply["event"])
        if isinstance(event, Finished | Lost):
            self.job, self._stream = None, None
        else:
            self.began = True
        return Heard(event, reply["printed"], reply["weights"])

    def end_job(self) -> bool:
        """End the job and keep the actor; False where it does not answer."""
        assert self.job is not None
        if not self.ready:
            self.job, self._inherited = None, b""
            return True
        stream, end = self._stream, time.monotonic() + END_SECONDS
        with suppress(RayError):
            self.actor.end.remote(*self.job.token)
            while ray.wait([stream], timeout=max(0.0, end - time.monotonic()))[0]:
                try:
                    ray.get(next(stream), timeout=END_SECONDS)
                except StopIteration:
                    self.job, self._stream = None, None
                    return True
        return False

    def strike(self) -> None:
        """End the actor, and its worker with it; what it may still say is never heard."""
        self._stream = None
        with suppress(RayError, ValueError):
            ray.kill(self.actor, no_restart=True)


def loss_of(job: Job, began: bool, error: Exception, seconds: float) -> Finished | Lost:
    """What the end of an actor means for the job it had, after so many seconds.

    Ray's own out-of-memory killer is the machine's word that memory ran out. An actor that ends on a node that lives
    is charged to the candidate that it ``began`` with there; a node or a connection that is lost is nobody's fault.
    """
    if isinstance(error, OutOfMemoryError):
        return Finished(job.token, Outcome(failure=Failure("out-of-memory", "the memory ran out"), seconds=seconds))
    if began and isinstance(error, RayActorError | RayTaskError):
        return Lost(job.token, Failure("worker-lost", "the worker's actor ended"), "candidate")
    return Lost(job.token, Failure("worker-lost", "its node or the way to it was lost"), "environment")
