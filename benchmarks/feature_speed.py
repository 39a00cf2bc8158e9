"""Milliseconds a graph of each feature set, one graph a call and a whole pool a call; and what networkx takes.

Wanted: the 56 features in under a millisecond one by one (median), and the 23 properties of a pool in a fiftieth of the
time of the networkx calls that their authors made.

    OMP_NUM_THREADS=1 python benchmarks/feature_speed.py
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import networkx as nx
import numpy as np

from predictors.features import FEATURE_SETS, get_features
from search_spaces import LabelledGraph

N_GRAPHS, N_VERTICES, REPEATS = 300, 20, 5
OPS = ("conv3x3", "conv5x5", "conv7x7", "max_pool", "avg_pool", "sum", "concat", "skip")


def random_dag(rng: np.random.Generator, n: int) -> LabelledGraph:
    edges = {(int(rng.integers(head)), head) for head in range(1, n - 1)}
    edges |= {(tail, int(rng.integers(tail + 1, n))) for tail in range(n - 1)}
    channels = tuple(8.0 * rng.integers(1, 9, size=n))
    return LabelledGraph(
        ("input", *rng.choice(OPS, size=n - 2), "output"), tuple(sorted(edges)), {"channels": channels}
    )


def small_world(rng: np.random.Generator) -> nx.Graph[int]:
    """A Watts-Strogatz graph like those behind the authors' recurrent networks."""
    n = int(rng.integers(10, 51))
    return nx.connected_watts_strogatz_graph(n, int(rng.integers(2, 7)), 0.5, seed=int(rng.integers(2**31)))


def with_networkx(graph: nx.Graph[int]) -> list[float]:
    """The 23 properties of a graph by networkx, each by its own call, and the layers of its edges directed upwards."""
    layers = list(nx.topological_generations(nx.DiGraph(sorted(graph.edges))))
    numbers = [len(layers), len(graph), graph.size(), len(layers[0]), len(layers[-1])]
    numbers += [nx.diameter(graph), nx.density(graph), nx.average_shortest_path_length(graph)]
    for by_part in (
        nx.eccentricity(graph),
        dict(nx.degree(graph)),
        nx.closeness_centrality(graph),
        nx.betweenness_centrality(graph),
        nx.edge_betweenness_centrality(graph),
    ):
        values = np.array(list(by_part.values()), dtype=np.float64)
        numbers += [values.mean(), values.var(ddof=1), values.std(ddof=1)]
    return numbers


def fastest(job: Callable[[], object]) -> float:
    """Milliseconds of the fastest of some calls."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - start)
    return 1e3 * min(seconds)


def main() -> None:
    rng = np.random.default_rng(0)
    graphs = [random_dag(rng, N_VERTICES) for _ in range(N_GRAPHS)]
    print(f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}, n = {N_GRAPHS}")
    print(f"{'features':14}{'columns':>8}{'median ms':>11}{'95 % ms':>9}{'ms in a pool':>14}")
    for name in FEATURE_SETS:
        features = get_features(name).fit(graphs)
        features.compute(graphs[:5])  # warm up
        seconds = []
        for graph in graphs:
            start = time.perf_counter()
            features.compute([graph])
            seconds.append(time.perf_counter() - start)
        median, high = 1e3 * np.quantile(seconds, [0.5, 0.95])
        pooled = fastest(lambda features=features: features.compute(graphs)) / N_GRAPHS
        print(f"{name:14}{len(features.names):8}{median:11.3f}{high:9.3f}{pooled:14.4f}")
    worlds = [small_world(rng) for _ in range(N_GRAPHS)]
    as_labelled = [LabelledGraph(["unit"] * len(world), sorted(world.edges)) for world in worlds]
    theirs = fastest(lambda: [with_networkx(world) for world in worlds]) / N_GRAPHS
    ours = fastest(lambda: get_features("graph23").compute(as_labelled)) / N_GRAPHS
    print(f"Watts-Strogatz graphs of 10 to 50 vertices, 23 properties: networkx {theirs:.2f} ms, ", end="")
    print(f"a pool {ours:.4f} ms, {theirs / ours:.0f} times as fast")


if __name__ == "__main__":
    main()
