"""Nodes of a Ray cluster as process trees on loopback addresses, to be killed, frozen and brought back one by one."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from lookup_search import search

from nasgen.executors import Executor
from nasgen.executors.ray_cluster import Cluster, lock_others_out
from nasgen.results.result import SearchResult
from nasgen.results.summary import open_store
from nasgen.settings import Settings

PATIENCE = 60.0
"""Seconds within which whatever is waited for has happened, however busy the machine is."""

GONE_SECONDS = 2.0
"""Seconds within which nothing of ours may be left."""

QUICK_DETECTION: Mapping[str, Any] = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1500,
    "health_check_failure_threshold": 3,
}
"""Of a node that falls silent: after 6 s, where Ray takes half a minute otherwise."""

SLOW_LOOKUP = Path(__file__).with_name("slow_lookup.py")

MARK = "NASGEN_TEST"
"""The variable by which worker processes of these tests are known from others on the machine."""

HEAD = "127.0.1.1"
_addresses = (f"127.0.1.{number}" for number in itertools.count(2))  # nobody's address is used twice


class Nodes:
    """A head that evaluates nothing, and nodes that come and go; a context manager.

    Attributes
    ----------
    address
        Of the cluster.
    all
        The nodes that are there, but for the head.
    """

    def __init__(self, **system: Any) -> None:
        lock_others_out()
        from ray.cluster_utils import Cluster as RayNodes

        os.environ.setdefault(MARK, secrets.token_hex(8))
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        self._nodes = RayNodes(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "node_ip_address": HEAD,
                "include_dashboard": False,
                "_system_config": {**QUICK_DETECTION, **system},
            },
        )
        self.address: str = self._nodes.address
        self.all: list[Any] = []
        self._logs = self._nodes.head_node.get_session_dir_path()

    def add(self, cpus: int = 1, gpus: int = 0, environment: Mapping[str, str] | None = None) -> Any:
        """Let a node join, with variables that its processes find in their environment."""
        node = self._nodes.add_node(
            num_cpus=cpus,
            num_gpus=gpus,
            node_ip_address=next(_addresses),
            include_dashboard=False,
            env_vars=dict(environment or {}),
        )
        self.all.append(node)
        return node

    def kill(self, node: Any) -> None:
        """Everything on it ends at once, as if its power was cut."""
        self.all.remove(node)
        processes = tree(node)
        for process in processes:
            process.suspend()  # or one would see the other's end
        for process in processes:
            process.kill()

    def kill_raylet(self, node: Any) -> list[psutil.Process]:
        """Ray's own process there ends; returns what it had started."""
        self.all.remove(node)
        raylet = raylet_of(node)
        started = raylet.children(recursive=True)
        raylet.kill()
        return started

    def freeze(self, node: Any) -> list[psutil.Process]:
        """Everything on it stands still; returns it, to be resumed."""
        processes = tree(node)
        for process in processes:
            process.suspend()
        return processes

    def leave(self, node: Any) -> None:
        """Let a node go in order."""
        self.all.remove(node)
        self._nodes.remove_node(node)

    def ours(self) -> list[psutil.Process]:
        """Actors and workers of nasgen on all nodes, those included that have lost their node."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def workers(self, node: Any) -> list[psutil.Process]:
        """Worker processes of nasgen on a node."""
        return [process for process in tree(node) if _is_worker(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if _is_worker(process):
                return process.environ().get(MARK) == os.environ[MARK]
            if "ray::Evaluator" in "".join(process.cmdline()[:1]):
                return str(Path(f"/proc/{process.pid}/fd/1").readlink()).startswith(self._logs)
        return False

    def close(self) -> None:
        """End everything, whatever state it is in."""
        left = self.ours()
        for node in [*self._nodes.worker_nodes, self._nodes.head_node]:
            left += tree(node)
        for process in left:
            with suppress(psutil.Error):
                process.resume()
        self._nodes.shutdown()
        for process in left:
            with suppress(psutil.Error):
                process.kill()

    def __enter__(self) -> Nodes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def raylet_of(node: Any) -> psutil.Process:
    (info,) = node.all_processes["raylet"]
    return psutil.Process(info.process.pid)


def tree(node: Any) -> list[psutil.Process]:
    """All that runs on a node."""
    found = []
    for info in itertools.chain.from_iterable(node.all_processes.values()):
        with suppress(psutil.Error):
            process = psutil.Process(info.process.pid)
            found += [process, *process.children(recursive=True)]
    return found


def _is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "nasgen.executors.worker" in process.cmdline()
    return False


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> float:
    """The seconds until a condition holds, which must come in time."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() < start + seconds, f"not within {seconds:g} seconds: {what}"
        time.sleep(0.05)
    return time.monotonic() - start


def wait_for_slots(executor: Executor, slots: int) -> None:
    def stand() -> bool:
        executor.wait(0.1)
        return executor.capacity == slots

    wait_until(stand, f"{slots} slots stand")


def assert_nothing_left(nodes: Nodes, seconds: float = GONE_SECONDS) -> None:
    wait_until(lambda: not nodes.ours(), f"no process of ours is left, found {nodes.ours()}", seconds)


DRIVER = """
import json, sys
from pathlib import Path
from pytest import MonkeyPatch
from ray_nodes import Search

cells, folder, address, pause, options = json.loads(sys.argv[1])
Search(Path(cells), Path(folder), MonkeyPatch(), pause, **options).start(address).result()
"""


class Search:
    """Searches by slow look-up, on a cluster and, for comparison, undisturbed in this process."""

    def __init__(self, cells: Path, folder: Path, patch: Any, pause: float, **options: Any) -> None:
        self.cells, self.folder, self.pause, self.options = cells, folder, pause, options
        self.marks = folder / "marks"
        self.marks.mkdir(exist_ok=True)
        self.spec = {
            "kind": "file",
            "name": f"{SLOW_LOOKUP}:SlowLookup",
            "options": {"table": str(cells), "fitness": "fitness", "marks": str(self.marks), "pause": pause},
        }
        patch.setattr(Settings, "evaluator_spec", lambda settings: self.spec)

    def start(self, address: str, **options: Any) -> Future[SearchResult]:
        """Search on a cluster, in a thread: processes that this one starts would end with another thread."""
        given = {**self.options, "executor": "ray", "ray_address": address, **options}
        future: Future[SearchResult] = Future()

        def run() -> None:
            try:
                future.set_result(search(self.folder / "run", self.cells, **given))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return future

    def start_command(self, address: str, prefix: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Search on a cluster in a process of its own."""
        given = json.dumps([str(self.cells), str(self.folder), address, self.pause, self.options])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen([*prefix, sys.executable, "-c", DRIVER, given], env=environment)

    def marked(self, word: str) -> dict[int, list[int]]:
        """Process ids of the workers that have ``begun`` with an evaluation or have ``held`` it, by its number."""
        found: dict[int, list[int]] = {}
        for mark in self.marks.glob(f"{word}-*"):
            _, number, pid = mark.name.split("-")
            found.setdefault(int(number), []).append(int(pid))
        return found

    def marked_by(self, word: str, processes: list[psutil.Process]) -> list[int]:
        """The numbers of the evaluations that some processes have begun with, or have held."""
        pids = {process.pid for process in processes}
        return [number for number, workers in self.marked(word).items() if pids & set(workers)]

    def hold(self, after: int) -> None:
        """Let evaluations wait, from the next on when so many have begun."""
        wait_until(lambda: len(self.marked("begun")) >= after, f"{after} evaluations have begun")
        (self.marks / "hold").touch()

    def release(self) -> None:
        (self.marks / "hold").unlink()

    def wait_for(self, nodes: Nodes, node: Any, word: str = "held") -> int:
        """Wait until a node is in the middle of an evaluation; its number."""
        wait_until(lambda: self.marked_by(word, nodes.workers(node)), f"the node has {word} an evaluation")
        return self.marked_by(word, nodes.workers(node))[0]

    def attempts(self) -> set[int]:
        """The numbers of the attempts that rows have ended with."""
        with open_store(self.folder / "run") as store:
            return {outcome.attempt for _, outcome in store.rows() if outcome is not None}

    @property
    def log(self) -> str:
        return (self.folder / "run" / "log.txt").read_text()


@contextmanager
def connected(nodes: Nodes) -> Iterator[Cluster]:
    with Cluster(nodes.address) as cluster:
        import ray

        head = ray.get_runtime_context().get_node_id()
        assert not cluster.nodes()[head].get("CPU"), "this process must be on the head, which no test kills"
        yield cluster


def take_resources(cpus: float = 0, gpus: float = 0) -> Callable[[], None]:
    """Let an actor of somebody else hold resources; returns what ends it."""
    import ray

    class Greedy:  # known here alone, so that it travels to the node
        def hello(self) -> None:
            return

    actor = ray.remote(num_cpus=cpus, num_gpus=gpus)(Greedy).remote()
    ray.get(actor.hello.remote(), timeout=PATIENCE)
    return lambda: ray.kill(actor)
