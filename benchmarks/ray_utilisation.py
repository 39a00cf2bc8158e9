"""How busy the workers of a Ray cluster are, beside the generational barrier.

    python benchmarks/ray_utilisation.py [--unit .1] [--evaluations 400] [--uneven-evaluations 1000] [--seed 0]

A local cluster that counts 8 CPUs, and candidates that sleep: from one to ten units, evenly distributed. A round sees
a prefix of the results (window W); the rival asks 30 at a time and waits for all of them, as generations do. Then the
same with one candidate in ten that sleeps ten times longer, under windows of 16 and 96.

Busy is the time slept over the time that 8 workers had, from the first start to the last end. The second figure ends
when the last candidate was begun: what remains is the end of any search, whoever schedules it. Last, evaluations of
.2 seconds on two workers: what the engine and Ray take on top of each.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray

from nasgen import Outcome, Proposal, Request, Store
from nasgen.baselines import RandomSearch
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import RayExecutor
from nasgen.faults import Dispatcher
from nasgen.run import Run
from search_spaces import get_space

WORKERS = 8
GENERATION = 30


class Sleeper:
    """Sleeps for as long as the candidate's seed says."""

    def __init__(self, unit: float, uneven: bool = False, fixed: float = 0.0) -> None:
        self.unit, self.uneven, self.fixed = unit, uneven, fixed

    def evaluate(self, request: Request) -> Outcome:
        rng = np.random.default_rng(request.seed)
        units = rng.uniform(1, 10) * (10 if self.uneven and rng.random() < 0.1 else 1)
        started = time.time()
        time.sleep(self.fixed or units * self.unit)
        return Outcome(fitness=0.0, metrics={"began": started, "ended": time.time()})


class Generations(RandomSearch[Any]):
    """Random genotypes, thirty at a time behind a barrier."""

    generational = True

    def ask(self, rng: np.random.Generator) -> list[Proposal[Any]]:
        ask = super().ask
        return [proposal for _ in range(GENERATION) for proposal in ask(rng)]


def times_of(
    cluster: Cluster, strategy: type[RandomSearch[Any]], n: int, window: int, seed: int, workers: int, **sleeps: Any
) -> np.ndarray:
    """When each of ``n`` candidates began and ended; shape (n, 2), in seconds."""
    space = get_space("nasbench201")
    spec = {"kind": "file", "name": f"{Path(__file__).resolve()}:Sleeper", "options": sleeps}
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        with RayExecutor(spec, cluster, workers) as executor:
            while executor.capacity < workers:
                executor.wait(0.2)
            warm_up(executor, workers)
            asked = strategy(space, lambda key: store.was_asked(key, "search"))
            Run(space, asked, Dispatcher(executor), store, seed=seed, evaluations=n, window=window)()
        rows = store.evaluations()
    return np.array([(row.outcome.metrics["began"], row.outcome.metrics["ended"]) for row in rows])


def warm_up(executor: RayExecutor, workers: int) -> None:
    """One evaluation on each: worker processes start with their first."""
    dispatcher = Dispatcher(executor)
    for number in range(workers):
        dispatcher.submit(Request(number, "warm", "warm", seed=number))
    while dispatcher.in_flight:
        dispatcher.collect()


def busy(times: np.ndarray, workers: int) -> tuple[float, float]:
    """The share of the workers' time that candidates had, in all and until the last was begun."""
    began, ended = times[:, 0], times[:, 1]
    last = began.max()
    whole = (ended - began).sum() / workers / (ended.max() - began.min())
    until = (np.minimum(ended, last) - began).sum() / workers / (last - began.min())
    return float(whole), float(until)


def report(name: str, shares: Sequence[float], seconds: float) -> None:
    print(f"{name:52} {shares[0]:6.1%} {shares[1]:6.1%}   {seconds:6.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unit", type=float, default=0.1, help="seconds")
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--uneven-evaluations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with Cluster("local", cpus=WORKERS) as cluster:
        print(
            f"{WORKERS} workers on {platform.machine()} with {len(os.sched_getaffinity(0))} cores, "
            f"Ray {ray.__version__}, Python {platform.python_version()}"
        )
        print(f"{'':52} {'busy':>6} {'to the last start':>6}")

        def measure(name: str, strategy: type[RandomSearch[Any]], n: int, window: int, uneven: bool) -> None:
            times = times_of(cluster, strategy, n, window, args.seed, WORKERS, unit=args.unit, uneven=uneven)
            report(f"{name}, n = {n}", busy(times, WORKERS), times.max() - times.min())

        measure("1:10, W = 16", RandomSearch, args.evaluations, 16, False)
        measure(f"1:10, generations of {GENERATION}", Generations, args.evaluations, 1, False)
        for window in (16, 96):
            measure(
                f"1:10 and a tenth 10 times longer, W = {window}", RandomSearch, args.uneven_evaluations, window, True
            )
        measure(f"the same, generations of {GENERATION}", Generations, args.uneven_evaluations, 1, True)
        times = times_of(cluster, RandomSearch, 200, 16, args.seed, 2, unit=0.0, fixed=0.2)
    slept = (times[:, 1] - times[:, 0]).mean()
    each = 2 * (times.max() - times.min()) / len(times)
    overhead = 1000 * (each - slept)
    print(f"engine and Ray on top of {slept:.4f} s, 2 workers, n = {len(times)}: {overhead:.2f} ms an evaluation")


if __name__ == "__main__":
    main()
