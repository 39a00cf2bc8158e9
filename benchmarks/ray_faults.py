"""Faults in the middle of a search on a Ray cluster: what was lost, and the seconds until work went on.

    python benchmarks/ray_faults.py [--seed 0]

Two nodes with a CPU each, and a head that evaluates nothing, as processes on loopback addresses of this machine; the
nodes are those of the tests. A search by slow look-up is stopped in mid-evaluation, the fault is brought about, and the
search goes on. Of each fault: which evaluations were begun again (what ran there, and nothing else), whether an
attempt was charged, the seconds until what was lost was begun again, rows recorded twice, processes left two seconds
after the end, and whether the table is that of a search that nothing happened to. The rival is that quiet search.

Ray is told to notice silent nodes after some 6 seconds (health checks of .5 s, three of which may fail in 1.5 s each),
where it takes 65 with its defaults and 15 with those of deploy/.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "nasgen")]


import pytest  # noqa: E402 (after the path)
from contracts.landscape import write_table  # noqa: E402 (after the path)
from lookup_search import search, table_of  # noqa: E402 (after the path)
from ray_nodes import Nodes, Search, wait_until  # noqa: E402 (after the path)

import nasgen  # noqa: E402 (after the path)

ROWS, PAUSE = 24, 0.1
OPTIONS: dict[str, Any] = {"strategy": "regularized-evolution", "window": 4, "evaluations": ROWS}

Fault = Callable[[Nodes, Any], Callable[[], None]]
"""Brings a fault about on a node; returns what ends it, once work has gone on."""


def nothing() -> None:
    """Nothing is left to be undone."""


def worker_killed(nodes: Nodes, node: Any) -> Callable[[], None]:
    nodes.workers(node)[0].kill()
    return nothing


def actor_killed(nodes: Nodes, node: Any) -> Callable[[], None]:
    nodes.workers(node)[0].parent().kill()
    return nothing


def node_killed(nodes: Nodes, node: Any) -> Callable[[], None]:
    nodes.kill(node)
    return nothing


def raylet_killed(nodes: Nodes, node: Any) -> Callable[[], None]:
    nodes.kill_raylet(node)
    return nothing


def node_left(nodes: Nodes, node: Any) -> Callable[[], None]:
    nodes.leave(node)
    return nothing


def node_frozen(nodes: Nodes, node: Any) -> Callable[[], None]:
    frozen = nodes.freeze(node)
    nodes.all.remove(node)

    def wake() -> None:
        for process in frozen:
            if process.is_running():
                process.resume()

    return wake


FAULTS: dict[str, tuple[Fault, dict[str, Any]]] = {
    "worker killed (SIGKILL)": (worker_killed, {}),
    "actor killed (SIGKILL)": (actor_killed, {}),
    "node killed": (node_killed, {}),
    "raylet killed alone": (raylet_killed, {}),
    "node leaves in order": (node_left, {}),
    "node frozen": (node_frozen, {"deadline": 60.0}),
    "node frozen, deadline of 2 s": (node_frozen, {"deadline": 2.0}),
}


def one_fault(nodes: Nodes, slow: Search, fault: Fault, options: dict[str, Any]) -> float:
    """Seconds until what was lost has begun again."""
    result = slow.start(nodes.address, **options)
    slow.hold(after=5)
    victim = nodes.all[0]
    number = slow.wait_for(nodes, victim)
    undo = fault(nodes, victim)
    started = time.monotonic()
    slow.release()
    wait_until(lambda: len(slow.marked("begun")[number]) == 2, "what was lost has begun again")
    seconds = time.monotonic() - started
    undo()
    result.result(120)
    return seconds


def driver_killed(nodes: Nodes, slow: Search) -> float:
    """Seconds from the resume until what was lost has begun again."""
    driver = slow.start_command(nodes.address)
    slow.hold(after=5)
    number = slow.wait_for(nodes, nodes.all[0])
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not nodes.ours(), "actors and workers leave with their driver")
    slow.release()
    started = time.time()
    nasgen.resume(slow.folder / "run", executor="ray", ray_address=nodes.address)
    return max(mark.stat().st_mtime for mark in slow.marks.glob(f"begun-{number}-*")) - started


def report(name: str, slow: Search, seconds: float, quiet: list[dict[str, str]], nodes: Nodes) -> bool:
    """Print the row of one fault; whether nothing was wrong."""
    run = slow.folder / "run"
    begun_again = sum(len(pids) - 1 for pids in slow.marked("begun").values())
    with sqlite3.connect(f"file:{run}/store.sqlite?mode=ro", uri=True) as store:
        recorded = [number for (number,) in store.execute("SELECT number FROM results")]
        charged = store.execute("SELECT COUNT(*) FROM losses").fetchone()[0]
    twice = len(recorded) - len(set(recorded))
    time.sleep(2)
    left = len(nodes.ours())
    equal = table_of(run) == quiet
    print(
        f"{name:30} {begun_again:11} {charged:8} {seconds:8.1f} {twice:6} {left:5}  {'equal' if equal else 'DIFFERS'}",
        flush=True,
    )
    return equal and not twice and not left


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    options = {**OPTIONS, "seed": parser.parse_args().seed}
    print(f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Ray {version('ray')}; {ROWS} evaluations")
    print(f"{'fault':30} {'begun again':>11} {'charged':>8} {'seconds':>8} {'twice':>6} {'left':>5}  table")
    well = []
    with tempfile.TemporaryDirectory() as scratch, Nodes() as nodes:
        cells = Path(scratch) / "cells.csv"
        write_table(cells)
        search(Path(scratch) / "quiet", cells, **options)
        quiet = table_of(Path(scratch) / "quiet")
        rows = {**FAULTS, "driver killed (SIGKILL)": None}
        for number, (name, fault) in enumerate(rows.items()):
            while len(nodes.all) < 2:
                nodes.add()
            folder = Path(scratch) / str(number)
            folder.mkdir()
            with pytest.MonkeyPatch.context() as patch:
                slow = Search(cells, folder, patch, PAUSE, **options)
                seconds = one_fault(nodes, slow, *fault) if fault else driver_killed(nodes, slow)
                well.append(report(name, slow, seconds, quiet, nodes))
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
