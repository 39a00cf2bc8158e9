"""Look-ups that take their time, and say so in a folder: the evaluator of searches that meet a fault half-way."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from nasgen.evaluation import Outcome, Request
from nasgen.training.evaluators import TableEvaluator

FOREVER = 600


class SlowLookup(TableEvaluator):
    """Waits for ``pause`` seconds, and looks up.

    Leaves the file ``begun-NUMBER-PID`` in ``marks``. While that holds a file named ``hold`` it leaves
    ``held-NUMBER-PID`` and waits, and where it holds one named ``hang``, it never answers and keeps Python's lock.
    """

    def __init__(self, table: str, fitness: str, marks: str, pause: float) -> None:
        super().__init__(table, fitness)
        self.marks, self.pause = Path(marks), pause

    def evaluate(self, request: Request) -> Outcome:
        name = f"{request.number}-{os.getpid()}"
        (self.marks / f"begun-{name}").touch()
        time.sleep(self.pause)
        while (self.marks / "hold").exists():
            (self.marks / f"held-{name}").touch()
            if (self.marks / "hang").exists():
                ctypes.PyDLL(None).sleep(FOREVER)
            time.sleep(0.02)
        return super().evaluate(request)
