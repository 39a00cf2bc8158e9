"""The connection to a Ray cluster: made with one line of blame where it fails, and what the cluster has room for."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from nasgen.errors import InputError

logger = logging.getLogger(__name__)

LOCAL = "local"
OWN_HOST = "127.0.0.2" if sys.platform == "linux" else None
"""Where a cluster of our own listens: nobody outside reaches it there. Ray takes 127.0.0.1 for another address."""

CONNECT_SECONDS = 5.0
CONNECT_TRIES = "6"
"""Of Ray, a second each, to be let in by a cluster that answers; 20 otherwise."""

SETTINGS_FRAME = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The first of an HTTP/2 connection: of no length, and of type 4."""

TOKEN_ADVICE = (
    "set RAY_AUTH_MODE=token and the same RAY_AUTH_TOKEN here and on every node, or RAY_AUTH_MODE=disabled on all"
)


@dataclass(frozen=True, slots=True)
class Share:
    """What one evaluation asks of a machine: CPUs, and GPUs, of which several may share one."""

    cpus: float
    gpus: float

    def __str__(self) -> str:
        return _amounts({"CPU": self.cpus, "GPU": self.gpus})

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many of it fit into resources at once."""
        needs = {"CPU": self.cpus, "GPU": self.gpus}
        # as Ray counts: in ten thousandths
        fitting = [
            int(round(resources.get(name, 0.0) * 1e4) // round(need * 1e4)) for name, need in needs.items() if need
        ]
        return min(fitting, default=0)

    def room(self, nodes: Mapping[str, Mapping[str, float]]) -> int:
        """How many of it nodes have room for, by their ids and resources."""
        return sum(self.fits(resources) for resources in nodes.values())

    def times(self, factor: float, most: Mapping[str, float]) -> Share:
        """So many times as much of each, but no more than a machine has; of several GPUs, Ray gives whole ones."""
        cpus = min(self.cpus * factor, max(self.cpus, most.get("CPU", 0.0)))
        gpus = min(self.gpus * factor, max(self.gpus, most.get("GPU", 0.0)))
        return Share(cpus, gpus if gpus < 1 else float(int(gpus)))


class Cluster:
    """A connection to a cluster, or to one of our own on this machine; a context manager.

    Where this process is connected already, that connection is used, and left as it was.

    Parameters
    ----------
    address
        ``HOST:PORT`` of the head's GCS, ``auto`` for the cluster that runs on this machine, or ``local`` for one that
        starts and ends with this connection.
    cpus, gpus
        Of a local cluster; None for what the machine has.

    Raises
    ------
    InputError
        If nothing answers at the address, or the cluster does not let us in.
    """

    def __init__(self, address: str = LOCAL, *, cpus: int | None = None, gpus: int | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads its environment when it is imported
        if address == LOCAL:
            lock_others_out()
        else:
            os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", CONNECT_TRIES)
        import ray

        self.address = address
        self._worker = cast(Any, ray._private.worker)
        self._print = self._worker.print_to_stdstream
        self._ours = not ray.is_initialized()
        if not self._ours:
            return
        if address != LOCAL:
            _knock(address)
        own: dict[str, Any] = {}
        if address == LOCAL:
            own = {"num_cpus": cpus, "num_gpus": gpus, "include_dashboard": False, "_node_ip_address": OWN_HOST}
        terminate = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, namespace="nasgen", **own)
        except Exception as error:
            raise InputError(f"--ray-address {address}: {_reason(error)}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, terminate)  # Ray's own handler exits in the midst of whatever happens
        self._worker.print_to_stdstream = _note  # a node's end would print 40 lines of its log into the search's own

    def nodes(self) -> dict[str, dict[str, float]]:
        """Resources of the nodes that are alive, by their ids."""
        import ray

        return {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}

    def check(self, share: Share) -> None:
        """Refuse a share that no node could ever give.

        Raises
        ------
        InputError
            Saying what is asked for, and what the largest node has.
        """
        nodes = self.nodes()
        if share.room(nodes):
            return
        largest = {name: max((node.get(name, 0.0) for node in nodes.values()), default=0.0) for name in ("CPU", "GPU")}
        raise InputError(
            f"an evaluation asks for {share}, and none of {len(nodes)} nodes has as much (at most "
            f"{_amounts(largest)}): lower --cpus-per-evaluation or --gpus-per-evaluation, or add a node"
        )

    def shortage(self, share: Share) -> str | None:
        """What is taken by others, where a share cannot be had now although a node is large enough; None if it can."""
        import ray

        if share.room(ray._private.state.available_resources_per_node()):
            return None
        total, free = ray.cluster_resources(), ray.available_resources()
        counts = [
            f"{free.get(name, 0.0):g} of {total.get(name, 0.0):g} {name}s are free"
            for name, need in (("CPU", share.cpus), ("GPU", share.gpus))
            if need
        ]
        pieces = ", in pieces on several nodes" if share.fits(free) else ""
        return f"an evaluation asks for {share}, and {' and '.join(counts)}{pieces}: others hold the rest"

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        import ray

        if self._ours and ray.is_initialized():
            ray.shutdown()
            self._worker.print_to_stdstream = self._print
        self._ours = False

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _note(message: Mapping[str, Any], **_: Any) -> None:
    """Log the beginning of what Ray has to say; of every fault the executor says in a line what it means here."""
    logger.info("Ray: %s", " ".join(str(message["lines"][0]).split())[:300])


def lock_others_out() -> None:
    """Give a cluster of our own a secret of its own: whoever reaches its ports could run code here.

    It stays in this process and its children. Ray would write one to the user's home otherwise, which turns
    authentication on for clusters that the user starts later.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if "ray" in sys.modules:  # which has read its environment then
        import ray

        # as Ray itself does where it turns authentication on; its stubs leave the class out
        ray._raylet.Config.initialize("")  # type: ignore[attr-defined]


def _knock(address: str) -> None:
    """See that a cluster listens: Ray itself tries for a minute or more, and then does not say where."""
    import ray

    where = f"--ray-address {address}"
    if address == "auto":
        try:
            address = str(ray._private.services.canonicalize_bootstrap_address("auto"))
        except ConnectionError as error:
            message = "no cluster runs on this machine: start one with `ray start --head`, or give HOST:PORT"
            raise InputError(f"{where}: {message}") from error
        where += f", {address} here"
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InputError(f"--ray-address must be HOST:PORT, auto or local, found {address!r}")
    host = host.strip("[]")
    if host in ("localhost", "127.0.0.1", "::1"):  # by which Ray means this machine's address in its network
        host = ray.util.get_node_ip_address()
    expected = f"{where}: expected the head of a Ray cluster (as `ray start --head` prints it)"
    try:
        with socket.create_connection((host, int(port)), CONNECT_SECONDS) as connection:
            if not _speaks_grpc(connection):
                raise InputError(f"{expected}, found somebody else, or a head that does not answer")
    except (OSError, OverflowError) as error:
        raise InputError(f"{expected}, found nobody who answers: {error}; start one, or name another") from error


def _speaks_grpc(connection: socket.socket) -> bool:
    """Whether the other side greets as HTTP/2 does (RFC 9113, section 3.4): with a frame of settings."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):  # it waits for another greeting first
        return True
    connection.settimeout(CONNECT_SECONDS)
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS_FRAME)
    greeting = b""
    with suppress(OSError):
        while len(greeting) < len(SETTINGS_FRAME) and (more := connection.recv(len(SETTINGS_FRAME))):
            greeting += more
    return greeting[3:4] == SETTINGS_FRAME[3:4]


def _reason(error: Exception) -> str:
    """Why Ray did not connect, in one line; it tells little of tokens."""
    import ray

    text = " ".join(str(error).split())
    if isinstance(error, ray.exceptions.AuthenticationError) or "token" in text.lower():
        return f"the cluster does not accept this machine's token: {TOKEN_ADVICE} ({text[:200]})"
    return f"cannot connect: {text[:300]}; if the cluster asks for a token, {TOKEN_ADVICE}"


def _amounts(resources: Mapping[str, float]) -> str:
    """``1 CPU and 0.5 GPUs``; what is none is left out."""
    parts = [f"{value:g} {name}{'' if value == 1 else 's'}" for name, value in resources.items() if value]
    return " and ".join(parts) or "nothing"
