"""Evaluation in worker processes on this machine, each of which may crash, hang or be killed alone."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal

from nasgen.errors import ExecutorError
from nasgen.evaluation import Failure
from nasgen.executors.base import (
    Event,
    Executor,
    Finished,
    Job,
    Lost,
    Started,
    Token,
    spoils_worker,
)
from nasgen.executors.wire import outcome_of, request_text

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
FALSE_STARTS = 3
REAP_SECONDS = 5.0


class ProcessExecutor(Executor):
    """Evaluates in up to ``workers`` persistent processes, started when they are first needed.

    A worker that has ended is replaced by the next :meth:`submit`. Workers end with this process, even when
    it is killed (on Linux with the *thread* that started them: use an executor from one thread throughout).
    They ignore Ctrl-C, and whatever a candidate prints goes to the log.

    Parameters
    ----------
    spec
        The evaluator's spec, in JSON values.
    workers
        Number of slots.
    threads
        Threads of the numeric libraries in each worker.
    log
        File to which the workers' stdout and stderr are appended; None throws them away.
    patience
        Seconds within which a worker must have started and begun its evaluation.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        workers: int,
        *,
        threads: int = 1,
        log: Path | None = None,
        patience: float = 120.0,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be at least 1, found {workers}")
        self._spec = json.dumps(dict(spec))
        self._capacity = workers
        self._patience = patience
        self._environment = _environment(threads)
        self._log = log
        self._output = log.open("ab") if log is not None else None
        self._selector = selectors.DefaultSelector()
        self._workers: list[_Worker] = []
        self._events: list[Event] = []
        self._false_starts = 0

    @property
    def capacity(self) -> int:
        """The number of workers."""
        return self._capacity

    def submit(self, job: Job) -> None:
        """Give the job to an idle worker, or to a new one where there is none."""
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            if len(self._workers) == self._capacity:
                raise ValueError(f"{self._capacity} jobs at a time have a worker, found one more: wait first")
            worker = _Worker(self._spec, self._environment, self._output)
            self._workers.append(worker)
            self._selector.register(worker.socket, selectors.EVENT_READ, worker)
        worker.take(job)

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Listen to the workers until one of them has started, finished or ended a job."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            for key, _ in self._selector.select(self._pause(end)):
                self._receive(key.data)
            self._give_up_waiting()
            if self._events or not self._busy() or (end is not None and time.monotonic() >= end):
                events, self._events = self._events, []
                return events

    def kill(self, token: Token) -> bool:
        """End the worker that has the job, and forget what it said."""
        for worker in self._busy():
            if worker.job is not None and worker.job.token == token:
                self._end(worker)
        self._events = [event for event in self._events if event.token != token]
        return True

    def close(self) -> None:
        """End and reap all workers."""
        for worker in self._workers:
            worker.strike()
        for worker in list(self._workers):
            self._end(worker)
        self._events.clear()
        self._selector.close()
        if self._output is not None:
            self._output.close()

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def _pause(self, end: float | None) -> float | None:
        """Seconds to listen: none where there is something to tell, at most to the next limit."""
        busy = self._busy()
        if self._events or not busy:
            return 0
        limits = [worker.since + self._patience for worker in busy if not worker.began]
        if end is not None:
            limits.append(end)
        return max(0.0, min(limits) - time.monotonic()) if limits else None

    def _receive(self, worker: _Worker) -> None:
        """Read what a worker has sent; the end of the stream is the end of the worker."""
        try:
            data = worker.socket.recv(1 << 16)
        except OSError:  # reset by a worker that ended with a request unread
            data = b""
        if not data:
            self._lose(worker)
        for line in worker.lines(data):
            self._hear(worker, line)

    def _hear(self, worker: _Worker, line: bytes) -> None:
        word, _, rest = line.partition(b" ")
        if word == b"ready":
            worker.greet()
        elif word == b"refused":
            self._end(worker)
            raise ExecutorError(f"no worker can evaluate: {rest.decode()}")
        else:
            number, dispatch, *text = rest.split(b" ", 2)
            token = Token(int(number), int(dispatch))
            if worker.job is not None and worker.job.token == token:
                self._progress(worker, token, text)

    def _progress(self, worker: _Worker, token: Token, text: list[bytes]) -> None:
        if not text:
            self._false_starts = 0
            worker.began = True
            self._events.append(Started(token))
            return
        outcome = outcome_of(text[0])
        self._events.append(Finished(token, outcome))
        worker.job = None
        if spoils_worker(outcome.failure):
            self._end(worker)

    def _lose(self, worker: _Worker) -> None:
        """Bury a worker that ended by itself, and say what became of its job."""
        job, began = worker.job, worker.began
        manner = self._end(worker)
        if job is None:
            return
        blame: Literal["candidate", "environment"] = "candidate" if began else "environment"
        self._events.append(Lost(job.token, Failure("worker-lost", f"worker {manner}"), blame))
        if not began:
            self._count_false_start(manner)

    def _give_up_waiting(self) -> None:
        """End the workers that did not begin in time, be it at their start-up or between two jobs."""
        for worker in self._busy():
            if worker.job and not worker.began and time.monotonic() > worker.since + self._patience:
                failure = Failure("worker-lost", "worker did not begin")
                self._events.append(Lost(worker.job.token, failure, "environment"))
                self._end(worker)
                self._count_false_start(f"did not begin within {self._patience:g} seconds")

    def _count_false_start(self, manner: str) -> None:
        self._false_starts += 1
        if self._false_starts == FALSE_STARTS:
            where = f"see {self._log}" if self._log is not None else "give a log to see what it printed"
            found = f"{FALSE_STARTS} workers in a row ended before an evaluation began"
            raise ExecutorError(f"{found}; the last {manner}: {where}")

    def _end(self, worker: _Worker) -> str:
        self._workers.remove(worker)
        self._selector.unregister(worker.socket)
        return worker.end()


class _Worker:
    """One worker process with the socket to it and the job it has.

    Attributes
    ----------
    job
        None while it is idle.
    began
        Whether it has begun with the job.
    since
        When it was given the job, by the monotonic clock.
    """

    def __init__(self, spec: str, environment: Mapping[str, str], output: IO[bytes] | None) -> None:
        self.socket, theirs = socket.socketpair()
        self.job: Job | None = None
        self.began = False
        self.since = time.monotonic()
        self._ready = False
        self._tail = b""
        sink = output if output is not None else subprocess.DEVNULL
        command = [sys.executable, "-P", "-X", "faulthandler", "-m", "nasgen.executors.worker"]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*command, str(os.getpid()), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    env=environment,
                    pass_fds=(theirs.fileno(),),
                    process_group=0,  # so that what a candidate starts can be ended with it
                )
            except OSError as error:
                self.socket.close()
                raise ExecutorError(f"no worker process can be started: {error}") from error
        self._send(spec)

    def take(self, job: Job) -> None:
        """Give it a job, which it reads as soon as it is ready."""
        self.job = job
        self.began = False
        self.since = time.monotonic()
        if self._ready:
            self._send_job(job)

    def greet(self) -> None:
        """Note that it is ready, and send it the job that waits for it."""
        self._ready = True
        if self.job is not None:
            self._send_job(self.job)

    def lines(self, data: bytes) -> Iterator[bytes]:
        """The lines that are whole with the data that has come."""
        *lines, self._tail = (self._tail + data).split(b"\n")
        yield from lines

    def strike(self) -> None:
        """Send SIGKILL to it and to whatever it has started."""
        with suppress(ProcessLookupError, PermissionError):  # PermissionError: a zombie, on macOS
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> str:
        """Kill and reap it, and say how it ended; a signal comes too late for one that is ending already."""
        self.strike()
        self.socket.close()
        with suppress(subprocess.TimeoutExpired):  # a process may hang in the kernel, beyond all signals
            self._process.wait(REAP_SECONDS)
        status = self._process.returncode
        if status is None:
            return "does not end"
        return f"exited with status {status}" if status >= 0 else f"ended by {_signal_name(-status)}"

    def _send_job(self, job: Job) -> None:
        self._send(f"{job.token.number} {job.token.dispatch} {request_text(job.request)}")

    def _send(self, line: str) -> None:
        with suppress(OSError):  # it has just ended: the end of its stream tells
            self.socket.sendall(line.encode() + b"\n")


def _environment(threads: int) -> dict[str, str]:
    """The environment of a worker: our own, our import path, and the number of threads."""
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path if Path(entry).exists())
    return {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)), "PYTHONPATH": path}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
