"""Evaluators that run out of memory, by their own word or by that of the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

from nasgen.evaluation import Outcome, Request


class Hungry:
    """Does as the genotype says, such as ``starve 1 hold``; leaves ``NUMBER-TIME`` in ``marks`` as it begins."""

    def __init__(self, marks: str) -> None:
        self.marks = Path(marks)

    def evaluate(self, request: Request) -> Outcome:
        begun = len(list(self.marks.glob(f"{request.number}-*")))
        (self.marks / f"{request.number}-{begun}-{os.getpid()}").touch()
        word, *words = request.genotype.split()
        getattr(self, f"do_{word}")(begun, *words)
        return Outcome(fitness=1.0)

    def do_starve(self, begun: int, times: str, hold: str = "") -> None:
        """Run out of memory so many times; after that, wait."""
        if begun < int(times):
            raise MemoryError
        self.do_wait(begun, hold)

    def do_wait(self, begun: int, hold: str = "") -> None:
        """Wait until a file is gone."""
        while hold and (self.marks / hold).exists():
            time.sleep(0.02)

    def do_devour(self, begun: int, gigabytes: str) -> None:
        """Take so much memory and keep it for a while."""
        hoard = [bytearray(os.urandom(1 << 20) * 100) for _ in range(int(float(gigabytes) * 10))]
        time.sleep(60)
        raise AssertionError(f"{len(hoard)} blocks fitted")
