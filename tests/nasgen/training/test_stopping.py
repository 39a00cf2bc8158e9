"""The learning-curve stop: which losses are hopeless, and that a threshold travels with its request."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.training.stopping import FEWEST, SLACK, CurveStop, hopeless


def row(number: int, fitness: float | None, loss: Sequence[float], fidelity: str = "search", **more: int) -> Evaluation:
    failure = None if fitness is not None else Failure("diverged", "as planned")
    metrics = {"loss": list(loss), **more}
    return Evaluation(Request(number, "g", f"k{number}", 0, fidelity), Outcome(fitness, failure, metrics))


def curves(count: int, first: int = 0) -> list[Evaluation]:
    """The n-th has fitness n / 100 and losses 3 - n / 100, 2 - n / 100, 1 - n / 100."""
    return [row(n, n / 100, [3 - n / 100, 2 - n / 100, 1 - n / 100]) for n in range(first, first + count)]


def test_nothing_is_stopped_before_enough_curves_are_known() -> None:
    stop = CurveStop()
    stop.tell(curves(FEWEST - 1))
    assert stop.ceilings("search") == ()
    stop.tell(curves(1, first=FEWEST))
    assert stop.ceilings("search") != ()


def test_the_ceiling_is_a_tenth_above_the_worst_of_the_best_at_the_same_epoch() -> None:
    stop = CurveStop()
    stop.tell(curves(40))  # the best tenth: 36..39, of which 36 has the highest losses
    first, second = stop.ceilings("search")
    assert first is None  # the first epoch says too little, and after the last there is nothing to save
    assert second == pytest.approx(SLACK * 1.64)


def test_three_are_the_best_of_a_few() -> None:
    stop = CurveStop()
    stop.tell(curves(10))
    assert stop.ceilings("search")[1] == pytest.approx(SLACK * 1.93)


def test_fidelities_are_apart() -> None:
    stop = CurveStop()
    stop.tell(curves(10))
    assert stop.ceilings("proxy") == ()


def test_failures_stopped_and_infinite_curves_teach_nothing() -> None:
    stop = CurveStop()
    stop.tell(curves(FEWEST - 1))
    stop.tell([row(50, None, [1.0]), row(51, 0.99, [1.0, 1.0], stopped=2), row(52, 0.99, [1.0, float("inf"), 1.0])])
    stop.tell([Evaluation(Request(53, "g", "k", 0), Outcome(0.5))])  # looked up: no curve
    assert stop.ceilings("search") == ()


def test_hopeless_is_above_the_ceiling_of_its_epoch() -> None:
    ceilings = (None, 1.5, 1.0)
    assert not hopeless(ceilings, 0, 99.0)
    assert not hopeless(ceilings, 1, 1.5)
    assert hopeless(ceilings, 1, 1.6)
    assert not hopeless(ceilings, 3, 99.0)  # beyond what is known
    assert not hopeless((), 1, 99.0)
    assert hopeless(ceilings, 2, float("inf"))
