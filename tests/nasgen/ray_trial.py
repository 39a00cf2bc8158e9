"""Jobs of hungry candidates on an executor of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray_nodes import PATIENCE, wait_until

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_executor import RayExecutor

HUNGRY = Path(__file__).with_name("hungry_evaluators.py")
OUT_OF_MEMORY = Failure("out-of-memory", "the memory ran out")


def hungry(marks: Path) -> dict[str, Any]:
    """The spec of the evaluator."""
    return {"kind": "file", "name": f"{HUNGRY}:Hungry", "options": {"marks": str(marks)}}


class Trial:
    """Jobs on an executor of its own, and what is seen of them."""

    def __init__(self, executor: RayExecutor, marks: Path) -> None:
        self.executor, self.marks = executor, marks
        self.dispatcher = Dispatcher(executor, deadline=lambda request: PATIENCE)
        self.outcomes: dict[int, Outcome] = {}
        (marks / "hold").touch()

    def submit(self, *genotypes: str) -> None:
        for genotype in genotypes:
            number = self.dispatcher.in_flight + len(self.outcomes)
            self.dispatcher.submit(Request(number, genotype, key=str(number), seed=number))

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Go on with the jobs until a condition holds."""

        def holds() -> Any:
            self.outcomes |= {request.number: outcome for request, outcome in self.dispatcher.collect(0.1)}
            if not self.dispatcher.in_flight:
                self.executor.wait(0.1)
            return condition()

        wait_until(holds, what)

    def begun(self, number: int, times: int = 1) -> bool:
        return len(list(self.marks.glob(f"{number}-*"))) >= times

    def release(self) -> dict[int, Outcome]:
        """Let all that wait go on; the outcomes of all."""
        (self.marks / "hold").unlink()
        self.until(lambda: not self.dispatcher.in_flight, "all end")
        return self.outcomes


def assert_both_slots_work(one: Trial) -> None:
    one.until(lambda: all(slot.ready for slot in one.executor._slots) and one.executor.capacity == 2, "both stand")
    (one.marks / "hold").touch()
    first = len(one.outcomes)
    one.submit("wait hold", "wait hold")
    one.until(lambda: one.begun(first) and one.begun(first + 1), "both evaluate at once")
    one.release()
