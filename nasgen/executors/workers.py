"""Workers: where the evaluations of a search run, how many at once, and what each of them has of its machine."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from nasgen.errors import InputError
from nasgen.settings import Arguments

if TYPE_CHECKING:
    from nasgen.executors.ray_cluster import Cluster

LOCAL = "local"

There = Callable[..., Any]
"""Calls ``function(*arguments, say=...)``, here or on another machine."""


def here(function: Callable[..., Any], *arguments: Any, say: Callable[[str], None]) -> Any:
    """Call a function in this process."""
    return function(*arguments, say=say)


def where_the_gpus_are(cluster: Cluster | None, gpus: float) -> There:
    """What calls functions that train: on a node of the cluster where evaluations have GPUs and this machine none."""
    if cluster is None or not gpus or _gpus_here():
        return here
    from nasgen.executors.ray_call import call
    from nasgen.executors.ray_cluster import Share

    return partial(call, cluster, Share(1, max(1.0, gpus)))


@dataclass(frozen=True, slots=True)
class Workers:
    """Where evaluations run.

    Attributes
    ----------
    executor
        ``inline``, ``processes`` or ``ray``.
    number
        How many evaluate at once; on an ``elastic`` cluster those there is room for now.
    ray_address
        Of the cluster, ``local`` for one of our own; None without Ray.
    cpus, gpus
        What each has of its machine.
    elastic
        Whether they come and go with the nodes of the cluster.
    """

    executor: Literal["inline", "processes", "ray"]
    number: int
    ray_address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    elastic: bool = False

    @classmethod
    def of(cls, arguments: Arguments, cluster: Cluster | None) -> Workers:
        """What the user said, and for the rest what the machine or the cluster has.

        Raises
        ------
        InputError
            If no node of the cluster has what an evaluation asks for.
        """
        cpus = arguments.cpus_per_evaluation or float(arguments.threads)
        executor = executor_for(arguments)
        if executor == "inline":
            return cls("inline", 1, cpus=cpus)
        if executor == "processes":
            return cls("processes", arguments.workers or _on_this_machine(arguments), cpus=cpus)
        from nasgen.executors.ray_cluster import Share

        if cluster is None:
            raise InputError("evaluations on Ray need a connection to a cluster, found none")
        gpus = arguments.gpus_per_evaluation
        if gpus is None:
            gpus = _gpus_each(cluster)
        share = Share(cpus, gpus)
        cluster.check(share)
        number = arguments.workers or max(1, share.room(cluster.nodes()))
        return cls("ray", number, cluster.address, cpus, gpus, elastic=arguments.workers is None)

    def settings(self) -> dict[str, Any]:
        """The settings of these names."""
        values = asdict(self)
        values["workers"] = values.pop("number")
        values["cpus_per_evaluation"], values["gpus_per_evaluation"] = values.pop("cpus"), values.pop("gpus")
        return values


def executor_for(arguments: Arguments) -> Literal["inline", "processes", "ray"]:
    """Look-ups take microseconds and cannot fail: in this process; trainings in workers, on several GPUs by Ray."""
    if arguments.executor != "auto":
        return arguments.executor
    if _address(arguments) is not None:
        return "ray"
    if arguments.table is not None:
        return "inline" if arguments.workers in (None, 1) else "processes"
    return "ray" if _gpus_here() > 1 else "processes"


@contextmanager
def connected(arguments: Arguments) -> Iterator[Cluster | None]:
    """The connection to Ray while the context lasts; None where the evaluations run elsewhere.

    Raises
    ------
    InputError
        If there is no cluster, or it does not let us in.
    """
    if executor_for(arguments) != "ray":
        yield None
        return
    from nasgen.executors.ray_cluster import Cluster
    from nasgen.training.numerics import cores

    cpus = arguments.cpus_per_evaluation or float(arguments.threads)
    # a cluster of our own counts as many CPUs as the user wants workers, as worker processes would share the cores
    logical = max(cores(), math.ceil(cpus * (arguments.workers or 1)))
    with Cluster(_address(arguments) or LOCAL, cpus=logical) as cluster:
        yield cluster


def _address(arguments: Arguments) -> str | None:
    """Of the cluster that the user names, be it by Ray's own variable."""
    return arguments.ray_address or os.environ.get("RAY_ADDRESS") or None


def _on_this_machine(arguments: Arguments) -> int:
    """As many as the cores, or the memory of a GPU, share out to the threads of an evaluation."""
    from nasgen.training.numerics import most_trainings_at_once

    if arguments.table is not None:
        return 1
    if arguments.gpus_per_evaluation:
        return max(1, int(_gpus_here() / arguments.gpus_per_evaluation))
    return max(1, most_trainings_at_once() // arguments.threads)


def _gpus_here() -> int:
    import torch

    return torch.cuda.device_count()


def _gpus_each(cluster: Cluster) -> float:
    """A GPU an evaluation, where the cluster has some; on this machine as large a part as one needs."""
    if not any(node.get("GPU") for node in cluster.nodes().values()):
        return 0.0
    if cluster.address != LOCAL:
        return 1.0
    from nasgen.training.numerics import most_trainings_at_once

    return 1 / max(1, most_trainings_at_once() // max(1, _gpus_here()))
