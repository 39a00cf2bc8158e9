"""A hundred thousand evaluations through Ray: the rate, and whether the driver's memory is flat.

    python benchmarks/ray_throughput.py [--evaluations 100000] [--workers 2]

A constant-time synthetic fitness on the CNN space, through actors of a local cluster: loop, store, dispatcher, Ray, and
the worker process behind each actor. Beside it, in the same run, Ray's own rate: calls of an actor's method that does
nothing, one at a time on each of as many actors, and the loop without Ray.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
from engine_overhead import Synthetic, resident_mb

from nasgen import Evolution, Request, Store
from nasgen.engine.run import Run
from nasgen.evaluation import Outcome
from nasgen.executors import Executor, InlineExecutor
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import RayExecutor
from search_spaces import get_space

SPEC = {"kind": "file", "name": f"{Path(__file__).resolve().with_name('engine_overhead.py')}:Synthetic"}
WINDOW = 16
CALLS = 5_000


class Nothing:
    """An actor that returns what it is given."""

    def call(self, text: str) -> str:
        return text


def search(executor: Executor, n: int) -> tuple[list[float], list[float]]:
    """Seconds that each tenth of ``n`` evaluations took, and resident MB after it."""
    space = get_space("cnn", input_shape=(1, 8, 8))
    seconds: list[float] = []
    memory: list[float] = []
    done = 0

    def on_result(request: Request, outcome: Outcome) -> None:
        nonlocal done, began
        done += 1
        if done % (n // 10) == 0:
            seconds.append(time.perf_counter() - began)
            memory.append(resident_mb())
            began = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        strategy = Evolution(space, lambda key: store.was_asked(key, "search"))
        run = Run(
            space, strategy, Dispatcher(executor), store, seed=0, evaluations=n, window=WINDOW, on_result=on_result
        )
        began = time.perf_counter()
        run()
        assert store.n_results == n
        assert store.n_failed == 0
    return seconds, memory


def calls_a_second(workers: int) -> float:
    """Ray's own rate of calls that do nothing, one at a time on each actor."""
    kind: Any = ray.remote(num_cpus=1)(Nothing)
    text = "x" * 500
    actors = [kind.remote() for _ in range(workers)]
    ray.get([actor.call.remote(text) for actor in actors])
    began = time.perf_counter()
    busy = {actor.call.remote(text): actor for actor in actors}
    for _ in range(CALLS):
        (done,), _ = ray.wait(list(busy))
        actor = busy.pop(done)
        ray.get(done)
        busy[actor.call.remote(text)] = actor
    rate = CALLS / (time.perf_counter() - began)
    for actor in actors:
        ray.kill(actor)
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    n = args.evaluations
    cores = len(os.sched_getaffinity(0))
    print(
        f"{n} evaluations, {args.workers} workers, window {WINDOW}; {platform.machine()}, {cores} cores, "
        f"Ray {ray.__version__}, Python {platform.python_version()}"
    )
    with Cluster("local", cpus=args.workers) as cluster:
        before = calls_a_second(args.workers)
        with RayExecutor(SPEC, cluster, args.workers) as executor:
            seconds, memory = search(executor, n)
        after = calls_a_second(args.workers)
    inline, _ = search(InlineExecutor(Synthetic()), n // 10)
    print("evaluations a second, by tenths  " + " ".join(f"{n / 10 / value:.0f}" for value in seconds))
    print("resident MB of the driver        " + " ".join(f"{value:.1f}" for value in memory))
    print(f"evaluations a second in all      {n / sum(seconds):.0f}")
    print(f"Ray's own calls that do nothing  {before:.0f} a second before, {after:.0f} after")
    print(f"the same loop without Ray        {n // 10 / sum(inline):.0f} a second (n = {n // 10})")


if __name__ == "__main__":
    main()
