"""Seconds that the diagonal of the Hessian takes for 784-100-10 and 10,000 rows, in closed form and weight by weight.

Weight by weight is how the authors of "Experiments on Properties of Hidden Structures of Sparse Neural Networks" do
it: automatic differentiation of each entry of the gradient. A few weights of each layer are timed, and the time for all
is theirs times the layer's number. Exits 1 where the closed form takes more than 5 seconds for the 79,400 weights.

    OMP_NUM_THREADS=1 python benchmarks/hessian_diagonal.py
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from nasgen.pruning.obd import diagonal
from nasgen.pruning.targets import targets_of
from nasgen.training import numerics

T = TypeVar("T")

ROWS, TIMED, REPEATS = 10_000, 10, 5
LONGEST = 5.0


def timed(job: Callable[[], T]) -> tuple[float, T]:
    """The median of some runs in seconds, after one that is not counted, and what came out."""
    result = job()
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        job()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), result


def by_weight(gradient: Tensor, weight: Tensor) -> Tensor:
    """Second derivatives by the first weights of a layer, of whose gradient there is a graph."""
    entries = gradient.flatten()[:TIMED]
    rows = [torch.autograd.grad(entry, weight, retain_graph=True)[0].flatten() for entry in entries]
    return torch.stack([row[place] for place, row in enumerate(rows)])


def main() -> None:
    numerics.prepare(1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
    inputs, labels = torch.randn(ROWS, 784), torch.randint(10, (ROWS,))
    targets = targets_of(network)
    seconds, found = timed(lambda: diagonal(network, targets, inputs))
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    gradients = torch.autograd.grad(nn.functional.cross_entropy(network(inputs), labels), weights, create_graph=True)
    theirs, difference = 0.0, 0.0
    for gradient, weight, ours in zip(gradients, weights, found, strict=True):
        some, exact = timed(partial(by_weight, gradient, weight))
        theirs += some / TIMED * weight.numel()
        difference = max(difference, float((ours.flatten()[:TIMED] - exact).abs().max()))
    number = sum(weight.numel() for weight in weights)
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    print(f"{platform.machine()}, {versions}, one thread, median of n = {REPEATS}")
    print(f"{number:,} weights, {ROWS:,} rows: closed form {seconds:.3f} s, weight by weight {theirs:,.0f} s")
    print(
        f"{theirs / seconds:,.0f} times as fast; {TIMED} weights a layer differ by {difference:.0e} at most (float32)"
    )
    if seconds > LONGEST:
        sys.exit(f"expected {LONGEST:g} s or less, found {seconds:.1f} s")


if __name__ == "__main__":
    main()
