"""Clock: the time a run has used, over all its parts, and what a time budget leaves."""

from __future__ import annotations

import time

from nasgen.settings import Settings
from nasgen.store import Store


class Clock:
    """The time a run has used, over all its parts, and what a time budget leaves for the search."""

    def __init__(self, store: Store, settings: Settings, started: float) -> None:
        self._store = store
        self._before = float(store.meta("seconds") or 0.0)
        self._started = started
        self._budget = None if settings.minutes is None else 60.0 * settings.minutes
        self._share = settings.search_share
        self._workers = settings.workers
        self._results, self._seconds = 0, 0.0

    def used(self) -> float:
        """Seconds used so far."""
        return self._before + time.monotonic() - self._started

    def left(self) -> float | None:
        """Seconds left of the whole budget; None without one."""
        return None if self._budget is None else max(1.0, self._budget - self.used())

    def may_ask(self, in_flight: int) -> bool:
        """Whether the search may ask once more: whether it ends in time with what is ``in_flight`` already.

        The first ask is always allowed: a budget that the start alone used up shall still end with a network.
        """
        if self._budget is None or not self._store.n_asked:
            return True
        mean = self._seconds / self._results if self._results else 0.0
        return self.used() + in_flight * mean / self._workers < self._share * self._budget

    def note(self, seconds: float) -> None:
        """Note how long an evaluation took."""
        self._results += 1
        self._seconds += seconds
        self.keep()

    def keep(self) -> None:
        """Store the time used, so that a resume spends the remainder."""
        self._store.set_meta("seconds", self.used())
