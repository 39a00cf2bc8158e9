"""Latency: networks have their turns, and a faster one comes out as faster."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from nasgen.compression.latency import latencies, speedups


class Waits(nn.Module):
    def __init__(self, seconds: float, log: list[float]) -> None:
        super().__init__()
        self.seconds, self.log = seconds, log

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.log.append(self.seconds)
        time.sleep(self.seconds)
        return x


def test_networks_take_turns() -> None:
    log: list[float] = []
    threads = torch.get_num_threads()
    seconds = latencies([Waits(0.004, log), Waits(0.001, log)], torch.ones(2, 1), rounds=20)
    rounds = list(zip(log[-40::2], log[-39::2], strict=True))
    assert set(rounds) == {(0.004, 0.001), (0.001, 0.004)}
    assert (seconds >= [0.004, 0.001]).all()
    assert torch.get_num_threads() == threads


def test_speedups_are_medians_of_rounds() -> None:
    seconds = np.array([[4.0, 2.0], [4.0, 1.0], [6.0, 2.0]])
    (own, low, high), (faster, slowest, fastest) = speedups(seconds)
    assert own == low == high == 1
    assert faster == 3  # of 2, 4 and 3
    assert np.isclose([slowest, fastest], [2.1, 3.9]).all()
