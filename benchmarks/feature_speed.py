"""Milliseconds a genotype of each feature set, on random DAGs of 20 vertices, one graph a call, one thread.

Claim: the 56 features take under a millisecond in the median.

    OMP_NUM_THREADS=1 python benchmarks/feature_speed.py
"""

from __future__ import annotations

import platform
import time

import numpy as np

from predictors.features import FEATURE_SETS, get_features
from search_spaces import LabelledGraph

N_GRAPHS, N_VERTICES = 300, 20
OPS = ("conv3x3", "conv5x5", "conv7x7", "max_pool", "avg_pool", "sum", "concat", "skip")


def random_dag(rng: np.random.Generator, n: int) -> LabelledGraph:
    edges = {(int(rng.integers(head)), head) for head in range(1, n - 1)}
    edges |= {(tail, int(rng.integers(tail + 1, n))) for tail in range(n - 1)}
    channels = tuple(8.0 * rng.integers(1, 9, size=n))
    return LabelledGraph(
        ("input", *rng.choice(OPS, size=n - 2), "output"), tuple(sorted(edges)), {"channels": channels}
    )


def main() -> None:
    rng = np.random.default_rng(0)
    graphs = [random_dag(rng, N_VERTICES) for _ in range(N_GRAPHS)]
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, n = {N_GRAPHS}")
    print(f"{'features':14}{'columns':>8}{'median ms':>11}{'95 % ms':>9}")
    for name in FEATURE_SETS:
        features = get_features(name).fit(graphs)
        features.compute(graphs[:5])  # warm up
        seconds = []
        for graph in graphs:
            start = time.perf_counter()
            features.compute([graph])
            seconds.append(time.perf_counter() - start)
        median, high = 1e3 * np.quantile(seconds, [0.5, 0.95])
        print(f"{name:14}{len(features.names):8}{median:11.3f}{high:9.3f}")


if __name__ == "__main__":
    main()
