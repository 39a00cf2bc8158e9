"""The actor that holds one slot on a machine of a Ray cluster, and the worker process in which it evaluates.

Candidates run in a process of their own, as they do without Ray: whatever they do, the actor lives to tell, and what
it tells is what the other executors tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import ray

from nasgen.executors.base import Finished, Job, Lost, Started, Token
from nasgen.executors.processes import ProcessExecutor
from nasgen.executors.scratch import Scratch
from nasgen.executors.shipping import Parcel, unpack
from nasgen.executors.wire import event_text, request_of
from nasgen.executors.worker import leave_with
from nasgen.training.inheritance import WeightStore
from nasgen.training.numerics import environment

LISTENING_SECONDS = 0.1
"""How long the actor listens to its worker before it looks whether the job is to be ended."""

MOST_PRINTED = 64_000
"""Bytes of a candidate's output, the last, that go home with its outcome."""


class Reply(TypedDict):
    """What an actor says of a job: an event as text, and what goes home with the last one.

    ``weights`` are the bytes of the file that the outcome names, ``printed`` what the worker has written meanwhile.
    """

    event: str
    weights: bytes
    printed: bytes


class EvaluatorActor:
    """Evaluates one request at a time, in a worker process that is replaced when it ends.

    Parameters
    ----------
    spec
        The evaluator's spec, with paths as they are on the driver's machine.
    parcels
        The files it names, and references to their contents in the object store.
    threads
        Threads of the numeric libraries in the worker.
    patience
        Seconds within which a worker must have started.
    """

    def __init__(
        self, spec: Mapping[str, Any], parcels: Sequence[tuple[Parcel, list[Any]]], threads: int, patience: float
    ) -> None:
        leave_with(os.getppid())  # a worker would outlive its raylet by a minute, and go on for nobody
        fetches = {parcel: lambda held=held: ray.get(held[0]).data for parcel, held in parcels}
        spec = unpack(spec, fetches)
        self._scratch = Scratch("nasgen-actors")
        self._weights = WeightStore(self._scratch.path / "weights") if "weights" in spec else None
        if self._weights is not None:
            spec["weights"] = str(self._weights.folder)
        self._log = self._scratch.path / "log.txt"
        self._executor = ProcessExecutor(spec, 1, threads=threads, log=self._log, patience=patience)
        self._read = 0
        self._ending: Token | None = None

    def hello(self) -> dict[str, Any]:
        """Where this actor is, on which GPUs, and in what environment."""
        node = ray.get_runtime_context().get_node_id()
        return {"node": node, "gpus": ray.get_gpu_ids(), "environment": environment(trains=False)}

    def evaluate(self, number: int, dispatch: int, request: str, inherited: bytes) -> Iterator[Reply]:
        """Evaluate one request; yields a reply as it starts and one with its outcome or loss.

        ``inherited`` are the weights that it starts from; empty where it starts afresh. The last reply is missing
        where the job was ended by :meth:`end`.
        """
        token = Token(number, dispatch)
        job = Job(token, request_of(request))
        if self._weights is not None and inherited:
            self._weights.keep(job.request.inherits, inherited)
        self._executor.submit(job)
        while True:
            for event in self._executor.wait(LISTENING_SECONDS):
                if isinstance(event, Started):
                    yield {"event": event_text(event), "weights": b"", "printed": b""}
                else:
                    yield self._last_reply(event, job)
                    return
            if self._ending == token:
                self._executor.kill(token)
                return

    @ray.method(concurrency_group="control")
    def end(self, number: int, dispatch: int) -> None:
        """End a job, by whatever it does: heard while :meth:`evaluate` goes on."""
        self._ending = Token(number, dispatch)

    def close(self) -> None:
        """End the worker and leave nothing behind."""
        self._executor.close()
        self._scratch.remove()

    def _last_reply(self, event: Finished | Lost, job: Job) -> Reply:
        weights = b""
        if self._weights is not None:
            digest = event.outcome.weights if isinstance(event, Finished) else ""
            weights = self._weights.path(digest).read_bytes() if digest else b""
            for name in filter(None, (digest, job.request.inherits)):
                self._weights.discard(name)
        return {"event": event_text(event), "weights": weights, "printed": self._printed()}

    def _printed(self) -> bytes:
        """What was written to the log since the last time; the log itself is emptied."""
        text = self._log.read_bytes()[-MOST_PRINTED:]
        os.truncate(self._log, 0)  # it is written to in append mode
        return text
