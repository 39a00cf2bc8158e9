"""Irwin-Harris' random search: many on a tenth of the data, the best three on all of it, and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.landscape import SPACE
from tiny_training import contents, digits, search, shorten

from nasgen.errors import InputError, SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.settings import read_arguments
from nasgen.storage.folder import RunFolder
from nasgen.strategies.irwin_harris import RETRAIN, RETRAINED, SAMPLES, IrwinHarris, samples_for


def play(strategy: IrwinHarris[Any], fitness: list[float | None]) -> list[Evaluation]:
    """One row a random genotype, of the fitness given; None is a failure."""
    rows = []
    for number, value in enumerate(fitness):
        assert not strategy.generational
        (proposal,) = strategy.ask(np.random.default_rng(number))
        failure = Failure("exception", "as planned") if value is None else None
        request = Request(number, SPACE.encode(proposal.genotype), proposal.key, number, proposal.fidelity)
        rows.append(Evaluation(request, Outcome(value, failure)))
    return rows


def ask(strategy: IrwinHarris[Any]) -> list[tuple[str, str, str]]:
    return [(one.operator, one.key, one.fidelity) for one in strategy.ask(np.random.default_rng(0))]


def test_the_best_three_are_retrained_when_all_are_in_and_then_it_ends() -> None:
    strategy = IrwinHarris(SPACE, lambda key: False, samples=6)
    rows = play(strategy, [0.3, 0.9, None, 0.5, 0.9, 0.1])
    assert {row.request.fidelity for row in rows} == {"proxy"}
    assert strategy.generational  # who is best is known when all are in
    strategy.tell(rows)
    assert ask(strategy) == [(RETRAIN, rows[number].key, "search") for number in (1, 4, 3)]
    with pytest.raises(SearchSpaceExhaustedError, match="no more to ask"):
        ask(strategy)


def test_restored_it_knows_whom_to_retrain_and_that_it_has_ended() -> None:
    strategy = IrwinHarris(SPACE, lambda key: False, samples=4)
    rows = play(strategy, [0.3, 0.9, 0.5, 0.7])
    other = IrwinHarris(SPACE, lambda key: False, samples=4)
    other.restore(strategy.state(), rows)
    strategy.tell(rows)
    assert other.generational
    assert ask(other) == ask(strategy)
    again = IrwinHarris(SPACE, lambda key: False, samples=4)
    again.restore(strategy.state(), rows)
    with pytest.raises(SearchSpaceExhaustedError):
        ask(again)


def test_of_a_number_of_evaluations_three_are_kept_for_the_best() -> None:
    assert (samples_for(None), samples_for(50), samples_for(2)) == (SAMPLES, 50 - RETRAINED, 1)


def test_a_search_trains_on_a_tenth_and_the_best_three_on_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)
    result = search(tmp_path / "run", digits(), strategy="irwin-harris", evaluations=9)
    fidelities = RunFolder(tmp_path / "run").settings().fidelities
    assert [one.rows for one in fidelities.values()] == [32, None]  # of 320
    rows = contents(tmp_path / "run")
    first, last = rows[:6], rows[6:]
    assert {request.fidelity for request, _ in first} == {"proxy"}
    assert [request.operator for request, _ in last] == [RETRAIN] * 3
    ranked = sorted(first, key=lambda row: -(row[1].fitness or 0))  # type: ignore[union-attr]  # all are in
    assert [request.key for request, _ in last] == [request.key for request, _ in ranked[:3]]
    assert result.best is not None
    assert result.best.request.fidelity == "search"
    assert result.final is not None


@pytest.mark.parametrize(
    "option", [{"halving": True, "evaluations": 9}, {"table": "t.csv", "fitness": "f", "minutes": 1}]
)
def test_what_it_cannot_go_with_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"--strategy irwin-harris trains on a tenth of the data first, found --"):
        read_arguments(out="run", strategy="irwin-harris", **option)


def test_a_baseline_beside_it_is_refused() -> None:
    with pytest.raises(InputError, match="irwin-harris is a random search itself, found --baseline"):
        read_arguments(out="run", strategy="irwin-harris", baseline="random", evaluations=9)
