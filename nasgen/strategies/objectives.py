"""Objectives: the numbers a search trades against each other, and the front of those nobody beats in all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation

MINIMISE, MAXIMISE = -1.0, 1.0


class Objectives:
    """The fitness first, then metrics by name: minimised, or maximised where the name begins with ``+``.

    ``Objectives(("accuracy", "parameters"))`` prefers accurate and small networks.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(name.removeprefix("+") for name in names)
        self.weights = (MAXIMISE, *(MAXIMISE if name.startswith("+") else MINIMISE for name in names[1:]))

    def values(self, evaluation: Evaluation) -> tuple[float, ...]:
        """The objectives of a row that has a fitness.

        Raises
        ------
        KeyError
            If the row's metrics lack an objective.
        """
        assert evaluation.fitness is not None  # the caller leaves failures out
        metrics = evaluation.outcome.metrics
        return (evaluation.fitness, *(float(metrics[name]) for name in self.names[1:]))

    def front(self, evaluations: Sequence[Evaluation]) -> list[Evaluation]:
        """The rows that no other row beats in one objective and equals in the rest; the fittest first."""
        rows = [row for row in evaluations if not row.failed]
        if not rows:
            return []
        kept = nondominated(np.array([self.values(row) for row in rows]), self.weights)
        return sorted((row for row, keep in zip(rows, kept, strict=True) if keep), key=lambda row: -(row.fitness or 0))


def check_objectives(names: Sequence[str], known: Iterable[str]) -> None:
    """Refuse objectives after the first that no row will have.

    Raises
    ------
    InputError
        Naming those that a row will have.
    """
    known = sorted(known)
    for name in names[1:]:
        if name.removeprefix("+") not in known:
            raise InputError(f"--objectives: expected {names[0]} and then any of {', '.join(known)}, found {name!r}")


def nondominated(values: NDArray[np.float64], weights: Sequence[float]) -> NDArray[np.bool_]:
    """Which of the points (n, k) belong to the front; of equal points the first."""
    import moocore

    keep: NDArray[np.bool_] = moocore.is_nondominated(values, maximise=np.array(weights) > 0)
    return keep
