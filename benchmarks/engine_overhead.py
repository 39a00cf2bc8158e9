"""Engine overhead: milliseconds an evaluation outside space and strategy, inline, and driver memory over the run.

    python benchmarks/engine_overhead.py [--evaluations 10000]

10,000 evaluations of a constant-time synthetic fitness on the CNN space. What the methods of the space and the
strategy take is measured and taken off; the rest (loop, store, requests, dispatcher, executor) is the engine's. The
rival is the plainest loop there is: the same strategy asked and told in memory, nothing kept.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from nasgen import Evolution, Outcome, Request, Store
from nasgen.engine.run import Run
from nasgen.evaluation import Evaluation, candidate_seed
from nasgen.executors import InlineExecutor
from nasgen.executors.faults import Dispatcher
from search_spaces import get_space


class Stopwatch:
    """Time spent inside the methods of wrapped objects, nested calls counted once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def wrap(self, thing: Any) -> Any:
        stopwatch = self

        class Timed:
            def __getattr__(self, name: str) -> Any:
                attribute = getattr(thing, name)
                return stopwatch.timed(attribute) if callable(attribute) else attribute

        return Timed()

    def timed(self, function: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._depth:
                return function(*args, **kwargs)
            self._depth += 1
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - started
                self._depth -= 1

        return call


class Synthetic:
    """A fitness that takes no time: a number made of the candidate's seed."""

    def evaluate(self, request: Request) -> Outcome:
        return Outcome(fitness=(request.seed % 1_000_003) / 1_000_003)


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def engine(n: int) -> tuple[float, float, list[float]]:
    """Seconds an evaluation in all and outside space and strategy, and resident MB at every tenth of the run."""
    stopwatch = Stopwatch()
    space = stopwatch.wrap(get_space("cnn", input_shape=(1, 8, 8)))
    memory: list[float] = []

    def on_result(request: Request, outcome: Outcome) -> None:
        if (request.number + 1) % (n // 10) == 0:
            memory.append(resident_mb())

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        strategy = stopwatch.wrap(Evolution(space, lambda key: store.was_asked(key, "search")))
        dispatcher = Dispatcher(InlineExecutor(Synthetic()))
        run = Run(space, strategy, dispatcher, store, seed=0, evaluations=n, on_result=on_result)
        started = time.perf_counter()
        run()
        total = time.perf_counter() - started
        assert store.n_results == n
    return total / n, (total - stopwatch.seconds) / n, memory


def plain_loop(n: int) -> float:
    """Seconds an evaluation of the same strategy in a loop that keeps nothing but the set of keys."""
    space, keys, evaluator = get_space("cnn", input_shape=(1, 8, 8)), set(), Synthetic()
    strategy = Evolution(space, keys.__contains__)
    started = time.perf_counter()
    for number in range(n):
        (proposal,) = strategy.ask(np.random.default_rng([0, number]))
        keys.add(proposal.key)
        seed = candidate_seed(0, proposal.key)
        request = Request(number, space.encode(proposal.genotype), proposal.key, seed)
        strategy.tell([Evaluation(request, evaluator.evaluate(request))])
    return (time.perf_counter() - started) / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=10_000)
    n = parser.parse_args().evaluations
    total, overhead, memory = engine(n)
    plain = plain_loop(n)
    print(f"{n} evaluations inline, {platform.machine()}, Python {platform.python_version()}")
    print(f"engine overhead     {1000 * overhead:.3f} ms an evaluation (of {1000 * total:.3f} ms in all)")
    print(f"plain loop          {1000 * plain:.3f} ms an evaluation; ratio {total / plain:.2f}")
    print("resident MB         " + " ".join(f"{value:.1f}" for value in memory))
    print(f"peak MB             {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.1f}")


if __name__ == "__main__":
    main()
