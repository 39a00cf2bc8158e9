"""Evaluation on a Ray cluster: an actor a slot, on whatever nodes there are at the time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nasgen.errors import ExecutorError, InputError
from nasgen.executors.base import Event, Executor, Finished, Job, Token
from nasgen.executors.ray_actor import EvaluatorActor
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.ray_slot import Slot, SlotLostError, loss_of
from nasgen.executors.shipping import parcels_of
from nasgen.inheritance import WeightStore
from nasgen.numerics import environment

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the executor looks what nodes there are."""

STARVING_SECONDS = 6.0
"""How long the first slot is waited for while others hold what it needs."""

STANDING_SECONDS = 60.0
"""How long a job waits for an actor to stand."""

RETURN_SECONDS = 600.0
"""How long the executor waits for nodes to come back where the last one has left."""

CLOSE_SECONDS = 3.0
FALSE_STARTS = 3


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
        self._workers, self._most = workers, most
        self._log, self._say = log, say
        self._home = WeightStore(spec["weights"]) if "weights" in spec else None
        parcels = [
            (parcel, [ray.put(np.frombuffer(Path(parcel.path).read_bytes(), np.uint8))]) for parcel in parcels_of(spec)
        ]
        self._arguments = (dict(spec), parcels, threads, patience)
        self._class: Any = ray.remote(concurrency_groups={"control": 1})(EvaluatorActor)  # type: ignore[call-overload]
        self._environment, self._warned = environment(trains=False), set[str]()
        self._slots: list[Slot] = []
        self._events: list[Event] = []
        self._false_starts = 0
        self._worked = False
        self._told_capacity = 0
        self._barren_since = time.monotonic()
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
        if job.larger:
            slot = self._widened(slot)
        slot.take(job, self._inherited(job))

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
                reached = slot.end_job()
                if not reached:
                    self._replace(slot)
                elif slot.share != self._share or slot.leaving:
                    self._retire(slot)
        self._events = [event for event in self._events if event.token != token]
        return reached

    def close(self) -> None:
        """End all actors and their workers."""
        for slot in self._slots:
            if slot.job is not None:
                slot.end_job()
        closing = [slot.actor.close.remote() for slot in self._slots if slot.ready and slot.job is None]
        if closing:
            ray.wait(closing, num_returns=len(closing), timeout=CLOSE_SECONDS)
        for slot in self._slots:
            slot.strike()
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
        if not stood:
            self._welcome(slot)
        if heard.event is None:
            return
        self._false_starts = 0
        if heard.printed and self._log is not None:
            with self._log.open("ab") as log:
                log.write(heard.printed)
        if heard.weights and self._home is not None and isinstance(heard.event, Finished):
            self._home.keep(heard.event.outcome.weights, heard.weights)
        self._events.append(heard.event)
        if slot.job is None and job is not None and (slot.leaving or slot.share != self._share):
            self._retire(slot)

    def _welcome(self, slot: Slot) -> None:
        """Note that an actor stands; say what sets its node apart from this machine."""
        self._worked = True
        for name, here in self._environment.items():
            there = slot.environment.get(name)
            line = f"a node has {name} {there}, this machine {here}: the same candidate may score differently there"
            if there != here and line not in self._warned:
                self._warned.add(line)
                logger.warning(line)

    def _lose(self, slot: Slot, error: SlotLostError) -> None:
        """Bury an actor, say what became of its job, and put another in its place where the node still lives."""
        node_lives = error.node_answers and slot.node in self._cluster.nodes()
        if slot.job is not None:
            seconds = time.monotonic() - slot.since
            self._events.append(loss_of(slot.job, slot.began and node_lives, error.cause, seconds))
        logger.warning("an actor was lost: %s", str(error)[:300])
        if not slot.ready:
            self._false_starts += 1
            if self._false_starts == FALSE_STARTS:
                raise ExecutorError(f"{FALSE_STARTS} actors in a row ended before they stood: {str(error)[:600]}")
        self._replace(slot, trusted=node_lives)

    # Slots -------------------------------------------------------------------------------------------------

    def _add(self, share: Share | None = None, *, trusted: bool = False, places: int = 1, node: str = "") -> Slot:
        share = share or self._share
        strategy = NodeAffinitySchedulingStrategy(node, soft=False) if node else "SPREAD"
        actor = self._class.options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy=strategy,
        ).remote(*self._arguments)
        slot = Slot(actor, share, trusted=trusted, places=places)
        self._slots.append(slot)
        return slot

    def _replace(self, slot: Slot, *, trusted: bool = False) -> None:
        """End an actor; others take its places."""
        slot.strike()
        self._slots.remove(slot)
        if not slot.leaving:
            for _ in range(slot.places):
                self._add(trusted=trusted)

    def _retire(self, slot: Slot) -> None:
        self._replace(slot, trusted=True)

    def _widened(self, slot: Slot) -> Slot:
        """A slot with twice the share on the same node, in the place of an idle one and of a neighbour."""
        resources = self._cluster.nodes().get(slot.node, {})
        share = self._share.times(2, resources)
        if share == self._share:
            return slot
        others = [other for other in self._slots if other.node == slot.node and other is not slot and other.places == 1]
        neighbours = sorted((other for other in others if not other.leaving), key=lambda other: other.job is not None)
        for neighbour in neighbours[:1]:
            neighbour.leaving = True
            if neighbour.job is None:
                self._replace(neighbour)
        slot.strike()
        self._slots.remove(slot)
        return self._add(share, trusted=True, places=1 + len(neighbours[:1]), node=slot.node)

    def _inherited(self, job: Job) -> bytes:
        """The weights that a job starts from, which its node may not have."""
        if not job.request.inherits or self._home is None:
            return b""
        path = self._home.path(job.request.inherits)
        return path.read_bytes() if path.is_file() else b""

    # Nodes -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what nodes there are: forget idle slots on those that left, and ask for slots on those that came."""
        now = time.monotonic()
        if now < self._looked + LOOK_SECONDS:
            return
        self._looked = now
        nodes = self._cluster.nodes()
        for slot in list(self._slots):
            if slot.ready and slot.job is None and slot.node not in nodes:
                slot.strike()
                self._slots.remove(slot)
            elif slot.job is not None and not slot.ready and now > slot.since + STANDING_SECONDS:
                self._give_up(slot)
        wanted = self._wanted()
        places = sum(slot.places for slot in self._slots if not slot.leaving)
        for _ in range(wanted - places):
            self._add()
        surplus = [slot for slot in self._slots if not slot.ready and slot.job is None and not slot.trusted]
        for slot in surplus[: max(0, places - wanted)]:
            slot.strike()
            self._slots.remove(slot)
        self._complain(now)

    def _wanted(self) -> int:
        if self._workers is not None:
            return self._workers
        room = self._cluster.slots(self._share)
        return room if self._most is None else min(room, self._most)

    def _give_up(self, slot: Slot) -> None:
        """Take its job from a slot that does not come to stand: there may be no room for it any more."""
        assert slot.job is not None
        self._events.append(loss_of(slot.job, False, TimeoutError(), 0.0))
        self._replace(slot)

    def _complain(self, now: float) -> None:
        """Say what is missing where there is no slot at all.

        Raises
        ------
        ExecutorError
            If it is not to be had.
        """
        if self.capacity:
            self._barren_since = now
            return
        barren = now - self._barren_since
        if self._worked:
            if barren > RETURN_SECONDS:
                raise ExecutorError(f"no node has come back in {RETURN_SECONDS:.0f} seconds; the run can be resumed")
            return
        if barren < STARVING_SECONDS:
            return
        try:
            self._cluster.check(self._share)
        except InputError as error:
            raise ExecutorError(str(error)) from error
        shortage = self._cluster.shortage(self._share)
        if shortage is not None:
            raise ExecutorError(shortage)
        if barren > self._arguments[-1]:
            raise ExecutorError(f"no actor stands after {barren:.0f} seconds, although the cluster has room for one")

    def _capacity_changed(self) -> bool:
        changed = self.capacity != self._told_capacity
        if changed:
            self._say(f"slots on the cluster: {self._told_capacity} -> {self.capacity}")
            self._told_capacity = self.capacity
        return changed
