"""Every executor keeps the contract, and the contract catches executors that do not."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from contracts.executor_contract import CHECKS, Make, one_worker, two_workers

from nasgen.evaluation import Outcome
from nasgen.executors import (
    Event,
    Finished,
    InlineExecutor,
    Job,
    Started,
    Token,
)

PATIENCE = 30.0


@pytest.mark.parametrize("make", [InlineExecutor, one_worker, two_workers])
@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: Callable[[Make, float], None], make: Make) -> None:
    check(make, PATIENCE)


# The contract catches executors that are broken in one way each.


class LosesAJob(InlineExecutor):
    def wait(self, timeout: float | None = None) -> list[Event]:
        return [event for event in super().wait(timeout) if event.token.number != 3]


class TellsTwice(InlineExecutor):
    def wait(self, timeout: float | None = None) -> list[Event]:
        return super().wait(timeout) * 2


class StartsAfterTheEnd(InlineExecutor):
    def wait(self, timeout: float | None = None) -> list[Event]:
        events = super().wait(timeout)
        return [*events, *(Started(event.token) for event in events)]


class AnswersAnotherJob(InlineExecutor):
    def submit(self, job: Job) -> None:
        super().submit(Job(job.token, replace(job.request, genotype="another")))


class ForgetsTheSeconds(InlineExecutor):
    def wait(self, timeout: float | None = None) -> list[Event]:
        events = super().wait(timeout)
        return [
            Finished(event.token, Outcome(event.outcome.fitness)) for event in events if isinstance(event, Finished)
        ]


class TakesMore(InlineExecutor):
    def submit(self, job: Job) -> None:
        self._job = job


class CannotKill(InlineExecutor):
    def kill(self, token: Token) -> None:
        return


class KillsWithoutLooking(InlineExecutor):
    def kill(self, token: Token) -> None:
        self._job = None


class WaitsForNothing(InlineExecutor):
    def wait(self, timeout: float | None = None) -> list[Event]:
        if self._job is None:
            time.sleep(timeout or 0)
        return super().wait(timeout)


class LeavesAProcess(InlineExecutor):
    children: list[subprocess.Popen[bytes]] = []  # noqa: RUF012 (the test ends them)

    def close(self) -> None:
        super().close()
        self.children.append(subprocess.Popen(["sleep", "60"]))


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (LosesAJob, "check_every_job_gets_one_terminal_event"),
        (TellsTwice, "check_every_job_gets_one_terminal_event"),
        (StartsAfterTheEnd, "check_started_comes_at_most_once_and_first"),
        (AnswersAnotherJob, "check_outcomes_are_those_of_the_evaluator"),
        (ForgetsTheSeconds, "check_seconds_are_measured"),
        (TakesMore, "check_more_than_capacity_is_refused"),
        (CannotKill, "check_killed_job_is_never_heard_of_and_frees_its_slot"),
        (KillsWithoutLooking, "check_kill_of_a_strange_token_is_ignored"),
        (WaitsForNothing, "check_wait_returns_at_once_where_nothing_is_under_way"),
        (LeavesAProcess, "check_close_leaves_no_process"),
    ],
)
def test_contract_catches(broken: Make, name: str) -> None:
    check = next(check for check in CHECKS if check.__name__ == name)
    try:
        with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
            check(broken, 0.5)
    finally:
        for child in LeavesAProcess.children:
            child.kill()
            child.wait()
        LeavesAProcess.children.clear()
