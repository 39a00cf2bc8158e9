"""Seconds that the diagonal of the Hessian takes for 784-100-10 and 10,000 rows, in closed form and weight by weight.

Weight by weight is how the authors of "Experiments on Properties of Hidden Structures of Sparse Neural Networks" do
it: automatic differentiation of each entry of the gradient. A few weights are timed, and the time for all is theirs
times their number. Exits 1 where the closed form takes more than 5 seconds for the 79,400 weights.

    OMP_NUM_THREADS=1 python benchmarks/hessian_diagonal.py
"""

from __future__ import annotations

import platform
import sys
import time

import torch
from torch import nn

from nasgen.pruning.obd import diagonal
from nasgen.pruning.targets import targets_of
from nasgen.training import numerics

ROWS, WEIGHTS, TIMED = 10_000, 79_400, 20
LONGEST = 5.0


def weight_by_weight(network: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The first second derivatives by weights of the last layer."""
    last = network[-1]
    assert isinstance(last, nn.Linear)
    loss = nn.functional.cross_entropy(network(inputs), labels)
    (gradient,) = torch.autograd.grad(loss, last.weight, create_graph=True)
    found = [
        torch.autograd.grad(gradient.flatten()[place], last.weight, retain_graph=True)[0].flatten()[place]
        for place in range(TIMED)
    ]
    return torch.stack(found)


def main() -> None:
    numerics.prepare(1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))
    inputs, labels = torch.randn(ROWS, 784), torch.randint(10, (ROWS,))
    started = time.perf_counter()
    of_layers = diagonal(network, targets_of(network), inputs)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    exact = weight_by_weight(network, inputs, labels)
    theirs = (time.perf_counter() - started) / TIMED * WEIGHTS
    assert sum(one.numel() for one in of_layers) == WEIGHTS
    difference = float((of_layers[-1].flatten()[:TIMED] - exact).abs().max())
    print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, one thread")
    print(f"{WEIGHTS:,} weights, {ROWS:,} rows: closed form {seconds:.2f} s, weight by weight {theirs:,.0f} s")
    print(f"{theirs / seconds:,.0f} times as fast; {TIMED} weights differ by {difference:.0e} at most, in float32")
    if seconds > LONGEST:
        sys.exit(f"expected {LONGEST:g} s or less, found {seconds:.1f} s")


if __name__ == "__main__":
    main()
