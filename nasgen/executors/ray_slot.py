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
    node
        Id of the node where it is to be; empty where Ray chooses.

    Attributes
    ----------
    ready
        Whether it stands.
    node
        Id of the node where it is, or is to be; empty until that is known.
    gpus
        Of that node, which it shares with others or has for itself; empty until it stands.
    environment
        Versions and CPU features there.
    job
        None while it is idle.
    began
        Whether the evaluation has begun.
    made, since
        When it was made; and when that was, or it was given the job; by the monotonic clock.
    leaving
        Whether it ends with its job, to make room.
    """

    def __init__(self, actor: Any, share: Share, *, trusted: bool, places: int = 1, node: str = "") -> None:
        self.actor, self.share, self.trusted, self.places = actor, share, trusted, places
        self.ready = False
        self.node = node
        self.gpus: frozenset[int] = frozenset()
        self.environment: Mapping[str, Any] = {}
        self.job: Job | None = None
        self.began = False
        self.made = self.since = time.monotonic()
        self.leaving = False
        self._hello = actor.hello.remote()
        self._stream: Any = None

    @property
    def free(self) -> bool:
        """Whether it can be given a job."""
        return self.job is None and (self.ready or self.trusted) and not self.leaving

    @property
    def pending(self) -> Any:
        """What Ray can wait for; None where it is idle."""
        return self._stream if self.ready else self._hello

    def take(self, job: Job) -> None:
        """Give it a job, which it keeps until it stands."""
        self.job, self.began, self.since = job, False, time.monotonic()

    def begin(self, inherited: bytes) -> None:
        """Send the job to the actor that stands, with the weights that it starts from."""
        assert self.job is not None
        self._stream = self.actor.evaluate.remote(*self.job.token, request_text(self.job.request), inherited)

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
        self.node, self.gpus, self.environment = hello["node"], frozenset(hello["gpus"]), hello["environment"]
        self.ready = True
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

    def whereabouts(self) -> str:
        """Id of the node where it is or was, as Ray knows it; empty where it was on none."""
        known: Mapping[str, Any] = ray._private.state.actors(self.actor._ray_actor_id.hex())
        return self.node or known.get("Address", {}).get("NodeID", "")

    def ask_to_end(self) -> None:
        """Have the actor end its job, where it has one."""
        if self.job is not None and self.ready:
            with suppress(RayError):
                self.actor.end.remote(*self.job.token)

    def end_job(self, end: float) -> bool:
        """End the job and keep the actor; False where that does not answer until ``end``, by the monotonic clock."""
        if not self.ready:
            self.job = None
            return True
        self.ask_to_end()
        stream = self._stream
        with suppress(RayError):
            while ray.wait([stream], timeout=max(0.0, end - time.monotonic()))[0]:
                try:
                    ray.get(next(stream), timeout=max(0.0, end - time.monotonic()))
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
