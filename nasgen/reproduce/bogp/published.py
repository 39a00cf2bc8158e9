"""What the paper printed."""

from __future__ import annotations

from collections.abc import Mapping

SPARSITIES = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Of Table 1, and of the database."""

DENSE = 0.970

BOGP = "BoGP"

ACCURACIES: Mapping[str, Mapping[float, float]] = {
    name: dict(zip(SPARSITIES, row, strict=True))
    for name, row in {
        BOGP: (0.972, 0.972, 0.970, 0.968, 0.966, 0.951),
        "Glob1": (0.971, 0.970, 0.970, 0.967, 0.965, 0.945),
        "Glob5": (0.972, 0.972, 0.971, 0.970, 0.966, 0.962),
        "Unif1": (0.970, 0.970, 0.969, 0.966, 0.963, 0.810),
        "Unif5": (0.972, 0.972, 0.971, 0.970, 0.965, 0.950),
    }.items()
}
"""On test, by method and sparsity (Table 1)."""

TRADED: Mapping[float, tuple[float, float, float]] = {
    0.1: (0.90, 0.73, 0.973),
    0.15: (0.88, 0.76, 0.994),
    0.25: (0.82, 0.79, 1.0175),
    0.5: (0.37, 0.93, 0.835),
    0.75: (0.36, 0.94, 1.065),
    0.9: (0.25, 0.98, 1.132),
}
"""Accuracy, sparsity, and their weighted sum, by the weight of the sparsity (Table 2)."""
