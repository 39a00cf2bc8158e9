"""``nasgen serve``: bind, load, answer until a signal says stop."""

from __future__ import annotations

import gc
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from nasgen.errors import InputError
from nasgen.results.querying import open_source
from nasgen.serving.app import build_app, health_of
from nasgen.serving.batching import Batcher
from nasgen.serving.bodies import App
from nasgen.serving.predicting import Predictor

WAITING = 10
"""Work may wait that comes to so many of the largest requests: about two seconds of it."""

GRACE_SECONDS = 10
"""For answers under way when a signal says stop."""


def serve(
    path: str,
    *,
    host: str,
    port: int,
    max_body: int,
    max_batch: int,
    say: Callable[[str], None],
    coalesce: bool = True,
) -> None:
    """Answer queries until SIGTERM, or a KeyboardInterrupt on Ctrl-C; answers under way are finished first.

    Parameters
    ----------
    path
        Folder of a saved surrogate or of a run.
    host, port
        Where to listen; port 0 is any that is free.
    max_body, max_batch
        Bytes of a body, and genotypes in it, at most.
    say
        Told in one line what is served and where, and what goes wrong.
    coalesce
        False: a prediction for each request alone (``benchmarks/serving.py``).

    Raises
    ------
    InputError
        If nothing can listen there, or the source cannot answer.
    """
    with _bound(host, port) as listener:  # before the surrogate is loaded, which takes seconds
        bound_host, bound_port = listener.getsockname()[:2]
        address = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
        source = open_source(path)
        health = health_of(source)
        if not ipaddress.ip_address(bound_host.partition("%")[0]).is_loopback:
            say(f"nasgen: warning: {host} can be reached from elsewhere and nothing asks who: put a proxy before it")
        with Batcher(Predictor(source, say), WAITING * max_batch, coalesce) as batcher:
            app = build_app(source, batcher, address, max_body, max_batch, say)
            server = Server(app)
            space = f" of the space {health.space}" if health.space else ""
            server.ready = lambda: say(
                f"nasgen: serving {path} ({health.model}, {health.rows:,} rows{space}) at {address}; "
                f"docs at {address}/docs; Ctrl-C stops it"
            )
            with _frozen():
                server.run([listener])
    if server.stopped_by == signal.SIGINT:
        raise KeyboardInterrupt


class Server(uvicorn.Server):
    """uvicorn's server, which remembers what stopped it rather than raising the signal again.

    Attributes
    ----------
    ready
        Called once it listens.
    stopped_by
        The first signal that came; None if none did.
    """

    def __init__(self, app: App) -> None:
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # not a line for every malformed request
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)
        self.ready: Callable[[], object] = lambda: None
        self.stopped_by: int | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop taking requests; a second Ctrl-C stops at once."""
        self.stopped_by = self.stopped_by or sig
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals meanwhile; whoever called decides what they mean for the exit code."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


@contextmanager
def _frozen() -> Iterator[None]:
    """Take what is there out of the garbage collector's rounds.

    They stop all threads for as long as it takes to walk through the libraries: with 64 connections the 99 % quantile
    of the times fell from 200 ms to 65.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _bound(host: str, port: int) -> socket.socket:
    """A socket with an address, which nobody else can take from now on; InputError if there is no such address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise InputError(f"expected a host to listen at, found {host!r}: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise InputError(f"cannot listen at {host}, port {port}: {error.strerror}; choose another --port") from error
    return listener
