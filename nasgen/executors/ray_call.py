"""A function of ours on a node of a Ray cluster: for what the driver would do itself, had it a GPU."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from nasgen.errors import ExecutorError
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.worker import leave_with
from nasgen.plugins import MODULE_PREFIX

ATTEMPTS = 3
SECONDS_BETWEEN_REPORTS = 15.0


def call(
    cluster: Cluster, share: Share, function: Callable[..., Any], *arguments: Any, say: Callable[[str], None]
) -> Any:
    """What ``function(*arguments, say=...)`` returns on a node; the lines that it says come back while it runs.

    A node that is lost costs a new beginning, elsewhere.

    Raises
    ------
    ExecutorError
        If the node was lost ``ATTEMPTS`` times.
    Exception
        Whatever the function raises.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith(MODULE_PREFIX):  # a file of the user's own, which the node does not have
            ray.cloudpickle.register_pickle_by_value(module)
    errand: Any = ray.remote(_errand)
    errand = errand.options(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=0, num_returns="streaming")
    held = ray.put(arguments)
    for _ in range(ATTEMPTS):
        try:
            return _listen(errand.remote(function, held), cluster, share, say)
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except RayError as error:
            say(f"a node was lost with {function.__name__.strip('_')}, which begins anew: {type(error).__name__}")
    raise ExecutorError(f"{ATTEMPTS} nodes in a row were lost with {function.__name__.strip('_')}")


def _listen(stream: Any, cluster: Cluster, share: Share, say: Callable[[str], None]) -> Any:
    heard, said = False, time.monotonic()
    while True:
        ready, _ = ray.wait([stream], timeout=1.0)
        if ready:
            heard = True
            line, result = ray.get(next(stream))
            if line is None:
                return result
            say(line)
        elif not heard and time.monotonic() > said + SECONDS_BETWEEN_REPORTS:
            said = time.monotonic()
            say(f"waiting for room on the cluster: {cluster.shortage(share) or 'a node is about to begin'}")


def _errand(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Iterator[tuple[str | None, Any]]:
    """Yield the lines that the function says, and at last, with None for a line, what it returns."""
    leave_with(os.getppid())
    lines: queue.Queue[str | None] = queue.Queue()
    outcome: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(function(*arguments, say=lines.put))
        except BaseException as error:
            errors.append(error)
        finally:
            lines.put(None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while (line := lines.get()) is not None:
        yield line, None
    if errors:
        raise errors[0]
    yield None, outcome[0]
