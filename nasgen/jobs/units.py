"""Many pieces of work on all cores, with what is done and the time left on stderr."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import ModuleType
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from nasgen.errors import ExecutorError
from nasgen.training.numerics import cores
from nasgen.view import SECONDS_BETWEEN_LINES, duration

Unit = TypeVar("Unit")
Shared = TypeVar("Shared")
Result = TypeVar("Result")

MOST_SILENT = 60.0
"""Seconds without a line while nothing ends."""


def each_unit(
    work: Callable[[Shared, Unit], Result],
    shared: Shared,
    units: Sequence[Unit],
    what: str,
    say: Callable[[str], None],
    cost: Callable[[Unit], float] = lambda _: 1.0,
    most: int | None = None,
) -> Iterator[tuple[Unit, Result]]:
    """Each unit with ``work(shared, unit)``, as they are done; one process a core, one thread a process.

    Parameters
    ----------
    work
        A function of a module, for the processes import it. What it returns must depend on its arguments alone.
    shared
        Sent to each process once.
    units
        The dearest first, lest one process end long after the others.
    what
        The units in words, for the lines of progress.
    cost
        About how long a unit takes beside others, for the time left.
    most
        Processes at most, where there are fewer than cores.

    Raises
    ------
    ExecutorError
        If a process is lost.
    """
    processes = min(most or cores(), len(units))
    progress = _Progress(sum(map(cost, units)), len(units), processes, what, say)
    # spawned, not forked: threads of libraries that this process has loaded do not survive a fork
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start_process, (work, shared))
    try:
        with _without_main():
            futures = {pool.submit(_do, unit): unit for unit in units}
        ended: SimpleQueue[Future[Result]] = SimpleQueue()
        for future in futures:
            future.add_done_callback(ended.put)
        while progress.ended < len(units):
            try:
                future = ended.get(timeout=progress.until_due())
            except Empty:
                progress.tell(MOST_SILENT)
                continue
            unit = futures[future]
            yield unit, future.result()
            progress.count(cost(unit))
            progress.tell(SECONDS_BETWEEN_LINES)
    except BrokenProcessPool as error:
        raise ExecutorError(
            f"{what}: expected processes that live, found one lost: see whether memory ran out"
        ) from error
    except KeyboardInterrupt:
        for process in multiprocessing.active_children():  # what they are at is lost anyway, and would take seconds
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start within the block do not import the script that this one runs: it would run once more."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _Progress:
    """Lines that say how many units are done, and how long the others take or all of them have taken so far.

    The pace is that since the first unit ended, when the processes had started; it is known once each of them may
    have ended one.
    """

    def __init__(self, left: float, units: int, processes: int, what: str, say: Callable[[str], None]) -> None:
        self._left, self._done = left, 0.0
        self._units, self.ended, self._processes = units, 0, processes
        self._what, self._say = what, say
        self._started = self._first_ended = time.monotonic()
        self._line(f"on {processes} core{'s' if processes > 1 else ''}")

    def until_due(self) -> float:
        """Seconds until a line is due though nothing ends."""
        return max(0.0, self._last + MOST_SILENT - time.monotonic())

    def count(self, cost: float) -> None:
        """A unit has ended."""
        self.ended += 1
        self._left -= cost
        if self.ended == 1:
            self._first_ended = time.monotonic()
        else:
            self._done += cost

    def tell(self, silent: float) -> None:
        """A line, unless the last one is less than so many seconds ago."""
        now = time.monotonic()
        if now - self._last < silent:
            return
        if self.ended > self._processes:
            self._line(f"time left {duration((now - self._first_ended) / self._done * self._left)}")
        else:
            self._line(f"{duration(now - self._started)} so far")

    def _line(self, rest: str) -> None:
        self._last = time.monotonic()
        self._say(f"{self.ended}/{self._units} {self._what}, {rest}")


_here: tuple[Callable[[Any, Any], Any], Any]
"""What a process works on."""


def _start_process(work: Callable[[Any, Any], Any], shared: Any) -> None:
    global _here
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # on Ctrl-C the command speaks, its processes just end
    threadpool_limits(1)
    _here = work, shared


def _do(unit: Any) -> Any:
    work, shared = _here
    return work(shared, unit)
