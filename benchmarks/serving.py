"""Serving: requests a second and their times over 64 connections, beside one prediction a request; and what is refused.

    python benchmarks/serving.py [--connections 64] [--seconds 8]

The server is that of `nasgen serve`, a process of its own on the loopback, with a surrogate of the digits trainings
beside this file. This process sends queries over kept-alive connections, one after another on each, as fast as they
are answered: single genotypes, and lists of 100. The rival, in the same run, is the same server with coalescing off: a
prediction for each request alone. Both run twice, in turns. Bounded by seconds and by 30,000 requests a measurement.

Wanted: all answers 200, single queries at least three times as fast as the rival's, and every malformed or oversized
body refused with 4xx. Exits 1 otherwise. Client and servers share the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd

from predictors import Surrogate
from search_spaces import get_space

TABLE = Path(__file__).with_name("digits_trainings.parquet")
MOST_REQUESTS = 30_000
BATCH = 100
MAX_BODY = 1 << 20
VERSIONS = ("fastapi", "uvicorn", "numpy", "scikit-learn", "xgboost")

COMMAND = [sys.executable, "-m", "nasgen", "serve", "--port", "0"]
RIVAL = [
    sys.executable,
    "-c",
    "import sys; from nasgen.serving.server import serve; serve(sys.argv[1], host='127.0.0.1', port=0, "
    "max_body=2**20, max_batch=1000, coalesce=False, say=lambda line: print(line, file=sys.stderr, flush=True))",
]


@contextmanager
def server(command: list[str], folder: Path) -> Iterator[int]:
    """A server as a process of its own; its port."""
    process = subprocess.Popen([*command, str(folder)], stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        yield int(line.split(" at http://127.0.0.1:")[1].split(";")[0])
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
        if process.returncode or said:
            sys.exit(f"the server ended with {process.returncode}: {said}")


def request(body: bytes) -> bytes:
    return b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next response."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)


async def load(
    port: int, queries: list[bytes], connections: int, seconds: float
) -> tuple[list[float], float, Counter[int]]:
    """Seconds of each request, of all of them together, and how many had which status."""
    times, statuses = list[float](), Counter[int]()
    turn = cycle(queries)
    start = time.perf_counter()

    async def one_after_another() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - start < seconds and len(times) < MOST_REQUESTS:
            began = time.perf_counter()
            writer.write(next(turn))
            status, _ = await answer(reader)
            times.append(time.perf_counter() - began)
            statuses[status] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one_after_another() for _ in range(connections)))
    return times, time.perf_counter() - start, statuses


async def refused(port: int, bodies: list[bytes], chunked: bool) -> Counter[int]:
    """How many bodies had which status, each on a connection of its own; 0 for no answer."""
    statuses = Counter[int]()
    for body in bodies:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks = head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n" if body else head + b"0\r\n\r\n"
        try:
            writer.write(chunks if chunked else request(body))
            status, said = await asyncio.wait_for(answer(reader), 30)
            reason = json.loads(said)
            good = set(reason) == {"error"} and len(reason["error"].splitlines()) == 1
            statuses[status if good else -status] += 1
        except (OSError, EOFError, TimeoutError, ValueError):
            statuses[0] += 1
        writer.close()
    return statuses


def malformed(texts: list[str], rng: np.random.Generator, n: int) -> list[bytes]:
    """Bodies that ask for nothing: bytes, JSON of other forms, genotypes that are none, cut short and nested deep."""
    good = json.dumps({"genotype": texts[0]}).encode()
    kinds = (
        lambda: rng.bytes(int(rng.integers(200))),
        lambda: good[: rng.integers(len(good))],
        lambda: b"[" * int(rng.integers(1, 500_000)),
        lambda: b'{"genotype": ' * int(rng.integers(1, 50_000)),
        lambda: json.dumps({"genotype": texts[0][: rng.integers(len(texts[0]))]}).encode(),
        lambda: json.dumps({"genotype": texts[0].replace("0", str(rng.integers(100, 10**9)))}).encode(),
        lambda: json.dumps({"genotype": [None, 7, [], {}, True][rng.integers(5)]}).encode(),
        lambda: json.dumps({"genotypes": [texts[0], int(rng.integers(9))]}).encode(),
        lambda: json.dumps({"genotypes": ["?"] * int(rng.integers(1001, 5000))}).encode(),
        lambda: b'{"genotype": [NaN, Infinity]}',
        lambda: good.replace(b"input", b"\xff\xfe"),
        lambda: json.dumps({"genotype": texts[0], "genotypes": []}).encode(),
    )
    return [kinds[number % len(kinds)]() for number in range(n)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=8.0)
    args = parser.parse_args()
    space = get_space("cnn", input_shape=(1, 8, 8))
    rows = pd.read_parquet(TABLE).query("repeat == 0 and failure.isna()")
    surrogate = Surrogate().fit([space.to_graph(space.decode(text)) for text in rows.genotype], rows.fitness)
    rng = np.random.default_rng(0)
    texts = [space.encode(space.sample(rng)) for _ in range(2000)]
    lists = rng.permutation(len(texts)).reshape(-1, BATCH)
    queries = {
        "single queries": [request(json.dumps({"genotype": text}).encode()) for text in texts],
        f"lists of {BATCH}": [request(json.dumps({"genotypes": [texts[i] for i in row]}).encode()) for row in lists],
    }
    print(
        f"{__doc__.splitlines()[0]}\n{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        end="",
    )
    print("".join(f", {name} {version(name)}" for name in VERSIONS))
    print(f"auto ({' and '.join(surrogate.choice_.candidate.members)}) of {len(rows)} digits trainings; ", end="")
    print(f"{args.connections} connections, {args.seconds:g} s each, two rounds in turns", flush=True)
    rates: dict[tuple[str, str], list[float]] = {}
    unwanted = 0
    with tempfile.TemporaryDirectory() as folder:
        surrogate.save(Path(folder) / "saved", space=space)
        for _ in range(2):
            for name, command in (("coalesced", COMMAND), ("one prediction a request", RIVAL)):
                with server(command, Path(folder) / "saved") as port:
                    for kind, some in queries.items():
                        asyncio.run(load(port, some, args.connections, 0.5))  # warm up
                        times, took, statuses = asyncio.run(load(port, some, args.connections, args.seconds))
                        p50, p99 = 1e3 * np.quantile(times, [0.5, 0.99])
                        rates.setdefault((kind, name), []).append(len(times) / took)
                        unwanted += len(times) - statuses[200]
                        print(
                            f"{kind:15} {name:25} {len(times) / took:7.0f} a second  p50 {p50:6.1f} ms  "
                            f"p99 {p99:6.1f} ms  n = {len(times):,}, {len(times) - statuses[200]} not 200",
                            flush=True,
                        )
        with server(COMMAND, Path(folder) / "saved") as port:
            sizes = rng.integers(MAX_BODY + 1, 7 * MAX_BODY, size=40).tolist()
            for kind, bodies in (
                ("malformed", malformed(texts, rng, 1200)),
                ("oversized", [b'{"genotype": "' + b"x" * (size - 14) for size in sizes]),
            ):
                for chunked in (False, True):
                    statuses = asyncio.run(refused(port, bodies, chunked))
                    wrong = sum(count for status, count in statuses.items() if not 400 <= status < 500)
                    unwanted += wrong
                    counts = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
                    print(f"{kind} bodies{', in chunks' if chunked else ''}: {counts}; {wrong} of anything else")
            (status, _) = asyncio.run(load(port, queries["single queries"][:1], 1, 0.2))[2].most_common(1)[0]
            print(f"and then a query is answered {status}")
    gains = {kind: min(rates[kind, "coalesced"]) / max(rates[kind, "one prediction a request"]) for kind in queries}
    for kind, gain in gains.items():
        print(f"{kind}: {gain:.2f} times the rival's rate, the worse round beside its better one")
    if unwanted or gains["single queries"] < 3:
        sys.exit(1)


if __name__ == "__main__":
    main()
