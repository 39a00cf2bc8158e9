"""How long an evaluation may take."""

from __future__ import annotations

import math

import pytest
from training_settings import settings

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors.deadline import DEADLINE_FACTOR, LEAST_DEADLINE, Deadline

LOW, HIGH = (Request(0, "genotype", "key", 0, fidelity=name) for name in ("proxy", "search"))


def ended(seconds: float) -> Outcome:
    return Outcome(0.5, seconds=seconds)


def failed(seconds: float, kind: str = "deadline") -> Outcome:
    return Outcome(failure=Failure(kind, "it did"), seconds=seconds)


@pytest.fixture
def deadline() -> Deadline:
    return Deadline(settings(first_deadline=700.0), lambda usual: math.inf)


def test_the_first_evaluations_have_the_time_of_a_slow_machine(deadline: Deadline) -> None:
    assert deadline(LOW) == 700.0
    deadline.note(LOW, failed(3.0, "exception"))
    deadline.note(LOW, failed(700.0))
    assert deadline(LOW) == 700.0


def test_later_ones_have_ten_times_the_longest_that_ended_well(deadline: Deadline) -> None:
    deadline.note(LOW, ended(20.0))
    assert deadline(LOW) == DEADLINE_FACTOR * 20 == 200
    deadline.note(LOW, ended(90.0))
    deadline.note(LOW, ended(1.0))
    assert deadline(LOW) == 900


def test_a_minute_is_the_least(deadline: Deadline) -> None:
    deadline.note(LOW, ended(0.01))
    assert deadline(LOW) == LEAST_DEADLINE == 60


def test_those_of_another_fidelity_tell_nothing(deadline: Deadline) -> None:
    """A candidate that is trained on ten times the data takes ten times as long."""
    deadline.note(LOW, ended(20.0))
    assert deadline(HIGH) == 700
    deadline.note(HIGH, ended(300.0))
    assert (deadline(LOW), deadline(HIGH)) == (200, 3000)


@pytest.mark.parametrize("kind", ["deadline", "worker-lost", "out-of-memory", "exception", "diverged"])
def test_failures_never_move_it(deadline: Deadline, kind: str) -> None:
    """Or a hang would allow the next one to hang ten times as long."""
    deadline.note(LOW, ended(20.0))
    deadline.note(LOW, failed(10_000.0, kind))
    assert deadline(LOW) == 200


def test_the_clock_has_the_last_word() -> None:
    """A hang shall not cost the time that was promised to the user."""
    deadline = Deadline(settings(first_deadline=700.0), lambda usual: usual + 1)
    assert deadline(LOW) == 700 / DEADLINE_FACTOR + 1  # before any has ended a tenth of the first is usual
    deadline.note(LOW, ended(30.0))
    assert deadline(LOW) == 31
    deadline.note(LOW, ended(80.0))
    assert deadline(LOW) == 81


def test_what_the_user_says_wins() -> None:
    deadline = Deadline(settings(deadline=5.0, first_deadline=700.0), lambda usual: 1.0)
    assert deadline(LOW) == 5
    deadline.note(LOW, ended(100.0))
    assert deadline(LOW) == 5
