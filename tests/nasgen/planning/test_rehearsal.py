"""What a rehearsal trains, and the line through what it measures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_sequences import SPACE, marked
from tiny_training import digits

from nasgen.planning.budget import Regime, SequenceRegime, default_max_macs
from nasgen.planning.rates import Rates, fit_rates
from nasgen.planning.rehearsal import measure_rates
from nasgen.settings import read_arguments
from nasgen.tasks import get_task
from nasgen.training.recipe import Recipe


def test_rates_are_the_line_through_the_measurements() -> None:
    macs = np.array([1e6, 2e6, 4e6])
    rates = fit_rates(macs, 3e-4 + 2e-10 * macs)
    assert rates.constant == pytest.approx(3e-4)
    assert rates.per_mac == pytest.approx(2e-10)
    assert rates.seconds(3e6) == pytest.approx(9e-4)


def test_a_falling_line_is_a_constant_and_one_from_below_zero_begins_there() -> None:
    falling = fit_rates(np.array([1e6, 2e6]), np.array([3e-3, 1e-3]))
    assert falling == Rates(pytest.approx(2e-3), 0.0)  # the mean
    steep = fit_rates(np.array([1e6, 2e6]), np.array([0.0, 5e-3]))
    assert steep == Rates(0.0, pytest.approx(2e-9))  # sum of x y over sum of x x


def test_a_space_that_counts_no_macs_has_a_constant_rate() -> None:
    assert fit_rates(np.zeros(3), np.array([1e-3, 2e-3, 3e-3])) == Rates(pytest.approx(2e-3), 0.0)


def test_networks_are_as_large_as_their_space_makes_them_where_it_knows_no_cap(tmp_path: Path) -> None:
    (tmp_path / "bags.py").write_text(SPACE)
    arguments = read_arguments(out="run", minutes=1.0, space=f"{tmp_path}/bags.py:Plain")
    rates = measure_rates(get_task(marked()), arguments, SequenceRegime(), print)
    assert rates.largest == 64  # up to 32 wide, and two classes: of a hundred drawn one is that wide
    assert rates.seconds(1e9) == rates.seconds(rates.largest)
    assert Rates(1e-3, 1e-6, largest=500).seconds(400) == pytest.approx(1e-3 + 4e-4)
    assert Rates(1e-3, 1e-6, largest=500).seconds(9e9) == pytest.approx(1e-3 + 5e-4)


def test_of_recurrent_networks_no_plan_goes_by_a_cap_that_none_reaches() -> None:
    arguments = read_arguments(out="run", minutes=1.0, space="rnn")
    rates = measure_rates(get_task(marked()), arguments, SequenceRegime(), print)
    assert 0 < rates.largest < 0.5 * default_max_macs((12,))
    assert measure_rates(get_task(digits()), read_arguments(out="run", minutes=1.0), Regime(), print).largest == np.inf


def test_rates_are_never_negative() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        rates = fit_rates(rng.uniform(0, 1e8, 6), rng.uniform(1e-6, 1e-2, 6))
        assert min(rates.constant, rates.per_mac) >= 0
        assert rates.seconds(1e6) > 0


def test_a_rehearsal_trains_under_the_regime_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Muon takes time of its own: rates measured without it would promise more than the search can keep."""
    recipes = []

    def seconds_per_epoch(network: Any, images: Any, recipe: Recipe, steps: int) -> float:
        recipes.append(recipe)
        return 1.0

    monkeypatch.setattr("nasgen.training.speed.seconds_per_epoch", seconds_per_epoch)
    regime = Regime("shift", muon_lr=0.1)
    measure_rates(get_task(digits()), read_arguments(out="run", minutes=1.0), regime, print)
    assert {(recipe.augmentation, recipe.muon_lr) for recipe in recipes} == {("shift", 0.1)}
