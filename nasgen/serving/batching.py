"""Batcher: queries that arrive while a prediction runs are gathered into the next one.

A prediction costs about 3 ms however few genotypes it is for, and a tenth of a millisecond more for each. Nothing waits
for company: whoever comes while nothing runs is answered alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from threadpoolctl import threadpool_limits

from nasgen.serving.predicting import Answer, Asked
from nasgen.serving.query import EXPLANATION

TURN = 256
"""Work in one prediction, some 50 ms: a lone query that comes behind a large one waits no longer than that."""

CHARACTERS = 1000
"""A text counts once more for every so many characters."""


class OverloadedError(Exception):
    """More work waits than can be done soon."""


@dataclass(eq=False, slots=True)
class _Waiting:
    """One request: what it still asks, and what was answered."""

    asked: deque[Asked]
    done: asyncio.Future[list[Answer]]
    answers: list[Answer] = field(default_factory=list)


class Batcher:
    """One thread that predicts, and a queue before it. Used from one event loop, as a context manager.

    Parameters
    ----------
    predict
        One answer a genotype, in order. Called in the thread.
    most_waiting
        Work that may wait, in genotypes (see ``work``).
    coalesce
        False: a prediction for each request alone, whole: what the benchmark compares with.
    """

    def __init__(
        self, predict: Callable[[Sequence[Asked]], list[Answer]], most_waiting: int, coalesce: bool = True
    ) -> None:
        self._predict = predict
        self._most_waiting = most_waiting
        self._coalesce = coalesce
        self._waiting: deque[_Waiting] = deque()
        self._work = 0
        self._running: asyncio.Task[None] | None = None
        # Numeric libraries keep to one thread: two made a batch of 100 half as slow again.
        self._thread = ThreadPoolExecutor(1, "nasgen-predict", initializer=threadpool_limits, initargs=(1,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    async def ask(self, asked: Sequence[Asked]) -> list[Answer]:
        """The answers to some genotypes, in order.

        Raises
        ------
        OverloadedError
            If too much waits already.
        Exception
            Whatever the prediction raised, for all that were in it.
        """
        if not asked:
            return []
        new = sum(map(work, asked))
        if self._work and self._work + new > self._most_waiting:
            raise OverloadedError
        one = _Waiting(deque(asked), asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self._work += new
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        try:
            return await one.done
        finally:
            self._forget(one)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while turn := self._next_turn():
            asked = [each for _, part in turn for each in part]
            try:
                answers = iter(await loop.run_in_executor(self._thread, self._predict, asked))
            except Exception as error:
                for one, _ in turn:
                    self._forget(one)
                    if not one.done.done():
                        one.done.set_exception(error)
            else:
                for one, part in turn:
                    one.answers += [next(answers) for _ in part]
                    if not one.asked and not one.done.done():
                        one.done.set_result(one.answers)
            self._work -= sum(map(work, asked))
        self._running = None

    def _forget(self, one: _Waiting) -> None:
        """Drop what a request still asks: it failed, or whoever asked has gone."""
        self._work -= sum(map(work, one.asked))
        one.asked.clear()

    def _next_turn(self) -> list[tuple[_Waiting, list[Asked]]]:
        """Some genotypes of each request that waits, in equal shares; those that are not through go to the end.

        What is more work than a share waits until its request is the first: light queries pass heavy ones by.
        """
        waiting = [one for one in self._waiting if one.asked]
        room, turn, behind = TURN, list[tuple[_Waiting, list[Asked]]](), list[_Waiting]()
        for place, one in enumerate(waiting):
            share, part = room // (len(waiting) - place) or min(room, 1), list[Asked]()
            while one.asked and ((self._coalesce and work(one.asked[0]) <= share) or not (turn or part)):
                part.append(one.asked.popleft())
                cost = min(work(part[-1]), share)
                share, room = share - cost, room - cost
            if not self._coalesce and part:
                part += one.asked
                one.asked.clear()
            if part:
                turn.append((one, part))
            else:
                behind.append(one)
        self._waiting = deque([*behind, *(one for one, _ in turn if one.asked)])
        return turn


def work(asked: Asked) -> int:
    """What a genotype costs, in short ones that are not explained."""
    return 1 + len(asked.text) // CHARACTERS + (EXPLANATION if asked.explain else 0)
