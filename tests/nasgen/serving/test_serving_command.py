"""`nasgen serve` as a command: it starts, answers, stops on signals, and says in one line what is wrong."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts.landscape import SPACE
from lookup_search import Say, command
from processes import assert_gone

from predictors import Surrogate


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command") / "saved"
    cells = list(SPACE.genotypes())[:40]
    graphs = [SPACE.to_graph(cell) for cell in cells]
    Surrogate("bayesian-ridge").fit(graphs, range(40)).save(folder, space=SPACE)
    return folder


TEXT = SPACE.encode(next(iter(SPACE.genotypes())))


@contextmanager
def started(saved: Path, *words: Any) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The command, the first thing it says, and its address; killed in the end if it still runs."""
    process = subprocess.Popen(
        command("serve", saved, "--port", 0, *words), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r" at (http://\S+);", line)
        assert found, line + process.stderr.read()
        yield process, line, found[1]
    finally:
        process.kill()
        process.communicate()


def ask(address: str, values: Any) -> Any:
    request = urllib.request.Request(f"{address}/predict", json.dumps(values).encode())
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.loads(response.read())


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_serves_until_a_signal_and_leaves_nothing(saved: Path, sent: signal.Signals, code: int) -> None:
    with started(saved) as (process, line, address):
        assert re.fullmatch(
            rf"nasgen: serving {saved} \(bayesian-ridge, 40 rows of the space nasbench201\) "
            rf"at http://127\.0\.0\.1:\d+; docs at {address}/docs; Ctrl-C stops it\n",
            line,
        )
        assert ask(address, {"genotype": TEXT})["genotype"] == TEXT
        everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(sent)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (code, "")
        assert err == ""
        assert_gone(everyone)
        with pytest.raises(OSError, match="refused"):
            ask(address, {"genotype": TEXT})


def test_answers_under_way_are_finished_first(saved: Path) -> None:
    with started(saved) as (process, _, address):
        host, port = address.removeprefix("http://").split(":")
        body = json.dumps({"genotypes": [TEXT] * 1000}).encode()
        with socket.create_connection((host, int(port)), 20) as connection:
            connection.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1]
            )
            time.sleep(0.2)  # it is being read
            process.send_signal(signal.SIGTERM)
            threading.Timer(0.3, connection.sendall, [body[-1:]]).start()
            with connection.makefile("rb") as answer:
                said = answer.read()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert len(json.loads(said.partition(b"\r\n\r\n")[2])["answers"]) == 1000
        assert process.wait(20) == 0


def test_a_host_that_others_can_reach_is_warned_of_in_one_line(saved: Path) -> None:
    with started_with_warning(saved, "0.0.0.0") as (warning, _):
        assert warning == (
            "nasgen: warning: 0.0.0.0 can be reached from elsewhere and nothing asks who: put a proxy before it\n"
        )


@contextmanager
def started_with_warning(saved: Path, host: str) -> Iterator[tuple[str, str]]:
    process = subprocess.Popen(
        command("serve", saved, "--port", 0, "--host", host), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        yield process.stderr.readline(), process.stderr.readline()
    finally:
        process.kill()
        process.communicate()


def test_what_cannot_be_served_is_said_in_one_line(say: Say, saved: Path, tmp_path: Path) -> None:
    def refused(*words: Any) -> str:
        said = say("serve", *words)
        assert (said.code, said.out) == (2, "")
        (line,) = said.err.splitlines()
        return line

    assert "expected the folder of a run or of a saved surrogate" in refused(tmp_path / "gone", "--port", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(saved, "--port", port) == (
            f"nasgen: cannot listen at 127.0.0.1, port {port}: Address already in use; choose another --port"
        )
    assert "less than or equal to 65535" in refused(saved, "--port", 65536)
    assert "greater than or equal to 0" in refused(saved, "--port", -1)
    assert "expected a host to listen at, found 'no.such.host.invalid'" in refused(
        saved, "--host", "no.such.host.invalid"
    )
    assert "expected a host to listen at" in refused(saved, "--host", "x" * 300)
    assert "cannot listen at 192.0.2.1" in refused(saved, "--host", "192.0.2.1", "--port", 0)
    assert "greater than or equal to 1" in refused(saved, "--max-body", 0)
    assert "greater than or equal to 1" in refused(saved, "--max-batch", 0)
