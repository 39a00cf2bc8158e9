"""Worker processes stand whatever a candidate does to them, and leave with their driver."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts.executor_contract import SPEC, events_of, job, one_worker, two_workers
from processes import assert_gone

from nasgen.evaluation import Failure
from nasgen.executors import (
    Event,
    Executor,
    ExecutorError,
    Finished,
    InlineExecutor,
    Lost,
    ProcessExecutor,
    Started,
    Token,
)

PATIENCE = 30.0
FAULTY = SPEC["name"].rpartition(":")[0]


def spec_of(name: str, **options: Any) -> dict[str, Any]:
    return {"kind": "file", "name": f"{FAULTY}:{name}", "options": options}


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    with two_workers(SPEC) as executor:
        yield executor


def last_of(executor: Executor, genotype: str) -> Event:
    """The terminal event of one genotype."""
    *_, last = events_of(executor, [genotype], PATIENCE)
    return last


# What a candidate does to its worker.


@pytest.mark.parametrize(
    ("genotype", "message"),
    [
        ("exit 3", "worker exited with status 3"),
        ("exit 0", "worker exited with status 0"),
        ("sigkill", "worker ended by SIGKILL"),
        ("segfault", "worker ended by SIGSEGV"),
    ],
)
def test_a_worker_that_ends_is_told_at_once_and_replaced(
    executor: ProcessExecutor, genotype: str, message: str
) -> None:
    last_of(executor, "healthy")
    start = time.monotonic()
    lost = last_of(executor, genotype)
    assert time.monotonic() - start < 3
    assert lost == Lost(Token(0, 1), Failure("worker-lost", message), "candidate")
    assert isinstance(last_of(executor, "healthy"), Finished)


def children() -> list[psutil.Process]:
    """What this process has started, but for the tracker that multiprocessing starts once, in any test, and keeps."""
    started = []
    for process in psutil.Process().children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.ZombieProcess:  # nobody has reaped it
            words = []
        except psutil.NoSuchProcess:  # it ended in between
            continue
        if "resource_tracker" not in " ".join(words):
            started.append(process)
    return started


@pytest.mark.parametrize("genotype", ["hang", "hang_with_gil"])
def test_a_hanging_worker_is_killed_in_no_time(executor: ProcessExecutor, genotype: str) -> None:
    executor.submit(job(0, genotype))
    assert executor.wait(PATIENCE) == [Started(Token(0, 1))]
    assert executor.wait(0.2) == []
    start = time.monotonic()
    executor.kill(Token(0, 1))
    assert time.monotonic() - start < 1
    assert children() == []


def test_what_a_candidate_starts_is_killed_with_it(executor: ProcessExecutor, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    executor.submit(job(0, f"spawn {pid_file}"))
    while not (pid_file.exists() and pid_file.read_text()):
        executor.wait(0.05)
    grandchild = psutil.Process(int(pid_file.read_text()))
    executor.kill(Token(0, 1))
    assert_gone([grandchild])


def test_memory_without_end_is_a_failure_and_the_worker_is_replaced(executor: ProcessExecutor) -> None:
    last = last_of(executor, "allocate")
    assert isinstance(last, Finished)
    assert last.outcome.failure is not None
    assert last.outcome.failure.kind == "out-of-memory"
    assert isinstance(last_of(executor, "healthy"), Finished)


@pytest.mark.parametrize(
    ("genotype", "same"), [("healthy", True), ("raise", True), ("memory_error", False), ("cuda_error", False)]
)
def test_only_a_spoilt_worker_is_replaced(genotype: str, same: bool) -> None:
    with one_worker(SPEC) as executor:
        pids = set()
        for word in ("pid", genotype, "pid"):
            last = last_of(executor, word)
            assert isinstance(last, Finished)
            pids.add(last.outcome.metrics.get("pid"))
    assert len(pids - {None}) == (1 if same else 2)


def test_what_a_candidate_prints_goes_to_the_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with ProcessExecutor(SPEC, 1, log=tmp_path / "log.txt") as executor:
        assert isinstance(last_of(executor, "print"), Finished)
    log = (tmp_path / "log.txt").read_bytes()
    assert b"rubbish" in log
    assert b"more \xff rubbish" in log
    assert b"and here" in log
    assert capfd.readouterr() == ("", "")


def test_inline_keeps_stdout_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with InlineExecutor(SPEC) as executor:
        assert isinstance(last_of(executor, "print"), Finished)
    assert capsys.readouterr().out == ""


def test_threads_are_set_before_the_start() -> None:
    with ProcessExecutor(spec_of("Environment"), 1, threads=3) as executor:
        last = last_of(executor, "healthy")
    assert isinstance(last, Finished)
    assert last.outcome.metrics["OMP_NUM_THREADS"] == "3"


# Workers that do not come to work: the run's fault, and never a loop.


def test_an_evaluator_that_cannot_be_made_ends_the_run_at_once() -> None:
    with two_workers(spec_of("RefusesToStart")) as executor:
        executor.submit(job(0, "healthy"))
        with pytest.raises(ExecutorError, match="FileNotFoundError: no table here"):
            executor.wait(PATIENCE)


def test_a_worker_killed_at_its_start_is_the_environments_loss(tmp_path: Path) -> None:
    with one_worker(spec_of("DiesAtStart", until=str(tmp_path / "mark"))) as executor:
        failure = Failure("worker-lost", "worker ended by SIGKILL")
        assert last_of(executor, "healthy") == Lost(Token(0, 1), failure, "environment")
        assert isinstance(last_of(executor, "healthy"), Finished)


def test_workers_that_never_start_end_the_run() -> None:
    with one_worker(spec_of("DiesAtStart")) as executor:
        for _ in range(2):
            assert isinstance(last_of(executor, "healthy"), Lost)
        executor.submit(job(0, "healthy"))
        with pytest.raises(ExecutorError, match=r"3 workers in a row.*SIGKILL.*log"):
            executor.wait(PATIENCE)


def test_a_worker_that_hangs_at_its_start_is_given_up() -> None:
    with ProcessExecutor(spec_of("SlowToStart", seconds=60), 1, patience=0.3) as executor:
        executor.submit(job(0, "healthy"))
        assert executor.wait(PATIENCE) == [
            Lost(Token(0, 1), Failure("worker-lost", "worker did not begin"), "environment")
        ]


def test_a_worker_that_died_idle_costs_nobody_an_attempt(executor: ProcessExecutor) -> None:
    last_of(executor, "healthy")
    (child,) = children()
    child.kill()
    executor.submit(job(0, "healthy"))  # its end has not been read yet
    events: list[Event] = []
    while not any(isinstance(event, Lost | Finished) for event in events):
        events += executor.wait(PATIENCE)
    assert events == [Lost(Token(0, 1), Failure("worker-lost", "worker ended by SIGKILL"), "environment")]
    assert isinstance(last_of(executor, "healthy"), Finished)


def test_descriptors_and_memory_are_flat_over_respawns() -> None:
    driver = psutil.Process()
    with one_worker(SPEC) as executor:
        last_of(executor, "exit 1")
        descriptors, memory = driver.num_fds(), driver.memory_info().rss
        for _ in range(15):
            assert isinstance(last_of(executor, "exit 1"), Lost)
        assert driver.num_fds() == descriptors
        assert driver.memory_info().rss - memory < 4_000_000
        assert children() == []


def test_wait_is_woken_by_a_result(executor: ProcessExecutor) -> None:
    last_of(executor, "healthy")
    start = time.monotonic()
    executor.submit(job(0, "sleep 0.1"))
    while not any(isinstance(event, Finished) for event in executor.wait(PATIENCE)):
        pass
    assert 0.1 <= time.monotonic() - start < 0.6


# Workers leave with the driver.

DRIVER = """
import sys
from contracts.executor_contract import SPEC, job
from nasgen.executors import ProcessExecutor

executor = ProcessExecutor(SPEC, 2)
executor.submit(job(0, "hang_with_gil"))
executor.submit(job(1, "sleep 600"))
started = 0
while started < 2:
    started += len(executor.wait())
print("started", flush=True)
executor.wait()
"""


def test_no_orphan_outlives_a_killed_driver() -> None:
    path = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"started\n"
        workers = psutil.Process(driver.pid).children(recursive=True)
        assert len(workers) == 2
        driver.kill()
        driver.wait()
        assert_gone(workers)


def test_a_worker_whose_driver_died_before_it_looked_leaves() -> None:
    command = [sys.executable, "-c", "from nasgen.executors.worker import leave_with; leave_with(1 << 30)"]
    assert subprocess.run(command, check=False).returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_ignore_ctrl_c_and_are_the_kernels_first_choice(executor: ProcessExecutor) -> None:
    last_of(executor, "healthy")
    (worker,) = children()
    assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text() == "1000\n"
    worker.send_signal(2)
    assert isinstance(last_of(executor, "healthy"), Finished)
    assert worker.is_running()
