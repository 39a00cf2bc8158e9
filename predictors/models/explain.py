"""How far each column moves a prediction: Shapley values by drawing orders in which columns become known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ORDERS = 4
"""Random orders, each walked in both directions (Mitchell and others 2022)."""


def contributions(predict: Callable[[Floats], Floats], row: Floats, typical: Floats, random_state: int) -> Floats:
    """The contribution of each column to the prediction of a row, shape (d,).

    Their sum is the prediction of the row minus that of the typical one.

    Parameters
    ----------
    predict
        From rows (n, d) to predictions (n,).
    row, typical
        The row, and what stands for a column that is not known, shape (d,) each.
    """
    moved = np.flatnonzero(~((row == typical) | (np.isnan(row) & np.isnan(typical))))
    result = np.zeros(len(row))
    if not len(moved):
        return result
    rng = np.random.default_rng(random_state)
    orders = [order for _ in range(ORDERS) for order in _both_ways(rng.permutation(moved))]
    steps = np.tile(typical, (len(orders), len(moved) + 1, 1))
    for path, order in zip(steps, orders, strict=True):
        for place, column in enumerate(order):
            path[place + 1 :, column] = row[column]
    predictions = predict(steps.reshape(-1, len(row))).reshape(len(orders), -1)
    for order, gains in zip(orders, np.diff(predictions, axis=1), strict=True):
        result[order] += gains / len(orders)
    return result


def _both_ways(order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return order, order[::-1]
