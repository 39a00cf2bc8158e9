"""Runs in this process whose answers come in an order of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.landscape import SPACE, outcome_of

from nasgen.engine.run import Run
from nasgen.evaluation import Outcome, Request
from nasgen.storage.store import Store
from nasgen.strategies.baselines import RandomSearch

Order = Callable[[list[Request]], list[Request]]


def first_first(waiting: list[Request]) -> list[Request]:
    return waiting[:1]


def last_first(waiting: list[Request]) -> list[Request]:
    return waiting[-1:]


def all_at_once(waiting: list[Request]) -> list[Request]:
    return waiting[::-1]


def oldest_last(waiting: list[Request]) -> list[Request]:
    """The oldest is the slowest of all: it comes when nothing else is left."""
    return waiting[1:2] or waiting


def shuffled(seed: int) -> Order:
    rng = random.Random(seed)
    return lambda waiting: rng.sample(waiting, rng.randint(0, len(waiting)))


ORDERS: dict[str, Order] = {
    "first-first": first_first,
    "last-first": last_first,
    "all-at-once": all_at_once,
    "oldest-last": oldest_last,
    "shuffled": shuffled(1),
}


class Scripted:
    """Answers in an order of its own; ends the process, as it were, after so many results."""

    def __init__(self, order: Order = first_first, interrupt_after: int | None = None) -> None:
        self.order = order
        self.waiting: list[Request] = []
        self.attempts: list[int] = []
        self.most = 0
        self.left = interrupt_after

    def submit(self, request: Request, attempts_used: int = 0) -> None:
        self.waiting.append(request)
        self.attempts.append(attempts_used)
        self.most = max(self.most, len(self.waiting))

    def collect(self, timeout: float | None = None) -> list[tuple[Request, Outcome]]:
        assert self.waiting, "the loop waits for what is not under way"
        done = self.order(self.waiting)
        if self.left is not None:
            if self.left == 0:
                raise KeyboardInterrupt
            done = done[: self.left]
            self.left -= len(done)
        self.waiting = [request for request in self.waiting if request not in done]
        return [(request, outcome_of(request.genotype)) for request in done]


def run(
    path: Path,
    make: Callable[..., Any] = RandomSearch,
    dispatcher: Any = None,
    *,
    space: Any = SPACE,
    evaluations: int | None = 60,
    window: int = 1,
    seed: int = 0,
    **options: Any,
) -> list[tuple[Request, Outcome | None]]:
    """Run, or go on with, a search in a store; the rows that stand there then."""
    with Store(path) as store:
        strategy = make(space, lambda key: store.was_asked(key, "search"))
        Run(space, strategy, dispatcher or Scripted(), store, seed, evaluations, window, **options)()
        return list(store.rows())
