"""Evaluators that do what the genotype's text says, such as "hang" or "exit 3"; any other text is healthy."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from nasgen.evaluation import Failure, Outcome, Request

FOREVER = 600


class Obedient:
    """Does as the genotype says; ``touch`` names a folder in which every evaluation leaves a file."""

    def __init__(self, touch: str | None = None) -> None:
        self.touch = touch

    def evaluate(self, request: Request) -> Outcome:
        if self.touch is not None:
            marks = Path(self.touch)
            (marks / f"{request.number}-{os.getpid()}-{time.monotonic_ns()}").touch()
        word, *words = request.genotype.split()
        return getattr(self, f"do_{word}", self.healthy)(request, *words)

    def healthy(self, request: Request, *_: str) -> Outcome:
        fitness = zlib.crc32(f"{request.genotype}/{request.seed}".encode()) / 2**32
        return Outcome(fitness=fitness, metrics={"accuracy": [fitness / 2, fitness], "parents": request.parents})

    def do_raise(self, request: Request) -> Outcome:
        raise ValueError("this candidate raises, with \n two lines and a % sign")

    def do_raise_system_exit(self, request: Request) -> Outcome:
        sys.exit(4)

    def do_diverge(self, request: Request) -> Outcome:
        return Outcome(failure=Failure("diverged", "the loss is not finite"))

    def do_nan(self, request: Request) -> Outcome:
        return Outcome(fitness=float("nan"))

    def do_unserialisable(self, request: Request) -> Outcome:
        return Outcome(fitness=1.0, metrics={"what": object()})

    def do_hang(self, request: Request) -> Outcome:
        ctypes.CDLL(None).sleep(FOREVER)
        raise AssertionError("woken")

    def do_hang_with_gil(self, request: Request) -> Outcome:
        ctypes.PyDLL(None).sleep(FOREVER)
        raise AssertionError("woken")

    def do_sleep(self, request: Request, seconds: str) -> Outcome:
        time.sleep(float(seconds))
        return self.healthy(request)

    def do_exit(self, request: Request, status: str) -> Outcome:
        os._exit(int(status))

    def do_sigkill(self, request: Request) -> Outcome:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("survived")

    def do_segfault(self, request: Request) -> Outcome:
        ctypes.string_at(0)
        raise AssertionError("survived")

    def do_exit_once(self, request: Request, mark: str) -> Outcome:
        """End the worker, but not at the second attempt, which finds the mark."""
        if not Path(mark).exists():
            Path(mark).touch()
            os._exit(3)
        return self.healthy(request)

    def do_memory_error(self, request: Request) -> Outcome:
        raise MemoryError

    def do_allocate(self, request: Request) -> Outcome:
        """Allocate without end, below a limit that spares the machine."""
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000,) * 2)
        hoard = []
        while True:
            hoard.append(bytearray(10_000_000))

    def do_cuda_error(self, request: Request) -> Outcome:
        raise RuntimeError("CUDA error: device-side assert triggered")

    def do_print(self, request: Request) -> Outcome:
        print("finished 0 1 {}\nrubbish", flush=True)
        os.write(1, b"more \xff rubbish")
        sys.stderr.write("and here")
        return self.healthy(request)

    def do_spawn(self, request: Request, pid_file: str) -> Outcome:
        """Start a process of its own, then hang."""
        child = subprocess.Popen(["sleep", str(FOREVER)])
        Path(pid_file).write_text(str(child.pid))
        return self.do_hang(request)

    def do_pid(self, request: Request) -> Outcome:
        return Outcome(fitness=1.0, metrics={"pid": os.getpid()})


class RefusesThere(Obedient):
    """Raises when it is made on a machine whose environment has the variable ``REFUSES``."""

    def __init__(self) -> None:
        if "REFUSES" in os.environ:
            raise FileNotFoundError("no table on this machine")
        super().__init__()


class RefusesToStart:
    """Raises when it is made, as an evaluator does whose table has vanished."""

    def __init__(self) -> None:
        raise FileNotFoundError("no table here")

    def evaluate(self, request: Request) -> Outcome:
        raise AssertionError("never made")


class DiesAtStart:
    """Ends its process when it is made, every time or until a file is there."""

    def __init__(self, until: str = "") -> None:
        if not until or not Path(until).exists():
            if until:
                Path(until).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.obedient = Obedient()

    def evaluate(self, request: Request) -> Outcome:
        return self.obedient.evaluate(request)


class SlowToStart(Obedient):
    """Takes long to be made, as one that imports torch does."""

    def __init__(self, seconds: float) -> None:
        time.sleep(seconds)
        super().__init__()


class Environment:
    """Answers with the variables that it finds."""

    def evaluate(self, request: Request) -> Outcome:
        found: dict[str, Any] = {name: value for name, value in os.environ.items() if "THREADS" in name}
        return Outcome(fitness=1.0, metrics=found)
