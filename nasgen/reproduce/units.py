"""Many small pieces of work on all cores, with the time left on stderr."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from nasgen.errors import ExecutorError
from nasgen.training.numerics import cores
from nasgen.view import SECONDS_BETWEEN_LINES, duration

Unit = TypeVar("Unit")
Shared = TypeVar("Shared")
Result = TypeVar("Result")


def each_unit(
    work: Callable[[Shared, Unit], Result],
    shared: Shared,
    units: Sequence[Unit],
    what: str,
    say: Callable[[str], None],
    cost: Callable[[Unit], float] = lambda _: 1.0,
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

    Raises
    ------
    ExecutorError
        If a process is lost.
    """
    left = sum(map(cost, units))
    done, started = 0.0, 0.0
    last = time.monotonic()
    # spawned, not forked: threads of libraries that this process has loaded do not survive a fork
    pool = ProcessPoolExecutor(
        min(cores(), len(units)), multiprocessing.get_context("spawn"), _start_process, (work, shared)
    )
    try:
        futures = {pool.submit(_do, unit): unit for unit in units}
        for number, future in enumerate(as_completed(futures), start=1):
            unit = futures[future]
            yield unit, future.result()
            now = time.monotonic()
            left -= cost(unit)
            if number == 1:  # until then the processes have started
                started = now
                continue
            done += cost(unit)
            if now - last > SECONDS_BETWEEN_LINES:
                last = now
                say(f"{number}/{len(units)} {what}, time left {duration((now - started) / done * left)}")
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
