"""The driver: how long an evaluation may take."""

from __future__ import annotations

import pytest
from test_clock import settings

from nasgen.driver import DEADLINE_FACTOR, LEAST_DEADLINE, Deadline
from nasgen.evaluation import Failure, Outcome


def ended(seconds: float) -> Outcome:
    return Outcome(0.5, seconds=seconds)


def failed(seconds: float, kind: str = "deadline") -> Outcome:
    return Outcome(failure=Failure(kind, "it did"), seconds=seconds)


@pytest.fixture
def deadline() -> Deadline:
    return Deadline(settings(first_deadline=700.0))


def test_the_first_evaluations_have_the_time_of_a_slow_machine(deadline: Deadline) -> None:
    assert deadline() == 700.0
    deadline.note(failed(3.0, "exception"))
    deadline.note(failed(700.0))
    assert deadline() == 700.0


def test_later_ones_have_ten_times_the_longest_that_ended_well(deadline: Deadline) -> None:
    deadline.note(ended(20.0))
    assert deadline() == DEADLINE_FACTOR * 20 == 200
    deadline.note(ended(90.0))
    deadline.note(ended(1.0))
    assert deadline() == 900


def test_a_minute_is_the_least(deadline: Deadline) -> None:
    deadline.note(ended(0.01))
    assert deadline() == LEAST_DEADLINE == 60


@pytest.mark.parametrize("kind", ["deadline", "worker-lost", "out-of-memory", "exception", "diverged"])
def test_failures_never_move_it(deadline: Deadline, kind: str) -> None:
    """Or a hang would allow the next one to hang ten times as long."""
    deadline.note(ended(20.0))
    deadline.note(failed(10_000.0, kind))
    assert deadline() == 200


def test_what_the_user_says_wins() -> None:
    deadline = Deadline(settings(deadline=5.0, first_deadline=700.0))
    assert deadline() == 5
    deadline.note(ended(100.0))
    assert deadline() == 5
