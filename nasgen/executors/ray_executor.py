"""Evaluation on a Ray cluster: an actor a slot, on whatever nodes there are at the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError

from nasgen.errors import ExecutorError
from nasgen.executors.base import Event, Executor, Finished, Job, Token
from nasgen.executors.ray_actor import EvaluatorActor
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.ray_mistrust import Mistrust
from nasgen.executors.ray_shortage import Shortage
from nasgen.executors.ray_slot import Slot, SlotLostError, loss_of
from nasgen.executors.ray_slots import Slots
from nasgen.executors.shipping import parcels_of
from nasgen.training.inheritance import WeightStore
from nasgen.training.numerics import environment

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the executor looks what nodes there are."""

END_SECONDS = 3.0
"""How long an actor may take to end its worker before it counts as out of reach."""

SILENCE_SECONDS = 10.0
"""How long a node that was out of reach is not waited for again: it may hold many slots."""

CLOSE_SECONDS = 3.0


class RayExecutor(Executor):
    """Evaluates in one actor a slot, each with a worker process of its own.

    Nodes that join are used within seconds. What nodes that leave were doing is lost to the environment, and their
    slots come back with them.

    Parameters
    ----------
    spec
        The evaluator's spec, in JSON values. The files it names travel through the object store, once a search.
    cluster
        The connection. Who made it closes it.
    workers
        Number of slots at most, and asked for from the start: an autoscaler may bring nodes for them. None for as
        many as the nodes have room for.
    most
        Number of slots at most in that case; None for no limit.
    share
        What a slot asks of its node.
    threads
        Threads of the numeric libraries in each worker.
    log
        File to which the workers' stdout and stderr are appended; None throws them away.
    say
        Told, in one line, when slots come and go.
    patience
        Seconds within which a worker must have started and begun its evaluation.

    Raises
    ------
    InputError
        If no node is large enough for the share.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        cluster: Cluster,
        workers: int | None = None,
        *,
        most: int | None = None,
        share: Share = Share(1, 0),  # noqa: B008 (frozen)
        threads: int = 1,
        log: Path | None = None,
        say: Callable[[str], None] = logger.info,
        patience: float = 120.0,
    ) -> None:
        cluster.check(share)
        self._cluster, self._share = cluster, share
        self._log, self._say = log, say
        self._home = WeightStore(spec["weights"]) if "weights" in spec else None
        parcels = [
            (parcel, [ray.put(np.frombuffer(Path(parcel.path).read_bytes(), np.uint8))]) for parcel in parcels_of(spec)
        ]
        # Ray's overloads for classes leave the groups out, which it documents
        make: Any = ray.remote(concurrency_groups={"control": 1})(EvaluatorActor)  # type: ignore[call-overload]
        arguments = (dict(spec), parcels, threads, patience)

        def actor(**options: Any) -> Any:
            return make.options(max_restarts=0, max_task_retries=0, **options).remote(*arguments)

        self._slots = Slots(actor, cluster, share, workers, most, self._give_back)
        self._environment, self._warned = environment(trains=False), set[str]()
        self._events: list[Event] = []
        self._mistrust = Mistrust(self._slots)
        self._silent_until: dict[str, float] = {}
        self._told_capacity = 0
        self._shortage = Shortage(cluster, share, patience)
        self._looked = -LOOK_SECONDS
        self._look()

    @property
    def capacity(self) -> int:
        """The number of slots whose actors stand, or did a moment ago."""
        return sum(slot.free or slot.job is not None for slot in self._slots)

    def submit(self, job: Job) -> None:
        """Give the job to an idle actor, or to one that is about to replace another."""
        slot = min((slot for slot in self._slots if slot.free), key=lambda slot: not slot.ready, default=None)
        if slot is None:
            raise ValueError(f"{self.capacity} jobs at a time have a slot, found one more: wait first")
        slot.take(job)
        if slot.ready:
            self._begin(slot)

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Listen to the actors until one has something to tell, or slots have come or gone."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            self._listen(end)
            self._look()
            news = self._capacity_changed()
            idle = self.capacity > 0 and not any(slot.job for slot in self._slots)
            if self._events or news or idle or (end is not None and time.monotonic() >= end):
                events, self._events = self._events, []
                return events

    def kill(self, token: Token) -> bool:
        """End the job; its actor is replaced only where it does not answer."""
        reached = True
        for slot in list(self._slots):
            if slot.job is not None and slot.job.token == token:
                now = time.monotonic()
                silent = now < self._silent_until.get(slot.node, now)
                reached = slot.end_job(now if silent else now + END_SECONDS)
                if not reached:
                    self._silent_until[slot.node] = now + SILENCE_SECONDS
                    self._slots.replace(slot)
                elif slot.share != self._share or slot.leaving:
                    self._slots.retire(slot)
        self._events = [event for event in self._events if event.token != token]
        return reached

    def close(self) -> None:
        """End all actors and their workers."""
        end = time.monotonic() + CLOSE_SECONDS
        with suppress(RayError):  # the cluster itself may be gone
            for slot in self._slots:
                slot.ask_to_end()  # all before the first is waited for: some may be out of reach
            for slot in self._slots:
                if slot.job is not None:
                    slot.end_job(end)
            closing = [slot.actor.close.remote() for slot in self._slots if slot.ready and slot.job is None]
            if closing:
                ray.wait(closing, num_returns=len(closing), timeout=CLOSE_SECONDS)
        self._slots.clear()
        self._events.clear()

    # Listening ---------------------------------------------------------------------------------------------

    def _listen(self, end: float | None) -> None:
        """Hear every actor that has something to say, waiting for the first one at most until the next look."""
        now = time.monotonic()
        pause = 0.0 if self._events else self._looked + LOOK_SECONDS - now
        if end is not None:
            pause = min(pause, end - now)
        speakers = {slot.pending: slot for slot in self._slots if slot.pending is not None}
        if not speakers:
            time.sleep(max(0.0, pause) if not self.capacity else 0.0)
            return
        first, rest = ray.wait(list(speakers), timeout=max(0.0, pause))
        others = ray.wait(rest, num_returns=len(rest), timeout=0)[0] if first and rest else []
        for pending in (*first, *others):
            self._hear(speakers[pending])

    def _hear(self, slot: Slot) -> None:
        job, stood = slot.job, slot.ready
        try:
            heard = slot.hear()
        except SlotLostError as error:
            self._lose(slot, error)
            return
        except ExecutorError as error:
            if slot.job is not None:
                self._give_back(slot.job)
            self._mistrust.refused(slot.node, str(error))
            self._slots.replace(slot)
            return
        if not stood:
            self._welcome(slot)
            if slot.job is not None:
                self._begin(slot)
        if heard.event is None:
            return
        self._mistrust.worked()
        if heard.printed and self._log is not None:
            with self._log.open("ab") as log:
                log.write(heard.printed)
        if heard.weights and self._home is not None and isinstance(heard.event, Finished):
            self._home.keep(heard.event.outcome.weights, heard.weights)
        self._events.append(heard.event)
        if slot.job is None and job is not None and (slot.leaving or slot.share != self._share):
            self._slots.retire(slot)

    def _welcome(self, slot: Slot) -> None:
        """Note that an actor stands; say what sets its node apart from this machine."""
        self._mistrust.stood(slot.node)
        for name, here in self._environment.items():
            there = slot.environment.get(name)
            line = f"a node has {name} {there}, this machine {here}: the same candidate may score differently there"
            if there != here and line not in self._warned:
                self._warned.add(line)
                logger.warning(line)

    def _lose(self, slot: Slot, error: SlotLostError) -> None:
        """Bury an actor, say what became of its job, and put another in its place where the node still lives."""
        node_lives = error.node_answers and slot.node in self._slots.nodes()
        if slot.job is not None:
            seconds = time.monotonic() - slot.since
            self._events.append(loss_of(slot.job, slot.began and node_lives, error.cause, seconds))
        logger.warning("an actor was lost: %s", str(error)[:300])
        if not slot.ready and slot.made > self._slots.node_left:  # or that may have been its node
            node = slot.whereabouts()
            self._mistrust.false_start(node if node in self._slots.nodes() else "", str(error)[:600])
        self._slots.replace(slot, trusted=slot.ready and node_lives)

    def _begin(self, slot: Slot) -> None:
        """Start the job of an actor that stands, or move it to a larger slot."""
        job = slot.job
        assert job is not None
        if job.larger and slot.share == self._share and not slot.leaving:
            wide = self._slots.widened(slot)
            if wide is not slot:
                wide.take(job)
                return
        slot.begin(self._inherited(job))

    def _inherited(self, job: Job) -> bytes:
        """The weights that a job starts from, which its node may not have."""
        if not job.request.inherits or self._home is None:
            return b""
        path = self._home.path(job.request.inherits)
        return path.read_bytes() if path.is_file() else b""

    def _give_back(self, job: Job) -> None:
        """Say that a job has not begun, and will not."""
        self._events.append(loss_of(job, False, TimeoutError(), 0.0))

    def _look(self) -> None:
        """See now and then what nodes there are, and whether there is a slot at all."""
        now = time.monotonic()
        if now < self._looked + LOOK_SECONDS:
            return
        self._looked = now
        self._slots.look()
        if self.capacity:
            self._shortage.over()
        else:
            self._shortage.check()

    def _capacity_changed(self) -> bool:
        changed = self.capacity != self._told_capacity
        if changed:
            self._say(f"slots on the cluster: {self._told_capacity} -> {self.capacity}")
            self._told_capacity = self.capacity
        return changed
