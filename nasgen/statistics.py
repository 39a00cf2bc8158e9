"""Means over seeds, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = Sequence[float] | NDArray[np.float64]

LEVEL = 0.95


def mean_interval(values: Values) -> tuple[float, float, float]:
    """The mean of independent values and the ends of its 95 % interval (Student's t); NaN for a single one."""
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf((1 + LEVEL) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def paired_p(higher: Values, lower: Values) -> float:
    """How likely pairs differ so much where they do not: Student's paired test, one side."""
    from scipy.stats import ttest_rel

    return float(ttest_rel(higher, lower, alternative="greater").pvalue)
