"""Which slots there are on a Ray cluster: as many as the nodes have room for, whatever becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nasgen.executors.base import Job
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.ray_slot import Slot

STANDING_SECONDS = 60.0
"""How long a job waits for an actor to stand."""

NODE_LABEL = "ray.io/node-id"
"""By which Ray labels every node."""

EXCLUSION_SECONDS = 600.0
"""How long a node is left alone that gives no worker."""


class Slots:
    """The slots of an executor, which come and go with the nodes; iterates over those there are now.

    Parameters
    ----------
    actor
        Makes an actor, from what Ray is told of it.
    cluster
        The connection.
    share
        What an ordinary slot asks of its node.
    workers, most
        As for :class:`~nasgen.executors.ray_executor.RayExecutor`.
    give_back
        Told of jobs that are taken from a slot that had not begun with them.

    Attributes
    ----------
    node_left
        When a node was last seen to have gone, by the monotonic clock.
    excluded
        Nodes that give no worker, and until when no slot is asked of them.
    """

    def __init__(
        self,
        actor: Callable[..., Any],
        cluster: Cluster,
        share: Share,
        workers: int | None,
        most: int | None,
        give_back: Callable[[Job], None],
    ) -> None:
        self._actor, self._cluster, self._share = actor, cluster, share
        self._workers, self._most = workers, most
        self._give_back = give_back
        self._slots: list[Slot] = []
        self._nodes: Mapping[str, Mapping[str, float]] = {}
        self.node_left = float("-inf")
        self.excluded: dict[str, float] = {}

    def __iter__(self) -> Iterator[Slot]:
        return iter(list(self._slots))

    def nodes(self) -> Mapping[str, Mapping[str, float]]:
        """Resources of the nodes that are alive now, by their ids."""
        before, self._nodes = self._nodes, self._cluster.nodes()
        if before.keys() - self._nodes.keys():
            self.node_left = time.monotonic()
        return self._nodes

    def exclude(self, node: str) -> bool:
        """Ask no slot of a node for a while; False where no other has room for one."""
        self.excluded[node] = time.monotonic() + EXCLUSION_SECONDS
        for slot in self:
            if slot.ready and slot.job is None and slot.node == node:
                self._remove(slot)
        return self._share.room(self._usable()) > 0

    def look(self) -> None:
        """Forget idle slots on nodes that left, and ask for slots on those that came."""
        nodes = self._usable()
        for slot in self:
            if slot.ready and slot.job is None and slot.node not in nodes:
                self._remove(slot)
            elif not slot.ready and slot.trusted:
                self._wait_for(slot)
        wanted = self._wanted(nodes)
        places = sum(slot.places for slot in self if not slot.leaving)
        for _ in range(wanted - places):
            self._add()
        surplus = [slot for slot in self if not slot.ready and slot.job is None and not slot.trusted]
        for slot in surplus[: max(0, places - wanted)]:
            self._remove(slot)

    def replace(self, slot: Slot, *, trusted: bool = False) -> None:
        """End an actor; others take its places, on its node where that is ``trusted`` to have room for them."""
        self._remove(slot)
        if not slot.leaving:
            for _ in range(slot.places):
                again = trusted and slot.node not in self.excluded
                self._add(trusted=again, node=slot.node if again else "")

    def retire(self, slot: Slot) -> None:
        """End an actor that is as it should be, to make room."""
        self.replace(slot, trusted=True)

    def widened(self, slot: Slot) -> Slot:
        """A slot with twice the share on the same node, in the place of one and of its neighbour.

        It stands when the neighbour has ended its job. The slot itself where its node has no more to give.
        """
        share = self._share.times(2, self.nodes().get(slot.node, {}))
        if share == self._share:
            return slot
        neighbour = self._neighbour(slot)
        if neighbour is not None:
            neighbour.leaving = True
            if not neighbour.ready and neighbour.job is not None:
                self._give_back(neighbour.job)
                neighbour.job = None
            if neighbour.job is None:
                self._remove(neighbour)
        self._remove(slot)
        return self._add(share, trusted=True, places=1 if neighbour is None else 2, node=slot.node)

    def clear(self) -> None:
        """End all actors."""
        for slot in self:
            self._remove(slot)

    def _neighbour(self, slot: Slot) -> Slot | None:
        """Who makes room for a larger share: on the same node and GPU, and an idle one first."""
        others = [other for other in self if other.node == slot.node and other is not slot]
        others = [other for other in others if other.places == 1 and not other.leaving]
        # on which GPU one will be that does not stand yet is not known
        near = [other for other in others if not slot.gpus or not other.gpus or other.gpus & slot.gpus]
        return min(near or others, key=lambda other: other.job is not None, default=None)

    def _add(self, share: Share | None = None, *, trusted: bool = False, places: int = 1, node: str = "") -> Slot:
        share = share or self._share
        where: dict[str, Any] = {"scheduling_strategy": "SPREAD"}
        if node:  # for a larger share room was made there, and nowhere else
            where["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=share == self._share)
        elif self.excluded:
            where["label_selector"] = {NODE_LABEL: f"!in({','.join(self.excluded)})"}
        actor = self._actor(num_cpus=share.cpus, num_gpus=share.gpus, **where)
        slot = Slot(actor, share, trusted=trusted, places=places, node=node)
        self._slots.append(slot)
        return slot

    def _remove(self, slot: Slot) -> None:
        slot.strike()
        self._slots.remove(slot)

    def _usable(self) -> Mapping[str, Mapping[str, float]]:
        """The nodes but for those that are left alone."""
        now = time.monotonic()
        self.excluded = {node: end for node, end in self.excluded.items() if now < end}
        return {node: resources for node, resources in self.nodes().items() if node not in self.excluded}

    def _wanted(self, nodes: Mapping[str, Mapping[str, float]]) -> int:
        if self._workers is not None:
            return self._workers
        room = self._share.room(nodes)
        return room if self._most is None else min(room, self._most)

    def _wait_for(self, slot: Slot) -> None:
        """Trust no longer in a slot that does not come to stand: there may be no room for it any more."""
        now = time.monotonic()
        if any(other.leaving and other.node == slot.node for other in self):
            slot.since = now  # it stands when they have gone
        if now < slot.since + STANDING_SECONDS:
            return
        job, slot.trusted = slot.job, False
        if job is None:
            return
        slot.job = None
        if slot.share == self._share:
            self._give_back(job)
            self.replace(slot)
        else:  # others hold what was to become its larger share
            self.retire(slot)
            self._slots[-slot.places].take(replace(job, larger=False))  # the first in the queue of its node
