"""Milliseconds a graph of the five properties of relational graphs, ours and by networkx, on masks of 128 nodes.

Wanted: a tenth of the time of networkx at most, at sparsities of 0.90 and 0.75, and the same numbers to 1e-8. Exits 1
where at 0.75 or less, all generators together, ours is fewer than ten times as fast in the same run.

    python benchmarks/relational_speed.py
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import scipy

from predictors.features import get_features
from search_spaces import LabelledGraph, get_space

N_GRAPHS, SPARSITIES = 20, (0.9, 0.75)
DENSE, TIMES_AS_FAST = 0.75, 10


def with_networkx(graph: nx.Graph[int]) -> list[float]:
    """The five properties by networkx, each by its own call."""
    largest = max(nx.connected_components(graph), key=len)
    central = nx.eigenvector_centrality_numpy(graph.subgraph(sorted(largest)))
    return [
        float(np.mean(list(nx.degree_centrality(graph).values()))),
        float(np.mean(np.abs(list(central.values())))),
        nx.average_clustering(graph),
        nx.edge_connectivity(graph),
        graph.size() - len(graph) + nx.number_connected_components(graph),
    ]


def timed(job: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds a graph, and what came out."""
    start = time.perf_counter()
    result = job()
    return 1e3 * (time.perf_counter() - start) / N_GRAPHS, result


def compared(graphs: list[LabelledGraph]) -> tuple[float, float, float, float]:
    """Milliseconds a graph of networkx, of ours one by one and of ours in a pool, and the largest difference."""
    features = get_features("relational5")
    features.compute(graphs[:2])  # warm up
    theirs = [graph.to_networkx() for graph in graphs]
    with_networkx(theirs[0])
    by_them, expected = timed(lambda: [with_networkx(graph) for graph in theirs])
    one_by_one, _ = timed(lambda: [features.compute([graph]) for graph in graphs])
    pooled, found = timed(lambda: features.compute(graphs))
    return by_them, one_by_one, pooled, float(np.abs(found - np.array(expected)).max())


def main() -> None:
    versions = f"numpy {np.__version__}, scipy {scipy.__version__}, networkx {nx.__version__}"
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}, n = {N_GRAPHS} graphs a row")
    print(
        f"{'sparsity':>8} {'generator':10}{'networkx ms':>12}{'ms':>8}{'in a pool':>11}{'ratio':>8}{'difference':>12}"
    )
    slow = []
    for sparsity in SPARSITIES:
        space = get_space("mask", sparsities=[sparsity])
        rows = []
        for generator in space.generators:
            drawn = (
                space.draw(np.random.default_rng(seed), generator, "tiles", space.limits.kept[0])
                for seed in range(N_GRAPHS)
            )
            row = compared([space.to_graph(genotype) for genotype in drawn])
            rows.append(row)
            print_row(sparsity, generator, row)
        together = (*np.mean(rows, axis=0)[:3], max(row[3] for row in rows))
        print_row(sparsity, "all", together)
        if sparsity <= DENSE and together[0] < TIMES_AS_FAST * together[1]:
            slow.append(f"{together[0] / together[1]:.1f} times as fast at sparsity {sparsity}")
    if slow:
        sys.exit(f"expected {TIMES_AS_FAST} times as fast as networkx or more, found {', '.join(slow)}")


def print_row(sparsity: float, name: str, row: tuple[float, ...]) -> None:
    theirs, ours, pooled, difference = row
    print(f"{sparsity:8} {name:10}{theirs:12.1f}{ours:8.2f}{pooled:11.2f}{theirs / ours:8.1f}{difference:12.1e}")


if __name__ == "__main__":
    main()
