"""Latency: how long networks take for a batch, measured in turns, so that a busy machine slows all of them alike.

The order of a round is random: a network is slower after one that left nothing of its own in the caches.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

ROUNDS = 60
WARM_UP = 5


def latencies(networks: Sequence[nn.Module], inputs: torch.Tensor, rounds: int = ROUNDS) -> NDArray[np.float64]:
    """Seconds that networks take for one pass over the inputs, shape (rounds, networks); one thread, on the CPU.

    Parameters
    ----------
    networks
        On the CPU, in evaluation mode.
    inputs
        What they read, of shape (n, ...).
    rounds
        In each of which every network has its turn.
    """
    import torch

    seconds = np.empty((rounds, len(networks)))
    rng = np.random.default_rng(0)
    with _one_thread(), torch.inference_mode():
        for network in networks:
            for _ in range(WARM_UP):
                network(inputs)
        for row in seconds:
            for place in rng.permutation(len(networks)).tolist():
                network = networks[place]
                started = time.perf_counter()
                network(inputs)
                row[place] = time.perf_counter() - started
    return seconds


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def speedups(seconds: NDArray[np.float64]) -> list[tuple[float, float, float]]:
    """For each network how many times faster it is than the first: the median of the rounds, and their 5th and 95th."""
    ratios = seconds[:, :1] / seconds
    middle, low, high = np.quantile(ratios, (0.5, 0.05, 0.95), axis=0)
    return list(zip(middle.tolist(), low.tolist(), high.tolist(), strict=True))
