"""Forecasts: what a lower fidelity's row would come to at the next one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.baselines import RandomSearch
from nasgen.strategies.forecast import FEWEST_PAIRS, Forecast
from nasgen.strategies.halving import PROMOTE, Halving
from predictors.metrics import kendall_tau
from search_spaces import get_space

SPACE = get_space("cnn", input_shape=(3, 32, 32), widths="pyramid", max_macs=20_000_000)
RNG = np.random.default_rng(0)
GENOTYPES = [SPACE.sample(RNG) for _ in range(60)]


def upper(number: int) -> float:
    """What a genotype comes to where it is trained long: the more parameters, the better."""
    return math.log(SPACE.to_graph(GENOTYPES[number]).info["parameters"])


def lower(number: int) -> float:
    """Where it is trained for a short time small networks look better, as do lucky ones."""
    return -0.3 * upper(number) + math.sin(7.0 * number)


def row(number: int, fidelity: str, fitness: float | None) -> Evaluation:
    text = SPACE.encode(GENOTYPES[number])
    failure = None if fitness is not None else Failure("exception", "as planned")
    return Evaluation(Request(number, text, f"k{number}", number, fidelity), Outcome(fitness, failure))


def forecast(pairs: int) -> Forecast[Any]:
    made: Forecast[Any] = Forecast(SPACE)
    for number in range(len(GENOTYPES)):
        made.tell_lower(row(number, "proxy", lower(number)))
    for number in range(pairs):
        made.tell_upper(row(number, "search", upper(number)))
    return made


def test_a_forecast_is_the_same_however_many_are_made_at_once() -> None:
    """A resumed search asks for all at once what the first asked for one by one, and has to promote the same."""
    keys = [f"k{number}" for number in range(len(GENOTYPES))]
    whole, parts = forecast(30), forecast(30)
    assert whole.fitness(keys) == [value for key in keys for value in parts.fitness([key]) or []]


def test_nothing_is_forecast_from_a_few_pairs() -> None:
    assert forecast(FEWEST_PAIRS - 1).fitness(["k0"]) is None
    assert forecast(FEWEST_PAIRS).fitness(["k0"]) is not None


def test_forecasts_rank_better_than_the_lower_results() -> None:
    unseen = range(30, 60)
    expected = forecast(30).fitness([f"k{number}" for number in unseen])
    assert expected is not None
    wanted = [upper(number) for number in unseen]
    assert kendall_tau(wanted, expected) > 0.5
    assert kendall_tau(wanted, [lower(number) for number in unseen]) < 0.1


def test_the_lower_result_counts_where_the_structure_says_nothing() -> None:
    """The same graph under many keys, whose upper results follow the lower ones."""
    made: Forecast[Any] = Forecast(SPACE)
    text = SPACE.encode(GENOTYPES[0])
    for number in range(20):
        for fidelity, tell in (("proxy", made.tell_lower), ("search", made.tell_upper)):
            tell(Evaluation(Request(number, text, f"k{number}", number, fidelity), Outcome(0.1 * (number % 7))))
    expected = made.fitness([f"k{number}" for number in range(7)])
    assert expected == sorted(expected or [])
    assert expected == pytest.approx([0.1 * number for number in range(7)], abs=0.05)


def test_failures_teach_nothing() -> None:
    made = forecast(FEWEST_PAIRS - 1)
    made.tell_lower(row(30, "proxy", None))
    made.tell_upper(row(30, "search", None))
    made.tell_upper(row(31, "search", None))
    assert made.fitness(["k0"]) is None


def climbing(rows: list[Evaluation]) -> Halving[Any]:
    asked = {(told.key, told.request.fidelity) for told in rows}
    inner = RandomSearch(SPACE, lambda key: False)
    made = Halving(SPACE, lambda *pair: pair in asked, inner, ("proxy", "search"), forecasts=True)
    made.restore(made.state(), rows)
    return made


def test_promotions_go_by_the_forecast_once_there_is_one() -> None:
    proxies = [row(number, "proxy", lower(number)) for number in range(60)]
    promoted = [row(number, "search", upper(number)) for number in range(30)]
    best = max(range(30, 60), key=lower)
    (early,) = climbing([*proxies, *promoted[: FEWEST_PAIRS - 1]]).ask(np.random.default_rng(0))
    assert early.key == f"k{max((n for n in range(FEWEST_PAIRS - 1, 60)), key=lower)}"
    strategy = climbing([*proxies, *promoted])
    (late,) = strategy.ask(np.random.default_rng(0))
    assert (late.operator, late.fidelity) == (PROMOTE, "search")
    expected = forecast(30).fitness([f"k{number}" for number in range(30, 60)])
    assert expected is not None
    assert late.key == f"k{30 + int(np.argmax(expected))}" != f"k{best}"


def test_a_failure_is_never_promoted_by_a_forecast() -> None:
    rows = [row(number, "proxy", lower(number)) for number in range(40)]
    rows += [row(number, "search", upper(number)) for number in range(30)]
    rows += [row(number, "proxy", None) for number in range(40, 60)]
    asked = {(told.key, told.request.fidelity) for told in rows}
    strategy = climbing(rows)
    strategy.asked = lambda *pair: pair in asked
    while True:
        (proposal,) = strategy.ask(np.random.default_rng(0))
        if proposal.operator != PROMOTE:
            break
        assert int(proposal.key[1:]) in range(30, 40)
        asked.add((proposal.key, "search"))
