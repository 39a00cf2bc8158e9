"""The loop of a run: ask, evaluate, record, tell.

A round sees a prefix of the results in the order asked, whatever completes first, so that the same seed asks the
same genotypes on any number of workers. With k the number of a round's first ask, a pipelined strategy sees
``max(0, k - window + 1)`` results and a generational one all k.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from nasgen.errors import InputError, SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation, Outcome, Request, candidate_seed
from nasgen.storage.store import Store
from nasgen.strategies.protocol import Proposal, Strategy, draw_fresh, with_key
from nasgen.training.inheritance import Inheritance, MissingWeightsError
from nasgen.training.stopping import CurveStop

EMPTY_ROUNDS = 100


class Dispatcher(Protocol):
    """What the loop needs of whatever answers requests (:class:`nasgen.executors.faults.Dispatcher`)."""

    def submit(self, request: Request, attempts_used: int = 0) -> None:
        """Queue one request."""
        ...

    def collect(self, timeout: float | None = None) -> list[tuple[Request, Outcome]]:
        """Wait for final outcomes and return those that are there."""
        ...


@dataclass
class Run:
    """One search over a store, from where the store stands to its budget.

    Attributes
    ----------
    evaluations
        Rows to ask for, failures included; None for no limit but ``asks_left``.
    window
        How many asks may be without a result when the next is made.
    fidelity
        That of proposals which name none.
    stopping
        Says at which validation losses a training ends early; None where none does.
    inheritance
        Says whose weights a training starts from; None where every one starts afresh.
    asks_left
        How many more asks the time budget allows while so many are without a result.
    on_result
        Called after each recorded row: the live view.
    exhausted
        Once it has ended: why the strategy had no more to ask, where that was before the budget was spent.
    """

    space: Any
    strategy: Strategy[Any]
    dispatcher: Dispatcher
    store: Store
    seed: int
    evaluations: int | None
    window: int = 1
    fidelity: str = "search"
    stopping: CurveStop | None = None
    inheritance: Inheritance | None = None
    asks_left: Callable[[int], float] = lambda in_flight: math.inf
    on_result: Callable[[Request, Outcome], None] = lambda request, outcome: None
    exhausted: str = field(default="", init=False)
    _asked: int = field(default=0, init=False)
    _told: int = field(default=0, init=False)
    _round: int = field(default=0, init=False)
    _empty_rounds: int = field(default=0, init=False)  # in a row
    _recorded: int = field(default=0, init=False)  # results 0.._recorded - 1 are all in
    _ahead: set[int] = field(default_factory=set, init=False)

    def __call__(self) -> None:
        """Ask, evaluate, record and tell until the budget is spent or the space is exhausted."""
        self._restore()
        while self._budget_left():
            visible = self._asked if self.strategy.generational else max(0, self._asked - self.window + 1)
            self._wait_for(visible)
            self._tell(visible)
            room = self.asks_left(self._asked - self._recorded - len(self._ahead))
            if room < 1:
                break
            try:
                proposals = self._ask(room, force=self._empty_rounds >= EMPTY_ROUNDS)
            except SearchSpaceExhaustedError as error:
                if self._told == self._asked:
                    self.exhausted = str(error)
                    break
                self._wait_for(self._asked)  # what they come to may lead to further asks, as promotions
                self._tell(self._asked)
                continue
            self._empty_rounds = 0 if proposals else self._empty_rounds + 1
            self._commit_and_submit(proposals)
        self._wait_for(self._asked)

    def _restore(self) -> None:
        progress = self.store.meta("progress")
        self._asked = self.store.n_asked
        if progress is not None:
            self._round, self._told, self._empty_rounds = (progress[name] for name in ("round", "told", "empty_rounds"))
            told = self.store.evaluations(0, self._told)
            self.strategy.restore(progress["state"], told)
            self._learn(told)
        pending = self.store.pending()
        self._recorded = pending[0][0].number if pending else self._asked
        unanswered = {request.number for request, _ in pending}
        self._ahead = set(range(self._recorded, self._asked)) - unanswered
        for request, attempts_used in pending:
            self._pin(request)
            self.dispatcher.submit(request, attempts_used)

    def _budget_left(self) -> bool:
        return self.evaluations is None or self._asked < self.evaluations

    def _wait_for(self, visible: int) -> None:
        while self._recorded < visible:
            answers = self.dispatcher.collect()
            lacking = [answer for answer in answers if _lacks_weights(answer[1])]
            for request, outcome in answers:
                if _lacks_weights(outcome):
                    continue
                self.store.record(request.number, outcome)
                self._ahead.add(request.number)
                if self.inheritance is not None:
                    self.inheritance.release(request.number)
                self.on_result(request, outcome)
            for request, outcome in lacking:
                raise InputError(f"evaluation {request.number}: {outcome.failure}; put them back, or search anew")
            while self._recorded in self._ahead:
                self._ahead.remove(self._recorded)
                self._recorded += 1

    def _tell(self, visible: int) -> None:
        if visible > self._told:
            told = self.store.evaluations(self._told, visible)
            self.strategy.tell(told)
            self._learn(told)
            self._told = visible

    def _learn(self, told: Sequence[Evaluation]) -> None:
        for learner in (self.stopping, self.inheritance):
            if learner is not None:
                learner.tell(told)

    def _ask(self, room: float, force: bool) -> list[Proposal[Any]]:
        """The proposals of the next round, each new to the run; no more than there is ``room`` for."""
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self._round,)))
        proposals = [with_key(self.space, proposal) for proposal in self.strategy.ask(rng)]
        if not proposals and force:
            proposals = [Proposal(self.space.sample(rng), operator="sample")]
        if self.evaluations is not None:
            room = min(room, self.evaluations - self._asked)
        proposals = proposals[: None if room == math.inf else int(room)]
        fresh: dict[tuple[str, int, str], Proposal[Any]] = {}
        for proposal in proposals:
            try:
                proposal = self._replaced_if_known(proposal, fresh, rng)
            except SearchSpaceExhaustedError:
                if not fresh:
                    raise
                continue
            fresh[proposal.key, proposal.repeat, proposal.fidelity or self.fidelity] = proposal
        return list(fresh.values())

    def _replaced_if_known(
        self, proposal: Proposal[Any], fresh: dict[tuple[str, int, str], Proposal[Any]], rng: np.random.Generator
    ) -> Proposal[Any]:
        """The proposal, or a random genotype in the place of one that was asked before."""

        def known(key: str, repeat: int = 0, fidelity: str = self.fidelity) -> bool:
            return (key, repeat, fidelity) in fresh or self.store.was_asked(key, fidelity, repeat)

        if proposal.key and not known(proposal.key, proposal.repeat, proposal.fidelity or self.fidelity):
            return proposal
        return draw_fresh(self.space, rng, known, lambda: Proposal(self.space.sample(rng)))

    def _request(self, number: int, proposal: Proposal[Any]) -> Request:
        fidelity = proposal.fidelity or self.fidelity
        return Request(
            number=number,
            genotype=self.space.encode(proposal.genotype),
            key=proposal.key,
            seed=candidate_seed(self.seed, proposal.key, proposal.repeat),
            fidelity=fidelity,
            repeat=proposal.repeat,
            round=self._round,
            parents=proposal.parents,
            operator=proposal.operator,
            predicted=proposal.predicted,
            predicted_std=proposal.predicted_std,
            ceilings=self.stopping.ceilings(fidelity) if self.stopping is not None else (),
            inherits=self.inheritance.of(proposal.parents) if self.inheritance is not None else "",
        )

    def _commit_and_submit(self, proposals: Sequence[Proposal[Any]]) -> None:
        requests = [self._request(self._asked + offset, proposal) for offset, proposal in enumerate(proposals)]
        self._round += 1
        progress = {
            "round": self._round,
            "told": self._told,
            "empty_rounds": self._empty_rounds,
            "state": self.strategy.state(),
        }
        self.store.commit_round(requests, progress)
        self._asked += len(requests)
        for request in requests:
            self._pin(request)
            self.dispatcher.submit(request)

    def _pin(self, request: Request) -> None:
        if self.inheritance is not None:
            self.inheritance.pin(request)


def _lacks_weights(outcome: Outcome) -> bool:
    """Whether a candidate could not start from the weights that its request names: another search would follow."""
    return outcome.failure is not None and outcome.failure.kind == MissingWeightsError.failure_kind
