"""A worker process: ``python -m nasgen.executors.worker PARENT FD`` evaluates what comes over a socket.

The socket carries lines. In come first the evaluator's spec as JSON, then ``NUMBER DISPATCH REQUEST``; out go
``ready`` or ``refused MESSAGE``, and for every request ``started NUMBER DISPATCH`` and
``finished NUMBER DISPATCH OUTCOME``.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO, NoReturn

PR_SET_PDEATHSIG = 1
WATCH_SECONDS = 0.25


def main(parent: int, fd: int) -> None:
    """Serve the process ``parent`` over the socket ``fd`` until the socket ends."""
    leave_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's
    offer_to_the_out_of_memory_killer()
    # Never closed before the process ends, so that the driver reads the end of the stream as the end of us.
    with open(fd, "rb", closefd=False) as requests, open(fd, "wb", closefd=False) as answers:
        serve(requests, answers)


def leave_with(parent: int) -> None:
    """End this process with its parent: on Linux by the kernel's hand, so even where the GIL is held."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> NoReturn:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def offer_to_the_out_of_memory_killer() -> None:
    """Let Linux end a worker, which is replaced, before it ends the driver or anybody else."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:  # not Linux, or not allowed
        return


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Build the evaluator of the first line, then answer one request a line."""
    from nasgen.executors.wire import outcome_text, request_of
    from nasgen.training.evaluators import answer, build_evaluator

    def send(line: str) -> None:
        answers.write(line.encode() + b"\n")
        answers.flush()

    spec = json.loads(requests.readline())
    try:
        evaluator = build_evaluator(spec)
    except Exception as error:
        send(f"refused {' '.join(f'{type(error).__name__}: {error}'.split())}")
        return
    send("ready")
    for line in requests:
        number, dispatch, request = line.decode().split(" ", 2)
        send(f"started {number} {dispatch}")
        outcome = answer(evaluator, request_of(request))
        send(f"finished {number} {dispatch} {outcome_text(outcome)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
