"""How busy the workers of a Ray cluster are, beside the generational barrier.

    python benchmarks/ray_utilisation.py [--unit .1] [--evaluations 400] [--uneven-evaluations 1000] [--seed 0]
                                         [--plot busy.png]

A local cluster that counts 8 CPUs, and candidates that sleep: from one to ten units, evenly distributed. A round sees
a prefix of the results (window W); the rival asks 30 at a time and waits for all of them, as generations do. Then the
same with one candidate in ten that sleeps ten times longer, under windows of 16 and 96.

Busy is the time slept over the time that 8 workers had, from the first start to the last end. The second figure ends
when the last candidate was begun: what remains is the end of any search, whoever schedules it. Last, evaluations of
.2 seconds on two workers: how long a worker waits from the end of one to the start of the next, which is what the
engine and Ray take on top of each, the mean over seeds with the 95 % interval of the mean; and beside it the time of a
call of Ray's that does nothing.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import ray
from ray_throughput import Nothing
from scipy import stats

from nasgen import Outcome, Proposal, Request, Store
from nasgen.engine.run import Run
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import RayExecutor
from nasgen.strategies.baselines import RandomSearch
from search_spaces import get_space

mpl.use("Agg")
from matplotlib import pyplot as plt  # after the backend is chosen

WORKERS = 8
GENERATION = 30
OVERHEAD_SEEDS = 5


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


def wait_of(times: np.ndarray, workers: int) -> float:
    """Mean seconds that a worker waits between two candidates: of k workers, end n makes room for start n + k."""
    began, ended = np.sort(times[:, 0]), np.sort(times[:, 1])
    return float((began[workers:] - ended[:-workers]).mean())


def call_seconds() -> float:
    """Median of 300 calls of an actor's method that does nothing, each after a rest, as between evaluations."""
    kind: Any = ray.remote(num_cpus=1)(Nothing)
    actor = kind.remote()
    ray.get(actor.call.remote(""))
    seconds = []
    for _ in range(300):
        time.sleep(0.01)
        began = time.perf_counter()
        ray.get(actor.call.remote("x" * 500))
        seconds.append(time.perf_counter() - began)
    ray.kill(actor)
    return float(np.median(seconds))


def report(name: str, shares: Sequence[float], seconds: float) -> None:
    print(f"{name:52} {shares[0]:6.1%} {shares[1]:6.1%}   {seconds:6.1f} s", flush=True)


def plot(measured: Mapping[str, np.ndarray], path: Path) -> None:
    """How many workers are busy over time, one panel for each of ``measured``."""
    figure, panels = plt.subplots(len(measured), 1, figsize=(8, 4), sharex=True, sharey=True, layout="constrained")
    for panel, (name, times) in zip(panels, measured.items(), strict=True):
        moments = times - times.min()
        order = np.argsort(moments, axis=None)
        steps = np.where(np.arange(moments.size)[order] % 2 == 0, 1, -1)  # a start and an end by turns, in each row
        panel.fill_between(np.sort(moments, axis=None), np.cumsum(steps), step="post", linewidth=0)
        panel.set_title(f"{name}: {busy(times, WORKERS)[0]:.1%} busy, {moments.max():.1f} s", loc="left")
        panel.set_ylabel("busy workers")
        panel.set_ylim(0, WORKERS)
    panels[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unit", type=float, default=0.1, help="seconds")
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--uneven-evaluations", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, help="draw how many are busy over time into this file")
    args = parser.parse_args()
    with Cluster("local", cpus=WORKERS) as cluster:
        print(
            f"{WORKERS} workers on {platform.machine()} with {len(os.sched_getaffinity(0))} cores, "
            f"Ray {ray.__version__}, Python {platform.python_version()}"
        )
        print(f"{'':52} {'busy':>6} {'to the last start':>6}")

        def measure(name: str, strategy: type[RandomSearch[Any]], n: int, window: int, uneven: bool) -> np.ndarray:
            times = times_of(cluster, strategy, n, window, args.seed, WORKERS, unit=args.unit, uneven=uneven)
            report(f"{name}, n = {n}", busy(times, WORKERS), times.max() - times.min())
            return times

        even = {
            "a window of 16": measure("1:10, W = 16", RandomSearch, args.evaluations, 16, False),
            f"generations of {GENERATION}": measure(
                f"1:10, generations of {GENERATION}", Generations, args.evaluations, 1, False
            ),
        }
        if args.plot is not None:
            plot(even, args.plot)
        for window in (16, 96):
            measure(
                f"1:10 and a tenth 10 times longer, W = {window}", RandomSearch, args.uneven_evaluations, window, True
            )
        measure(f"the same, generations of {GENERATION}", Generations, args.uneven_evaluations, 1, True)
        seeds = range(args.seed, args.seed + OVERHEAD_SEEDS)
        waits = [
            1000 * wait_of(times_of(cluster, RandomSearch, 200, 16, seed, 2, unit=0.0, fixed=0.2), 2) for seed in seeds
        ]
        call = 1000 * call_seconds()
    half = stats.t.ppf(0.975, len(waits) - 1) * stats.sem(waits)
    print(
        f"engine and Ray on top of .2 s, 2 workers, n = 200: {np.mean(waits):.2f} ± {half:.2f} ms an evaluation "
        f"({len(waits)} seeds); a call of Ray's that does nothing {call:.2f} ms"
    )


if __name__ == "__main__":
    main()
