"""Deadline: how long an evaluation may take before its worker is ended."""

from __future__ import annotations

from collections.abc import Callable

from nasgen.evaluation import Outcome, Request
from nasgen.settings import Settings

LEAST_DEADLINE = 60.0  # seconds
DEADLINE_FACTOR = 10.0  # times the longest evaluation that ended well


class Deadline:
    """What the user said, or a multiple of what others took at the same fidelity, and no more than the clock allows.

    Only evaluations that ended well count: a hang would otherwise allow the next one to hang longer.

    Parameters
    ----------
    settings
        Of the run.
    patience
        The seconds that the clock allows where so many are usual (:meth:`nasgen.storage.clock.Clock.patience`).
    """

    def __init__(self, settings: Settings, patience: Callable[[float], float]) -> None:
        self._given = settings.deadline
        self._first = settings.first_deadline
        self._patience = patience
        self._longest: dict[str, float] = {}

    def note(self, request: Request, outcome: Outcome) -> None:
        """Note how long an evaluation took."""
        if outcome.failure is None:
            self._longest[request.fidelity] = max(self._longest.get(request.fidelity, 0.0), outcome.seconds)

    def __call__(self, request: Request) -> float:
        """The seconds for one that starts now."""
        if self._given is not None:
            return self._given
        usual = self._longest.get(request.fidelity, 0.0)
        own = max(LEAST_DEADLINE, DEADLINE_FACTOR * usual) if usual else self._first
        return min(own, self._patience(usual or self._first / DEADLINE_FACTOR))
