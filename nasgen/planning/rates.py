"""Rates: how long a network trains on one row, from how many multiply-accumulates it has."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Rates:
    """Training time of one row on one worker: a constant in seconds, and seconds a multiply-accumulate.

    No network has more MACs than the ``largest``, whatever the cap.
    """

    constant: float
    per_mac: float
    largest: float = math.inf

    def seconds(self, macs: float) -> float:
        """Training time of one row on a network of so many MACs."""
        return self.constant + self.per_mac * min(macs, self.largest)


def fit_rates(macs: np.ndarray, seconds: np.ndarray) -> Rates:
    """A line through the measurements, neither of whose terms is negative."""
    from scipy.optimize import nnls

    scale = macs.max() or 1.0
    (constant, rate), _ = nnls(np.column_stack([np.ones_like(macs), macs / scale]), seconds)
    return Rates(float(constant), float(rate / scale))
