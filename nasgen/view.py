"""View: what a person sees of a search while it goes on, on stderr.

On a terminal one block is kept up to date; elsewhere a plain line is written now and then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from nasgen.evaluation import Outcome, Request

SECONDS_BETWEEN_LINES = 5.0
CAUSES_SHOWN = 4


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``48 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class View:
    """Best so far, evaluations, failures with their causes, and the time left.

    Parameters
    ----------
    evaluations
        Rows the search will ask for; None where time alone ends it.
    seconds
        The time budget; None without one.
    workers
        How many evaluations are under way at once.
    done, failures, best, best_level
        Where a resumed search stands; ``best_level`` is the fidelity of its best.
    fidelities
        Names, from the lowest to the highest: a result of a higher one is better than any of a lower one.
    log
        Takes the lines that stay, too.
    """

    def __init__(
        self,
        evaluations: int | None = None,
        seconds: float | None = None,
        *,
        workers: int = 1,
        done: int = 0,
        failures: dict[str, int] | None = None,
        best: float | None = None,
        best_level: str | None = None,
        fidelities: Sequence[str] = (),
        log: Callable[[str], None] | None = None,
    ) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=4) if self._console.is_terminal else None
        self._evaluations = evaluations
        self._seconds = seconds
        self._workers = workers
        self._done = self._done_before = self._done_on_line = done
        self._failures = dict(failures or {})
        self._best = best
        self._levels = {name: level for level, name in enumerate(fidelities)}
        self._best_level = 0 if best_level is None else self._levels[best_level]
        self._log = log
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(self._block())
            self._live.stop()
        elif self._done > self._done_on_line:
            self._print_line()
        if self._log is not None:
            self._log("  ".join([*self._facts(), *(["interrupted"] if kind is KeyboardInterrupt else [])]))

    def say(self, line: str) -> None:
        """One line that stays."""
        if self._log is not None:
            self._log(line)
        self._console.print(Text(line), soft_wrap=True)

    def result(self, request: Request, outcome: Outcome) -> None:
        """A row was recorded."""
        self._done += 1
        if outcome.failure is not None:
            cause = str(outcome.failure)
            if cause not in self._failures:
                self.say(f"evaluation {request.number} failed: {cause}")
            self._failures[cause] = self._failures.get(cause, 0) + 1
        level = self._levels.get(request.fidelity, 0)
        if outcome.fitness is not None and (
            self._best is None or (level, outcome.fitness) > (self._best_level, self._best)
        ):
            self._best, self._best_level = outcome.fitness, level
        if self._live is not None:
            self._live.update(self._block())
        elif time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._print_line()

    def _print_line(self) -> None:
        self._last_line, self._done_on_line = time.monotonic(), self._done
        print("  ".join(self._facts()), file=sys.stderr, flush=True)

    def _facts(self) -> list[str]:
        of = f"/{self._evaluations}" if self._evaluations is not None else ""
        best = "none yet" if self._best is None else f"{self._best:.4f}"
        facts = [f"evaluations {self._done}{of}", f"best {best}", f"failed {sum(self._failures.values())}"]
        left = self._time_left()
        return [*facts, f"time left {duration(left)}"] if left is not None else facts

    def _time_left(self) -> float | None:
        elapsed = time.monotonic() - self._started
        lefts = []
        if self._seconds is not None:
            lefts.append(max(0.0, self._seconds - elapsed))
        if self._evaluations is not None and self._done > self._done_before:
            begun = self._done - self._done_before + (self._workers - 1) / 2  # what the others are at is half done
            lefts.append(elapsed / begun * (self._evaluations - self._done))
        return min(lefts, default=None)

    def _block(self) -> Group:
        causes = sorted(self._failures.items(), key=lambda item: -item[1])[:CAUSES_SHOWN]
        lines = [Text("   ".join(self._facts()), style="bold")]
        lines += [
            Text(f"  {count} x {cause}", style="red", overflow="ellipsis", no_wrap=True) for cause, count in causes
        ]
        return Group(*lines)
