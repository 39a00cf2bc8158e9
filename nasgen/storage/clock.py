"""Clock: the time a run has used, over all its parts, and what a time budget leaves."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nasgen.settings import Settings
from nasgen.storage.store import Store

SLOWER = 2.0
"""Times what is usual, how long an evaluation may take once the search's share of the time is used."""


class Clock:
    """The time a run has used, over all its parts, and what a time budget leaves for the search."""

    def __init__(self, store: Store, settings: Settings, started: float) -> None:
        self._store = store
        self._before = float(store.meta("seconds") or 0.0)
        self._started = started
        self._budget = None if settings.minutes is None else 60.0 * settings.minutes
        self._share = settings.search_share
        self._workers = settings.workers
        self._expected = settings.expected
        self._finishing = float(store.meta("finishing_seconds") or 0.0)
        self._results, self._seconds = 0, 0.0

    def used(self) -> float:
        """Seconds used so far."""
        return self._before + time.monotonic() - self._started

    def left(self) -> float | None:
        """Seconds left of the whole budget; None without one."""
        return None if self._budget is None else max(1.0, self._budget - self.used())

    def asks_left(self, in_flight: int, workers: int = 0) -> float:
        """How many more evaluations end in time, at the mean of those so far, with so many ``in_flight`` already.

        ``workers`` are those there are now; 0 where none stands yet, for those that the settings foresaw.

        Before the first result the mean is what was expected. One ask is always allowed: a budget that the start alone
        used up shall still end with a network.
        """
        least = 0 if self._store.n_asked else 1
        left, mean = self._search_left(), self._mean()
        if left <= 0:
            return least
        if left == math.inf or mean == 0:
            return math.inf
        return max(least, math.ceil(left * (workers or self._workers) / mean - in_flight))

    def least_minutes(self) -> float:
        """The time budget beyond which the search would go on: its share, and what final trainings took."""
        return (self._finishing + (self.used() - self._finishing) / self._share) / 60

    def patience(self, usual: float) -> float:
        """Seconds that an evaluation which starts now may take, where so many are ``usual``."""
        return max(self._search_left(), SLOWER * usual)

    def _search_left(self) -> float:
        """Seconds left of the search's share of what final trainings before this one have left of the budget."""
        if self._budget is None:
            return math.inf
        return self._share * (self._budget - self._finishing) - (self.used() - self._finishing)

    def _mean(self) -> float:
        """Seconds of an evaluation; 0 where nothing is known."""
        if self._results:
            return self._seconds / self._results
        if self._budget is None or not self._expected:
            return 0.0
        return self._share * self._budget * self._workers / self._expected

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """What happens inside is no time of the search, of which a run that goes on with more minutes has its share."""
        began = self.used()
        try:
            yield
        finally:
            self._finishing += self.used() - began
            self._store.set_meta("finishing_seconds", self._finishing)

    def note(self, seconds: float) -> None:
        """Note how long an evaluation took."""
        self._results += 1
        self._seconds += seconds
        self.keep()

    def keep(self) -> None:
        """Store the time used, so that a resume spends the remainder."""
        self._store.set_meta("seconds", self.used())
