"""A real server on a free port of the loopback, in a thread of this process, and a client that asks it."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasgen.results.querying import open_source
from nasgen.serving.app import build_app
from nasgen.serving.batching import Batcher
from nasgen.serving.predicting import Predictor
from nasgen.serving.server import Server
from predictors import Surrogate
from search_spaces import get_space

SECONDS = 20.0
MAX_BODY, MAX_BATCH = 1 << 20, 300

SMALL = get_space("cnn", input_shape=(1, 8, 8), depth=(2, 4))
GENOTYPES = [SMALL.sample(np.random.default_rng(seed)) for seed in range(40)]
TEXTS = [SMALL.encode(genotype) for genotype in GENOTYPES]


def save(folder: Path, model: str) -> Path:
    """A surrogate of 40 small networks."""
    graphs = [SMALL.to_graph(genotype) for genotype in GENOTYPES]
    surrogate = Surrogate(model).fit(graphs, [np.log(graph.info["macs"]) for graph in graphs])
    surrogate.save(folder, space=SMALL)
    return folder


class Got(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Client(NamedTuple):
    port: int
    said: list[str]
    batcher: Batcher

    def get(self, path: str, method: str = "GET") -> Got:
        return self._ask(method, path, None, {})

    def post(self, body: Any, headers: dict[str, str] | None = None) -> Got:
        """What /predict answers to some bytes, to chunks of them, or to values as JSON."""
        raw = body if isinstance(body, bytes) or hasattr(body, "__next__") else json.dumps(body).encode()
        return self._ask("POST", "/predict", raw, headers or {})

    def fitness(self, text: str) -> float:
        return float(self.post({"genotype": text}).json["fitness"])

    def refused(self, body: Any, status: int, message: str = "", headers: dict[str, str] | None = None) -> None:
        """One line of JSON, and nothing of this machine in it."""
        got = self.post(body, headers)
        assert got.status == status, got
        assert set(got.json) == {"error"}
        assert len(got.json["error"].splitlines()) == 1
        assert len(got.json["error"]) < 600
        assert message in got.json["error"]
        assert not re.search(r"Traceback|\.py|File \"|/tmp|/home|/root", got.text)

    def raw(self, sent: bytes) -> bytes:
        """What comes back for bytes as they are, until the server closes or falls silent.

        Few, which the server reads at once: a connection that it closes with something unread may lose the answer.
        """
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as connection:
            connection.sendall(sent)
            connection.settimeout(1.0)
            got = b""
            try:
                while part := connection.recv(65536):
                    got += part
            except TimeoutError:
                pass
            return got

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Got:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, headers, encode_chunked=hasattr(body, "__next__"))
            response = connection.getresponse()
            return Got(response.status, response.read().decode(), {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()


@contextmanager
def served(folder: Path, waiting: int = 10_000) -> Iterator[Client]:
    """A server of a folder, stopped afterwards."""
    source, said, ready = open_source(str(folder)), list[str](), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with Batcher(Predictor(source, said.append), waiting) as batcher:
        server = Server(build_app(source, batcher, f"http://127.0.0.1:{port}", MAX_BODY, MAX_BATCH, said.append))
        server.ready = ready.set
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert ready.wait(SECONDS)
            yield Client(port, said, batcher)
        finally:
            server.should_exit = True
            thread.join(SECONDS)
            assert not thread.is_alive()
