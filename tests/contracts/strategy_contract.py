"""What every strategy must do: run each of ``CHECKS`` with a function that makes one from (space, asked).

Each check plays the strategy without the engine, on the landscape of :mod:`contracts.landscape`, and fails with an
AssertionError where a law is broken.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from contracts.landscape import SPACE, FewCells, outcome_of
from nasgen.errors import SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.protocol import Proposal, Strategy, with_key
from search_spaces.nasbench201 import NasBench201Space

Make = Callable[[Any, Callable[[str], bool]], Strategy[Any]]
Answer = Callable[[Request], Outcome]

ROWS = 40
RESTORED_ROWS = 60
WINDOW = 4


def landscape(request: Request) -> Outcome:
    """The made-up landscape, which fails one cell in twenty."""
    return outcome_of(request.genotype)


def failure(request: Request) -> Outcome:
    """No candidate has a fitness."""
    return Outcome(failure=Failure("exception", f"ValueError: candidate {request.number}"))


class Play:
    """A strategy at play: what the engine does with it, without dispatcher, store and repairs.

    A round sees all results if the strategy is generational, and all but the last ``window - 1`` asks otherwise.
    """

    def __init__(
        self,
        make: Make,
        answer: Answer = landscape,
        *,
        space: NasBench201Space = SPACE,
        seed: int = 0,
        window: int = WINDOW,
    ) -> None:
        self.make, self.answer, self.space, self.seed, self.window = make, answer, space, seed, window
        self.keys: dict[str, None] = {}
        self.rows: list[Evaluation] = []
        self.told = 0
        self.round = 0
        self.strategy = make(space, self.keys.__contains__)

    def step(self) -> list[Proposal[Any]]:
        """Tell what is visible, ask for one round, and answer it."""
        visible = len(self.rows) if self.strategy.generational else max(0, len(self.rows) - self.window + 1)
        if visible > self.told:
            self.strategy.tell(self.rows[self.told : visible])
            self.told = visible
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(self.round,)))
        proposals = [with_key(self.space, proposal) for proposal in self.strategy.ask(rng)]
        for proposal in proposals:
            request = Request(
                number=len(self.rows),
                genotype=self.space.encode(proposal.genotype),
                key=proposal.key,
                seed=len(self.rows),
                fidelity=proposal.fidelity or "search",
                round=self.round,
                parents=proposal.parents,
                operator=proposal.operator,
                predicted=proposal.predicted,
                predicted_std=proposal.predicted_std,
            )
            self.rows.append(Evaluation(request, self.answer(request)))
        self.keys |= dict.fromkeys(proposal.key for proposal in proposals)
        self.round += 1
        return proposals

    def to(self, rows: int) -> Play:
        """Play until there are so many rows; a strategy that will not ask any more fails."""
        empty_rounds = 0
        while len(self.rows) < rows:
            empty_rounds = 0 if self.step() else empty_rounds + 1
            assert empty_rounds < 100, "a hundred rounds in a row are empty"
        return self

    def copy(self) -> Play:
        """Another play that goes on from here with a restored strategy, as after a resume."""
        other = Play(self.make, self.answer, space=self.space, seed=self.seed, window=self.window)
        other.keys |= self.keys
        other.rows, other.told, other.round = list(self.rows), self.told, self.round
        state = json.loads(json.dumps(self.strategy.state(), allow_nan=False))
        other.strategy.restore(state, self.rows[: self.told])
        return other


def requests_of(play: Play) -> list[Request]:
    """What was asked, in order."""
    return [row.request for row in play.rows]


def check_has_what_the_engine_calls(make: Make) -> None:
    assert isinstance(make(SPACE, lambda key: False), Strategy)


def check_a_pipelined_round_has_one_genotype_at_most(make: Make) -> None:
    play = Play(make)
    while len(play.rows) < ROWS and not play.strategy.generational:
        assert len(play.step()) <= 1


def check_asks_are_valid_and_distinct(make: Make) -> None:
    play = Play(make).to(ROWS)
    for row in play.rows:
        assert SPACE.validate(SPACE.decode(row.genotype)) == []
        assert row.key == SPACE.key(SPACE.decode(row.genotype))
    assert len({row.key for row in play.rows}) == len(play.rows)


def check_rounds_are_a_function_of_rng_and_results(make: Make) -> None:
    requests = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  # the global generator is what must not matter
        requests.append(requests_of(Play(make).to(ROWS)))
    assert requests[0] == requests[1]
    assert requests_of(Play(make, seed=1).to(ROWS)) != requests[0], "another seed asks the same"


def check_global_random_is_left_as_it_was(make: Make) -> None:
    before = random.getstate(), repr(np.random.get_state())  # noqa: NPY002  # as above
    Play(make).to(ROWS)
    assert (random.getstate(), repr(np.random.get_state())) == before  # noqa: NPY002  # as above


def check_restored_it_asks_the_same(make: Make) -> None:
    """After every round of a run: the next round; and to the end from some."""
    _check_restored(make, landscape)


def check_restored_it_asks_the_same_where_all_fail(make: Make) -> None:
    _check_restored(make, failure)


def _check_restored(make: Make, answer: Answer) -> None:
    play = Play(make, answer)
    copies: list[Play] = []
    while len(play.rows) < RESTORED_ROWS:
        other = play.copy()
        expected, found = play.step(), other.step()
        assert found == expected, f"round {play.round - 1} differs after a resume"
        if play.round in (2, 3, 7, 31):
            copies.append(other)
    for other in copies:
        assert requests_of(other.to(RESTORED_ROWS)) == requests_of(play)


def check_failures_are_tolerated(make: Make) -> None:
    """All fail; or every other; or all of the first 24 or 31, and then none."""
    patterns: list[Callable[[int], bool]] = [lambda number: True, lambda number: number % 2 == 0]
    patterns += [lambda number, first=first: number < first for first in (24, 31)]
    for fails in patterns:

        def answer(request: Request, fails: Callable[[int], bool] = fails) -> Outcome:
            return failure(request) if fails(request.number) else Outcome(float(request.number))

        assert len(Play(make, answer).to(ROWS).rows) >= ROWS


def check_a_space_is_exhausted_without_repetition(make: Make) -> None:
    space = FewCells()
    everything = {space.key(cell) for cell in space.genotypes()}
    play = Play(make, space=space)
    try:
        for _ in range(200):
            play.step()
    except SearchSpaceExhaustedError:
        assert set(play.keys) == everything
    assert len({(row.key, row.request.fidelity) for row in play.rows}) == len(play.rows)
    assert set(play.keys) <= everything


CHECKS: Sequence[Callable[[Make], None]] = (
    check_has_what_the_engine_calls,
    check_a_pipelined_round_has_one_genotype_at_most,
    check_asks_are_valid_and_distinct,
    check_rounds_are_a_function_of_rng_and_results,
    check_global_random_is_left_as_it_was,
    check_restored_it_asks_the_same,
    check_restored_it_asks_the_same_where_all_fail,
    check_failures_are_tolerated,
    check_a_space_is_exhausted_without_repetition,
)
