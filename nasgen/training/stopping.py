"""Learning-curve stop: a training that falls behind what the best looked like at the same epoch ends there.

The ceilings are fixed when a candidate is asked for, from the visible results, and travel with the request, so that
the training repeats exactly. A candidate is compared with the best tenth of its fidelity: one whose validation loss
is a tenth higher than the worst of theirs at the same epoch is stopped (a stricter relative of the median rule of
Golovin, Solnik, Moitra et al. 2017, sec. 3.2.2; losses order candidates better than accuracies do).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nasgen.evaluation import Evaluation

FEWEST = 10
"""Whole curves of a fidelity before anything is stopped."""

BEST_SHARE, FEWEST_BEST = 0.1, 3
SLACK = 1.1
SPARED_EPOCHS = 1
"""Epochs at the start that say too little."""

Ceilings = tuple[float | None, ...]


class CurveStop:
    """Learns from whole curves which validation losses are still hopeful."""

    def __init__(self) -> None:
        self._curves: dict[str, list[tuple[float, int, tuple[float, ...]]]] = {}

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Take the curves of trainings that were not stopped."""
        for row in evaluations:
            curve = row.outcome.metrics.get("loss")
            if row.fitness is None or not curve or "stopped" in row.outcome.metrics:
                continue
            if all(math.isfinite(loss) for loss in curve):
                self._curves.setdefault(row.request.fidelity, []).append((-row.fitness, row.number, tuple(curve)))

    def ceilings(self, fidelity: str) -> Ceilings:
        """The highest bearable loss after each epoch, None where any is; empty while too little is known."""
        curves = self._curves.get(fidelity, [])
        if len(curves) < FEWEST:
            return ()
        curves.sort()
        best = [curve for _, _, curve in curves[: max(FEWEST_BEST, math.ceil(BEST_SHARE * len(curves)))]]
        worst = [SLACK * max(losses) for losses in zip(*best, strict=True)]
        return tuple(None if epoch < SPARED_EPOCHS else loss for epoch, loss in enumerate(worst[:-1]))


def hopeless(ceilings: Ceilings, epoch: int, loss: float) -> bool:
    """Whether a training with this validation loss after an epoch, counted from 0, ends there."""
    ceiling = ceilings[epoch] if epoch < len(ceilings) else None
    return ceiling is not None and loss > ceiling
