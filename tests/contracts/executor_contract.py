"""What every executor must do: run each of ``CHECKS`` with a function that makes one from an evaluator's spec.

The evaluators are those of ``tests/nasgen/faulty_evaluators.py``. Each check fails with an AssertionError within
``patience`` seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from nasgen.evaluation import Request
from nasgen.executors import Event, Executor, Finished, Job, ProcessExecutor, Started, Token
from nasgen.training.evaluators import answer, build_evaluator

Make = Callable[[Mapping[str, Any]], Executor]

FAULTY = Path(__file__).parents[1] / "nasgen" / "faulty_evaluators.py"
SPEC = {"kind": "file", "name": f"{FAULTY}:Obedient"}
HEALTHY = [f'{{"space": "toy", "value": {value}}}' for value in range(12)]
DIFFICULT = ["raise", "raise_system_exit", "diverge", "nan", "unserialisable", "memory_error", "cuda_error"]
NOISY = ["print", "é ∞ \u2028 line", '"quoted\\n"', "x" * 300_000]


def one_worker(spec: Any) -> ProcessExecutor:
    return ProcessExecutor(spec, 1)


def two_workers(spec: Any) -> ProcessExecutor:
    return ProcessExecutor(spec, 2)


def job(number: int, genotype: str, dispatch: int = 1) -> Job:
    """A job for one genotype."""
    request = Request(number, genotype, key=f"key-{number}", seed=number, parents=("a", "b"), predicted=0.1)
    return Job(Token(number, dispatch), request)


def events_of(executor: Executor, genotypes: Sequence[str], patience: float) -> list[Event]:
    """Run jobs, never more than the capacity at once, and listen a little longer than is needed."""
    waiting = [job(number, genotype) for number, genotype in enumerate(genotypes)]
    under_way = 0
    events: list[Event] = []
    end = time.monotonic() + patience
    while waiting or under_way:
        assert time.monotonic() < end, f"{under_way} jobs of {len(genotypes)} got no terminal event"
        while waiting and under_way < executor.capacity:
            executor.submit(waiting.pop(0))
            under_way += 1
        news = executor.wait(0.2)
        under_way -= sum(not isinstance(event, Started) for event in news)
        events += news
    return events + executor.wait(0.05)


def check_every_job_gets_one_terminal_event(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        events = events_of(executor, HEALTHY + DIFFICULT + NOISY, patience)
    n_jobs = len(HEALTHY + DIFFICULT + NOISY)
    ends = sorted(event.token for event in events if not isinstance(event, Started))
    assert ends == [(number, 1) for number in range(n_jobs)]


def check_started_comes_at_most_once_and_first(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        events = events_of(executor, HEALTHY, patience)
    for token in {event.token for event in events}:
        kinds = [type(event) for event in events if event.token == token]
        assert kinds in ([Finished], [Started, Finished])


def check_outcomes_are_those_of_the_evaluator(make: Make, patience: float) -> None:
    genotypes = [*HEALTHY, *DIFFICULT, *NOISY]
    with make(SPEC) as executor:
        events = events_of(executor, genotypes, patience)
    evaluator = build_evaluator(SPEC)
    for event in events:
        if isinstance(event, Started):
            continue
        assert isinstance(event, Finished)
        expected = answer(evaluator, job(event.token.number, genotypes[event.token.number]).request)
        if genotypes[event.token.number] == "unserialisable":
            assert event.outcome.failure is not None
            assert "JSON" in event.outcome.failure.message
            continue
        assert event.outcome.fitness == expected.fitness
        assert event.outcome.failure == expected.failure
        assert dict(event.outcome.metrics) == {
            name: list(value) if isinstance(value, tuple) else value for name, value in expected.metrics.items()
        }


def check_seconds_are_measured(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        (*_, last) = events_of(executor, ["sleep 0.05"], patience)
    assert isinstance(last, Finished)
    assert 0.05 <= last.outcome.seconds < 0.5


def check_more_than_capacity_is_refused(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        for number in range(executor.capacity):
            executor.submit(job(number, "healthy"))
        with pytest.raises(ValueError, match="wait"):
            executor.submit(job(executor.capacity, "healthy"))


def check_killed_job_is_never_heard_of_and_frees_its_slot(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        for number in range(executor.capacity):
            executor.submit(job(number, "sleep 0.3"))
        executor.kill(Token(0, 1))
        executor.submit(job(99, "healthy"))
        heard: list[Event] = []
        end = time.monotonic() + patience
        missing = {*range(1, executor.capacity), 99}
        while missing and time.monotonic() < end:
            news = executor.wait(0.2)
            heard += news
            missing -= {event.token.number for event in news if not isinstance(event, Started)}
        heard += executor.wait(0.5)
    assert not missing
    assert 0 not in {event.token.number for event in heard}


def check_kill_of_a_strange_token_is_ignored(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        executor.submit(job(0, "healthy", dispatch=2))
        executor.kill(Token(0, 1))
        executor.kill(Token(7, 1))
        end = time.monotonic() + patience
        heard: list[Event] = []
        while not any(isinstance(event, Finished) for event in heard) and time.monotonic() < end:
            heard += executor.wait(0.2)
    assert [event.token for event in heard if isinstance(event, Finished)] == [(0, 2)]


def check_wait_returns_at_once_where_nothing_is_under_way(make: Make, patience: float) -> None:
    with make(SPEC) as executor:
        start = time.monotonic()
        assert executor.wait(patience) == []
        events_of(executor, HEALTHY[:1], patience)
        assert executor.wait(patience) == []
        assert time.monotonic() - start < patience


def own_processes() -> set[int]:
    """Processes below this one, but for those that a cluster has whether anybody uses it or not."""
    names = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it may end in between
            names[process.pid] = process.name()
    of_the_cluster = ("raylet", "gcs_server", "ray::IDLE", "ray::DashboardA", "ray::RuntimeEnv")
    return {pid for pid, name in names.items() if not name.startswith(of_the_cluster)}


def check_close_leaves_no_process(make: Make, patience: float) -> None:
    before = own_processes()
    executor = make(SPEC)
    events_of(executor, HEALTHY, patience)
    for number in range(executor.capacity):
        executor.submit(job(100 + number, "sleep 0.1"))
    executor.close()
    executor.close()
    end = time.monotonic() + min(patience, 2.0)  # a cluster ends an actor soon, but not at once
    while not own_processes() <= before and time.monotonic() < end:
        time.sleep(0.05)
    assert own_processes() <= before


CHECKS: tuple[Callable[[Make, float], None], ...] = (
    check_every_job_gets_one_terminal_event,
    check_started_comes_at_most_once_and_first,
    check_outcomes_are_those_of_the_evaluator,
    check_seconds_are_measured,
    check_more_than_capacity_is_refused,
    check_killed_job_is_never_heard_of_and_frees_its_slot,
    check_kill_of_a_strange_token_is_ignored,
    check_wait_returns_at_once_where_nothing_is_under_way,
    check_close_leaves_no_process,
)
