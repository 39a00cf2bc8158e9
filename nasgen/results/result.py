"""SearchResult: what a search came to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasgen.evaluation import Evaluation
from nasgen.settings import Settings
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store

if TYPE_CHECKING:
    from nasgen.winner.final import Final


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search came to.

    Attributes
    ----------
    path
        The run's folder.
    best
        The row of highest fitness; None if every candidate failed.
    front
        With several objectives, the rows that no other beats in all of them.
    final
        The winner's final training; None for look-ups.
    evaluations, trained, failed
        Rows asked (failures included), rows with a trained fitness, failed rows.
    seconds
        Wall time of all parts of the search, interruptions excluded.
    baseline
        The result of the random search of equal trainings, where one ran.
    bonus
        What its fitness adds to the validation accuracy.
    """

    path: Path
    best: Evaluation | None
    front: tuple[Evaluation, ...]
    final: Final | None
    evaluations: int
    trained: int
    failed: int
    seconds: float
    baseline: SearchResult | None = field(default=None)
    bonus: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that ``nasgen search --json`` prints."""
        values: dict[str, Any] = {
            "run": str(self.path),
            "best": self._best_json(),
            "evaluations": self.evaluations,
            "trained": self.trained,
            "failed": self.failed,
            "seconds": self.seconds,
        }
        if self.front:
            values["front"] = [
                {"genotype": row.genotype, "fitness": row.fitness, **_numbers(row)} for row in self.front
            ]
        if self.baseline is not None:
            values["baseline"] = self.baseline.to_json()
        return values

    def _best_json(self) -> dict[str, Any] | None:
        if self.best is None:
            return None
        if self.final is None:
            parameters = self.best.outcome.metrics.get("parameters")
            shown, fitness, test_accuracy = self.best.genotype, self.best.fitness, None
            validation_accuracy = self.best.validation_accuracy
        else:
            parameters = self.final.parameters
            shown, fitness, test_accuracy = self.final.genotype, self.final.fitness, self.final.test_accuracy
            validation_accuracy = self.final.validation_accuracy
        beside = {"validation_accuracy": validation_accuracy} if self.bonus else {}
        return {
            "genotype": shown,
            "fitness": fitness,
            **beside,
            "test_accuracy": test_accuracy,
            "parameters": parameters,
        }


def _numbers(row: Evaluation) -> dict[str, float]:
    metrics = row.outcome.metrics.items()
    return {name: value for name, value in metrics if isinstance(value, int | float) and math.isfinite(value)}


def result_of(
    folder: RunFolder, settings: Settings, store: Store, baseline: SearchResult | None = None
) -> SearchResult:
    """What a run has come to so far."""
    from nasgen.winner.final import stored_final

    front: tuple[Evaluation, ...] = ()
    best = store.best()
    if len(settings.objectives) > 1 and best:
        from nasgen.strategies.objectives import Objectives

        highest = best[0].request.fidelity
        rows = [row for row in store.evaluations() if row.request.fidelity == highest]
        front = tuple(Objectives(settings.objectives).front(rows))
    return SearchResult(
        path=folder.path,
        best=best[0] if best else None,
        front=front,
        final=stored_final(store),
        evaluations=store.n_asked,
        trained=store.n_trained,
        failed=store.n_failed,
        seconds=float(store.meta("seconds") or 0.0),
        baseline=baseline,
        bonus=settings.bonus,
    )
