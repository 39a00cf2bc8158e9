"""Whose fault: attempts, deadlines and fencing, on a scripted executor and on real workers."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import pytest
from contracts.executor_contract import SPEC

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors import Event, Executor, Finished, InlineExecutor, Job, Lost, ProcessExecutor, Started, Token
from nasgen.executors.faults import Dispatcher

DIED = Failure("worker-lost", "worker ended by SIGKILL")
LATE = Failure("deadline", "no answer before the deadline")
SLOW_TO_START = {**SPEC, "name": SPEC["name"].replace(":Obedient", ":SlowToStart"), "options": {"seconds": 1.0}}


def request(number: int, genotype: str = "healthy") -> Request:
    return Request(number, genotype, key=f"key-{number}", seed=number)


class Scripted(Executor):
    """Tells the events of a script, one list a call, and keeps what it was asked."""

    def __init__(self, *script: list[Event], capacity: int = 1, reached: bool = True) -> None:
        self.script = deque(script)
        self.slots = capacity
        self.reached = reached
        self.larger: list[bool] = []
        self.submitted: list[Token] = []
        self.killed: list[Token] = []

    @property
    def capacity(self) -> int:
        return self.slots

    def submit(self, job: Job) -> None:
        self.submitted.append(job.token)
        self.larger.append(job.larger)

    def wait(self, timeout: float | None = None) -> list[Event]:
        events = self.script.popleft() if self.script else []
        if not events:
            time.sleep(0.01 if timeout is None else timeout)
        return events

    def kill(self, token: Token) -> bool:
        self.killed.append(token)
        return self.reached

    def close(self) -> None:
        return


def finished(number: int, dispatch: int, fitness: float = 0.5) -> Finished:
    return Finished(Token(number, dispatch), Outcome(fitness))


def lost(number: int, dispatch: int) -> Lost:
    return Lost(Token(number, dispatch), DIED, "candidate")


def node_lost(number: int, dispatch: int) -> Lost:
    return Lost(Token(number, dispatch), Failure("worker-lost", "the node is gone"), "environment")


def test_an_answer_is_final() -> None:
    dispatcher = Dispatcher(Scripted([Started(Token(0, 1)), finished(0, 1)]))
    dispatcher.submit(request(0))
    assert dispatcher.in_flight == 1
    assert dispatcher.collect() == [(request(0), Outcome(0.5))]
    assert dispatcher.in_flight == 0
    assert dispatcher.collect() == []


def test_a_candidates_own_failure_is_final() -> None:
    failed = Outcome(failure=Failure("diverged", "the loss is not finite"))
    executor = Scripted([Finished(Token(0, 1), failed)])
    dispatcher = Dispatcher(executor)
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), failed)]
    assert executor.submitted == [(0, 1)]


def test_two_lost_workers_end_a_candidate() -> None:
    dispatcher = Dispatcher(Scripted([lost(0, 1)], [lost(0, 2)]))
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), Outcome(failure=DIED, attempt=2))]


def test_memory_that_ran_out_costs_an_attempt_though_the_worker_told_it() -> None:
    out = Outcome(failure=Failure("out-of-memory", "MemoryError"), seconds=3.0)
    executor = Scripted([Finished(Token(0, 1), out)], [finished(0, 2)])
    dispatcher = Dispatcher(executor)
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), Outcome(0.5, attempt=2))]
    assert executor.larger == [False, True]


def test_the_sixth_lost_node_counts_against_the_candidate() -> None:
    losses = [[node_lost(0, dispatch)] for dispatch in range(1, 8)]
    dispatcher = Dispatcher(Scripted(*losses))
    dispatcher.submit(request(0))
    failure = Failure("worker-lost", "the node is gone")
    assert dispatcher.collect() == [(request(0), Outcome(failure=failure, attempt=2))]


@pytest.mark.parametrize(("reached", "attempt"), [(True, 2), (False, 1)])
def test_a_deadline_counts_where_the_worker_was_there_to_be_ended(reached: bool, attempt: int) -> None:
    executor = Scripted([Started(Token(0, 1))], [], [finished(0, 2)], reached=reached)
    dispatcher = Dispatcher(executor, deadline=lambda _: 0.02)
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), Outcome(0.5, attempt=attempt))]
    assert executor.killed == [(0, 1)]


@pytest.mark.parametrize("losses", [1, 5])
def test_a_lost_node_costs_no_attempt(losses: int) -> None:
    executor = Scripted(*([node_lost(0, dispatch)] for dispatch in range(1, losses + 1)), [finished(0, losses + 1)])
    dispatcher = Dispatcher(executor, on_lost=lambda *_: pytest.fail("no attempt was lost"))
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), Outcome(0.5, attempt=1))]


def test_late_and_second_answers_are_dropped() -> None:
    late, second = finished(0, 1, fitness=0.1), finished(0, 2, fitness=0.9)
    executor = Scripted([node_lost(0, 1)], [late], [lost(0, 1)], [finished(0, 2), second], [second, finished(1, 1)])
    dispatcher = Dispatcher(executor)
    dispatcher.submit(request(0))
    dispatcher.submit(request(1))
    assert dispatcher.collect() == [(request(0), Outcome(0.5))]
    assert dispatcher.collect() == [(request(1), Outcome(0.5))]


def test_requests_go_out_in_the_order_asked_and_within_the_capacity() -> None:
    executor = Scripted([finished(2, 1)], [lost(1, 1)], [finished(1, 2)], capacity=0)
    dispatcher = Dispatcher(executor)
    for number in (2, 1, 3):
        dispatcher.submit(request(number))
    assert executor.submitted == []
    executor.slots = 1
    dispatcher.submit(request(4))
    assert executor.submitted == [(1, 1)]
    executor.slots = 2
    dispatcher.submit(request(5))
    assert executor.submitted == [(1, 1), (2, 1)]
    dispatcher.collect()
    dispatcher.collect()
    assert executor.submitted == [(1, 1), (2, 1), (3, 1), (1, 2), (4, 1)]
    assert dispatcher.in_flight == 3


def test_a_lost_attempt_is_told_before_the_next_dispatch() -> None:
    executor = Scripted([lost(0, 1)], [lost(0, 2)], [lost(0, 3)])
    told: list[tuple[int, int, Failure, int]] = []

    def on_lost(request: Request, attempt: int, failure: Failure) -> None:
        told.append((request.number, attempt, failure, len(executor.submitted)))

    dispatcher = Dispatcher(executor, attempts=3, on_lost=on_lost)
    dispatcher.submit(request(0))
    (answer,) = dispatcher.collect()
    assert told == [(0, 1, DIED, 1), (0, 2, DIED, 2)]
    assert answer == (request(0), Outcome(failure=DIED, attempt=3))


def test_attempts_of_an_earlier_run_count() -> None:
    dispatcher = Dispatcher(Scripted([lost(0, 1)]))
    dispatcher.submit(request(0), attempts_used=1)
    assert dispatcher.collect() == [(request(0), Outcome(failure=DIED, attempt=2))]


def test_submit_refuses() -> None:
    dispatcher = Dispatcher(Scripted())
    dispatcher.submit(request(0))
    with pytest.raises(ValueError, match="request 0 again"):
        dispatcher.submit(request(0))
    with pytest.raises(ValueError, match=r"0\.\.1, found 2"):
        dispatcher.submit(request(1), attempts_used=2)


def test_the_deadline_counts_from_the_start_alone() -> None:
    executor = Scripted()
    dispatcher = Dispatcher(executor, deadline=lambda _: 0.05)
    dispatcher.submit(request(0))
    assert dispatcher.collect(timeout=0.1) == []
    assert executor.killed == []
    executor.script.append([Started(Token(0, 1))])
    start = time.monotonic()
    assert dispatcher.collect(timeout=0.2) == []  # the first attempt is spent, the second has not started
    assert time.monotonic() - start >= 0.2
    assert executor.killed == [(0, 1)]
    assert executor.submitted == [(0, 1), (0, 2)]
    executor.script.append([Started(Token(0, 2))])
    ((_, outcome),) = dispatcher.collect()
    assert (outcome.failure, outcome.attempt) == (LATE, 2)
    assert outcome.seconds >= 0.05


def test_an_answer_that_is_there_at_the_deadline_counts() -> None:
    executor = Scripted([Started(Token(0, 1)), finished(0, 1)])
    dispatcher = Dispatcher(executor, deadline=lambda _: 0.0)
    dispatcher.submit(request(0))
    assert dispatcher.collect() == [(request(0), Outcome(0.5))]


# On real workers.


def outcomes_of(executor: Executor, genotypes: list[str], deadline: float | None = None) -> dict[str, Outcome]:
    dispatcher = Dispatcher(executor, deadline=None if deadline is None else lambda _: deadline)
    for number, genotype in enumerate(genotypes):
        dispatcher.submit(request(number, genotype))
    answers: dict[str, Outcome] = {}
    while dispatcher.in_flight:
        answers |= {request.genotype: outcome for request, outcome in dispatcher.collect()}
    return answers


def test_faulty_candidates_among_healthy_ones() -> None:
    causes = {
        "raise": ("exception", 1),
        "raise_system_exit": ("exception", 1),
        "diverge": ("diverged", 1),
        "nan": ("non-finite", 1),
        "unserialisable": ("exception", 1),
        "exit 3": ("worker-lost", 2),
        "sigkill": ("worker-lost", 2),
        "hang": ("deadline", 2),
        "hang_with_gil": ("deadline", 2),
        "memory_error": ("out-of-memory", 2),
        "allocate": ("out-of-memory", 2),
    }
    healthy = [f"healthy {number}" for number in range(len(causes))]
    genotypes = [text for pair in zip(causes, healthy, strict=True) for text in pair]
    with ProcessExecutor(SPEC, 2) as executor:
        answers = outcomes_of(executor, genotypes, deadline=0.5)
    assert set(answers) == set(genotypes)
    found = {
        text: (outcome.failure.kind, outcome.attempt)
        for text, outcome in answers.items()
        if outcome.failure is not None
    }
    assert found == causes
    assert answers["hang"].failure == LATE
    assert all(answers[text].attempt == 1 for text in healthy)


def test_inline_and_processes_agree() -> None:
    genotypes = [*(f"healthy {number}" for number in range(8)), "raise", "diverge", "nan", "memory_error", "print"]
    with InlineExecutor(SPEC) as inline, ProcessExecutor(SPEC, 2) as processes:
        one, other = outcomes_of(inline, genotypes), outcomes_of(processes, genotypes)
    for genotype in genotypes:
        assert one[genotype].fitness == other[genotype].fitness
        assert one[genotype].failure == other[genotype].failure
        assert one[genotype].metrics == other[genotype].metrics
        assert one[genotype].attempt == other[genotype].attempt


def test_a_second_attempt_may_succeed(tmp_path: Path) -> None:
    genotype = f"exit_once {tmp_path / 'mark'}"
    with ProcessExecutor(SPEC, 1) as executor:
        outcome = outcomes_of(executor, [genotype])[genotype]
    assert outcome.fitness is not None
    assert outcome.attempt == 2


def test_a_slow_start_is_not_held_against_the_candidate() -> None:
    with ProcessExecutor(SLOW_TO_START, 1) as executor:
        assert outcomes_of(executor, ["healthy"], deadline=0.3)["healthy"].attempt == 1
