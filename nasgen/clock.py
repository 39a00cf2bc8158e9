"""Clock: the time a run has used, over all its parts, and what a time budget leaves."""

from __future__ import annotations

import time

from nasgen.settings import Settings
from nasgen.store import Store


class Clock:
    """The time a run has used, over all its parts, and what a time budget leaves for the search.

    Attributes
    ----------
    SEARCH_SHARE
        Part of a time budget after which nothing more is asked; the rest is for what is in training then and
        for the winner's final training.
    """

    SEARCH_SHARE = 0.6

    def __init__(self, store: Store, settings: Settings, started: float) -> None:
        self._store = store
        self._before = float(store.meta("seconds") or 0.0)
        self._started = started
        self._budget = None if settings.minutes is None else 60.0 * settings.minutes
        self._share = self.SEARCH_SHARE if settings.trains else 1.0

    def used(self) -> float:
        """Seconds used so far."""
        return self._before + time.monotonic() - self._started

    def left(self) -> float | None:
        """Seconds left of the whole budget; None without one."""
        return None if self._budget is None else max(1.0, self._budget - self.used())

    def may_ask(self) -> bool:
        """Whether the search may still ask."""
        return self._budget is None or self.used() < self._share * self._budget

    def keep(self) -> None:
        """Store the time used, so that a resume spends the remainder."""
        self._store.set_meta("seconds", self.used())
