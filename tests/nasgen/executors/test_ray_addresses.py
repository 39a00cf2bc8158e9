"""An address where no cluster answers, or one that does not let us in: one line that says what to do, in seconds."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from lookup_search import Said, search_command
from ray_nodes import Nodes

from nasgen.errors import InputError
from nasgen.executors.ray_cluster import Cluster, Share

HOST = "127.0.1.250"

MOST_SECONDS = 40
"""Each takes up to ten, and all are run at once."""

CASES = {
    "somebody else listens": "expected the head of a Ray cluster .* found somebody else",
    "another token": "RAY_AUTH_TOKEN",
    "no token": "RAY_AUTH_TOKEN",
}

pytestmark = [pytest.mark.ray, pytest.mark.timeout(120)]


class Command:
    """A command that has begun, and the folder where its run would be."""

    def __init__(self, words: list[str], environment: dict[str, str], out: Path) -> None:
        self.out = out
        self.process = subprocess.Popen(
            words, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def wait(self) -> Said:
        try:
            out, err = self.process.communicate(timeout=MOST_SECONDS)
        finally:
            self.process.kill()
        return Said(self.process.returncode, out, err)


@pytest.fixture
def deaf() -> Iterator[str]:
    """Where somebody listens who never says a word."""
    with socket.create_server((HOST, 0)) as listener:
        yield address_of(listener)


@pytest.fixture
def closed() -> Iterator[str]:
    """Where nobody listens."""
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        yield address_of(nobody)


def address_of(socket: socket.socket) -> str:
    host, port = socket.getsockname()
    return f"{host}:{port}"


def test_a_search_ends_with_one_line(cell_table: Path, tmp_path: Path, deaf: str) -> None:
    def begin(case: str, address: str, **environment: str) -> Command:
        out = tmp_path / case
        words = search_command(out, cell_table, "--executor", "ray", "--ray-address", address)
        return Command(words, environment, out)

    with Nodes() as nodes:
        commands = {
            "somebody else listens": begin("somebody else listens", deaf),
            "another token": begin(
                "another token", nodes.address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32)
            ),
            "no token": begin("no token", nodes.address, RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN=""),
        }
        said = {case: command.wait() for case, command in commands.items()}
    for case, (code, out, err) in said.items():
        assert code == 2, case
        assert out == "", case
        (line,) = [line for line in err.splitlines() if line.startswith("nasgen:")]
        assert re.search(f"--ray-address .*{CASES[case]}", line), line
        assert not commands[case].out.exists(), case


def test_nobody_listens(closed: str) -> None:
    with pytest.raises(InputError, match=f"--ray-address {closed}: expected the head .* found nobody who answers"):
        Cluster(closed)


def test_a_web_server_listens() -> None:
    with ThreadingHTTPServer((HOST, 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(InputError, match="found somebody else"):
            Cluster(address_of(server.socket))
        server.shutdown()


@pytest.mark.parametrize("stale", [True, False])
def test_no_cluster_runs_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str, stale: bool) -> None:
    from ray._private import services

    monkeypatch.setattr(services, "find_gcs_addresses", set)  # whatever else this machine does
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if stale:
        (tmp_path / "ray").mkdir()
        (tmp_path / "ray" / "ray_current_cluster").write_text(closed)
    message = f"auto, {closed} here: expected the head .* nobody" if stale else "auto: no cluster runs on this machine"
    with pytest.raises(InputError, match=message):
        Cluster("auto")


@pytest.mark.parametrize("address", ["somewhere", "host:port", ":6379", "ray://127.0.1.250"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InputError, match="must be HOST:PORT, auto or local"):
        Cluster(address)


IMPORTED_BEFORE = """
import ray
from nasgen.executors.ray_cluster import Cluster

with Cluster("local", cpus=1) as cluster:
    print(len(cluster.nodes()))
"""


def test_a_cluster_of_our_own_where_ray_was_imported_before_us() -> None:
    """Ray reads its environment as it is imported, and with it the token."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    words = [sys.executable, "-c", IMPORTED_BEFORE]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    assert ended.stdout == "1\n", ended.stderr


@pytest.mark.parametrize(
    ("share", "machine", "larger"),
    [
        (Share(1, 0), {"CPU": 8.0}, Share(2, 0)),
        (Share(1, 0), {"CPU": 1.0}, Share(1, 0)),
        (Share(2, 0), {"CPU": 3.0}, Share(3, 0)),
        (Share(1, 0.5), {"CPU": 8.0, "GPU": 1.0}, Share(2, 1)),
        (Share(1, 0.25), {"CPU": 8.0, "GPU": 4.0}, Share(2, 0.5)),
        (Share(1, 0.6), {"CPU": 8.0, "GPU": 4.0}, Share(2, 1)),
        (Share(1, 1), {"CPU": 8.0, "GPU": 4.0}, Share(2, 2)),
        (Share(1, 2), {"CPU": 8.0, "GPU": 3.0}, Share(2, 3)),
        (Share(1, 0), {}, Share(1, 0)),
    ],
)
def test_a_larger_share_is_one_that_ray_can_give(share: Share, machine: dict[str, float], larger: Share) -> None:
    """Of more GPUs than one it gives whole ones."""
    assert share.times(2, machine) == larger
