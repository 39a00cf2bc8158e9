"""Time budgets: what follows from the rates of a machine, and a search that ends by the clock."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import digits, search

import nasgen
from nasgen.errors import InputError
from nasgen.planning import rehearsal, time_budget
from nasgen.planning.budget import FIDELITY_RATIO, FINAL_SHARES, USABLE, Regime, TrainingBudget, fidelity
from nasgen.planning.plan import plan_search
from nasgen.planning.rates import Rates
from nasgen.planning.time_budget import (
    AMPLE,
    PARALLEL_SLOWDOWN,
    PROMOTED,
    TYPICAL_SHARE,
    budget_for,
    expected_evaluations,
    final_seconds,
    search_seconds,
    share_of_lowest,
)
from nasgen.settings import Fidelity, read_arguments
from nasgen.storage.clock import Clock
from nasgen.storage.folder import RunFolder
from nasgen.tasks import Task, get_task
from nasgen.training.recipe import Recipe

RATES = Rates(constant=1e-4, per_mac=1e-10)
LEFT = np.geomspace(1, 100_000, 80)
"""Seconds, from hopeless to a day."""


@pytest.fixture(scope="module")
def task() -> Task:
    """Of 9,000 training rows and 1,000 for validation, whose pixels nobody looks at."""
    images, labels = np.zeros((10_000, 8, 8), dtype=np.uint8), np.arange(10_000) % 10
    return get_task((images, labels, images[:10], labels[:10]))


def budget(task: Task, left: float, workers: int = 2, evaluations: int | None = None) -> TrainingBudget:
    arguments = read_arguments(out="run", minutes=left / 60, evaluations=evaluations)
    return budget_for(RATES, task, arguments, workers, workers, rows_of(task), Regime(), left)


def rows_of(task: Task) -> int:
    return len(task.split(0)[0])


def passes(one: TrainingBudget, rows: int) -> int:
    return sum(int((each.rows or rows) * each.recipe["epochs"]) for each in one.fidelities.values())


def test_expected_times_by_hand() -> None:
    """100 rows, 3 epochs, 0.8 x 10 million MACs at 1e-4 + 8e6 x 1e-10 = 9e-4 s, a tenth slower side by side."""
    final = fidelity(400, 400, 10, Regime())
    part, whole = fidelity(100, 400, 3, Regime()), fidelity(400, 400, 3, Regime())
    assert (TYPICAL_SHARE, PARALLEL_SLOWDOWN) == (0.8, 1.1)
    one, two = (TrainingBudget(10_000_000, ladder, final) for ladder in ({"s": part}, {"p": part, "s": whole}))
    assert search_seconds(RATES, one, 400) == pytest.approx(1.1 * 300 * 9e-4)
    # of 29 evaluations nine are promotions, of 1,200 images
    assert PROMOTED == 0.45
    assert search_seconds(RATES, two, 400) == pytest.approx(1.1 * (20 / 29 * 300 + 9 / 29 * 1200) * 9e-4)
    # the winner is at the cap, and has all the cores where its batches are large: four are worth 3.2
    large = fidelity(100_000, 100_000, 10, Regime())
    assert final_seconds(RATES, large, 100_000, 1e7, cores=4) == pytest.approx(1e6 * 1.1e-3 / 3.2)
    assert final_seconds(RATES, large, 100_000, 1e7, cores=1) == pytest.approx(1e6 * 1.1e-3)
    assert final_seconds(RATES, fidelity(400, 400, 10, Regime()), 400, 1e7, cores=4) == pytest.approx(4000 * 1.1e-3)
    assert final_seconds(RATES, large, 100_000, 1e5, cores=4) == pytest.approx(1e6 * 1.1e-4)


def test_the_lowest_fidelity_sees_fewer_images_than_the_average() -> None:
    assert share_of_lowest(1) == 1
    assert share_of_lowest(2) == pytest.approx((1 + 0.45) / (1 + 1.8))
    assert share_of_lowest(3) == pytest.approx((1 + 0.45 + 0.2025) / (1 + 1.8 + 3.24))


def test_the_ladder_has_as_many_rungs_as_there_is_time_for(task: Task) -> None:
    lengths = [len(budget(task, left).fidelities) for left in LEFT]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 3)
    for left in LEFT[LEFT > 1000]:
        seen = [(each.rows or rows_of(task)) * each.recipe["epochs"] for each in budget(task, left).fidelities.values()]
        assert list(budget(task, left).fidelities) == ["glimpse", "proxy", "search"]
        assert [upper / lower for lower, upper in pairwise(seen)] == pytest.approx([FIDELITY_RATIO] * 2, rel=0.15)


@pytest.mark.parametrize("rows", [100, 1000, 2500])
def test_no_fidelity_repeats_another_where_the_data_are_soon_seen_often_enough(rows: int) -> None:
    images, labels = np.zeros((rows, 8, 8), dtype=np.uint8), np.arange(rows) % 10
    few = get_task((images, labels, images[:10], labels[:10]))
    for left in LEFT[LEFT > 100]:
        seen = [(one.rows or rows_of(few)) * one.recipe["epochs"] for one in budget(few, left).fidelities.values()]
        assert all(upper > 3 * lower for lower, upper in pairwise(seen))
        assert len(seen) == 1 or seen[0] >= 0.98 * 6000


def test_who_asks_for_halving_has_two_fidelities_however_few_the_images(task: Task) -> None:
    for left in LEFT:
        arguments = read_arguments(out="run", minutes=left / 60, halving=True)
        one = budget_for(RATES, task, arguments, 2, 2, rows_of(task), Regime(), left)
        assert len(one.fidelities) == max(2, len(budget(task, left).fidelities))


def test_a_final_training_that_reads_small_images_at_first_takes_less_time() -> None:
    """A quarter of the pixels for half of the steps."""
    recipe = Recipe.for_rows(400, 10).model_copy(update={"progressive": ((0.5, 0.5),)})
    final = Fidelity(recipe=recipe.model_dump())
    assert final_seconds(RATES, final, 400, 1e7, cores=1) == pytest.approx(0.625 * 4000 * 1.1e-3)


def test_expected_evaluations_fill_the_share_of_the_search_and_are_one_at_least() -> None:
    ladder, final = {"search": fidelity(100, 400, 3, Regime())}, fidelity(400, 400, 3, Regime())
    one = TrainingBudget(10_000_000, ladder, final, search_share=0.5)
    each = 1.1 * 300 * 9e-4
    for workers in (1, 2, 4):
        expected = expected_evaluations(RATES, one, 400, 100.0, workers)
        assert expected == int(0.5 * 100 * workers / each)
    assert expected_evaluations(RATES, one, 400, 0.01, 1) == 1


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_budget_fits_the_time_that_is_left(task: Task, workers: int) -> None:
    rows = rows_of(task)
    for left in LEFT[LEFT > 150]:
        one = budget(task, left, workers)
        final_share = final_seconds(RATES, one.final, len(task.y_train), one.max_macs, workers) / left
        assert expected_evaluations(RATES, one, rows, left, workers) >= 12
        assert final_share + one.search_share <= USABLE + 1e-9
        assert USABLE - FINAL_SHARES[1] <= one.search_share


def test_what_the_longest_final_training_cannot_use_is_the_search_s(task: Task) -> None:
    for left in LEFT[LEFT > 5_000]:
        one = budget(task, left)
        final = final_seconds(RATES, one.final, len(task.y_train), one.max_macs, 2)
        assert one.final.recipe["epochs"] == 60
        assert USABLE - one.search_share == pytest.approx(min(FINAL_SHARES[0], AMPLE * final / left))
    assert budget(task, LEFT[-1]).search_share > 0.9


def test_a_budget_fits_as_many_evaluations_as_were_asked_for(task: Task) -> None:
    for evaluations in (5, 20, 200):
        one = budget(task, 1200.0, evaluations=evaluations)
        assert expected_evaluations(RATES, one, rows_of(task), 1200.0, 2) >= 0.9 * evaluations
    rows = rows_of(task)
    few, many = budget(task, 600.0, evaluations=20), budget(task, 600.0, evaluations=200)
    assert passes(few, rows) > passes(many, rows)


def test_more_time_never_makes_a_budget_smaller(task: Task) -> None:
    rows = rows_of(task)
    budgets = [budget(task, left) for left in LEFT]
    for figures in (
        [one.max_macs for one in budgets],
        [passes(one, rows) for one in budgets],
        [one.final.recipe["epochs"] for one in budgets],
    ):
        assert figures == sorted(figures)
        assert figures[-1] > figures[0]


def narrowing(task: Task, left: float, rates: Rates = RATES) -> TrainingBudget:
    arguments = read_arguments(out="run", minutes=left / 60)
    return budget_for(rates, task, arguments, 2, 2, rows_of(task), Regime(), left, narrows=True)


def test_a_search_on_narrower_networks_sees_more_of_them_and_ends_with_a_wider_one(task: Task) -> None:
    rates, rows = Rates(constant=1e-6, per_mac=1e-10), rows_of(task)
    for left in LEFT[(LEFT > 100) & (LEFT < 300)]:
        arguments = read_arguments(out="run", minutes=left / 60)
        plain = budget_for(rates, task, arguments, 2, 2, rows, Regime(), left)
        narrow = narrowing(task, left, rates)
        assert {one.width for one in plain.fidelities.values()} == {1.0}
        assert {one.width for one in narrow.fidelities.values()} == {0.5}
        assert narrow.final.width == 1
        assert narrow.max_macs > plain.max_macs
        assert narrow.final.recipe["epochs"] <= plain.final.recipe["epochs"]
        evaluations = [expected_evaluations(rates, one, rows, left, 2) for one in (plain, narrow)]
        assert evaluations[1] > evaluations[0]
        assert passes(narrow, rows) > passes(plain, rows)


def test_networks_stay_whole_where_their_width_is_not_what_takes_the_time(task: Task) -> None:
    rates = Rates(constant=1e-2, per_mac=1e-10)
    arguments = read_arguments(out="run", minutes=10.0)
    plain = budget_for(rates, task, arguments, 2, 2, rows_of(task), Regime(), 600.0)
    assert narrowing(task, 600.0, rates) == plain


def test_caps_stay_within_fixed_multiples_of_the_default(task: Task) -> None:
    assert budget(task, LEFT[0]).max_macs == 520_000
    assert budget(task, LEFT[-1]).max_macs == 7_800_000
    shortest, longest = (budget(task, left).fidelities["search"].recipe["epochs"] for left in (LEFT[0], LEFT[-1]))
    assert 1 <= shortest <= longest == 12
    assert budget(task, LEFT[0]).final.recipe["epochs"] == 4


def sampling(task: Task, left: float, evaluations: int | None = None) -> TrainingBudget:
    arguments = read_arguments(out="run", minutes=left / 60, evaluations=evaluations, strategy="irwin-harris")
    return budget_for(RATES, task, arguments, 2, 2, rows_of(task), Regime(), left)


def test_200_networks_read_a_tenth_and_three_all_within_the_time(task: Task) -> None:
    rows = rows_of(task)
    for left in LEFT[LEFT > 600]:
        one = sampling(task, left)
        part, whole = one.fidelities["proxy"], one.fidelities["search"]
        assert (part.rows, whole.rows) == (rows // 10, None)
        assert part.recipe["epochs"] == whole.recipe["epochs"]
        assert one.weights == (200, 3)
        assert expected_evaluations(RATES, one, rows, left, 2) >= 203


def test_where_the_time_is_short_networks_become_smaller_and_then_epochs_fewer(task: Task) -> None:
    budgets = [sampling(task, left) for left in LEFT]
    for figures in ([one.max_macs for one in budgets], [one.fidelities["proxy"].recipe["epochs"] for one in budgets]):
        assert figures == sorted(figures)
        assert figures[0] < figures[-1]
    assert {one.fidelities["proxy"].recipe["epochs"] for one in budgets if one.max_macs > 530_000} >= {2, 12}
    assert all(one.max_macs == 520_000 for one in budgets if one.fidelities["proxy"].recipe["epochs"] < 2)


def test_fewer_networks_train_longer(task: Task) -> None:
    few, many = sampling(task, 600.0, evaluations=43), sampling(task, 600.0)
    assert few.weights == (40, 3)
    assert few.fidelities["proxy"].recipe["epochs"] > many.fidelities["proxy"].recipe["epochs"]


# A search and a plan that rehearse ---------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates as small as they are trained for a few images."""
    for module in (rehearsal, time_budget):
        monkeypatch.setattr(module, "default_max_macs", lambda shape: 200_000)
    monkeypatch.setattr(time_budget, "FEWEST_PASSES", 40)
    monkeypatch.setattr(time_budget, "MOST_PASSES", 700)
    monkeypatch.setattr(rehearsal, "MEASURED_STEPS", 2)


@pytest.mark.usefixtures("quick")
def test_a_search_with_minutes_rehearses_ends_by_the_clock_and_trains_its_winner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under a clock by which each result takes 100 s: of 600 s, more than 500 are the search's.

    Under a window of 2 the clock is looked at before ask k, counted from 0, when k - 1 results are in: at 500 s
    ask 6 is made, at 600 s no other.
    """
    monkeypatch.setattr(Clock, "used", lambda clock: 100.0 * clock._results)
    monkeypatch.setattr("nasgen.winner.final.LONGEST_FINAL_EPOCHS", 2)
    result = search(tmp_path / "run", digits(), evaluations=None, minutes=10.0, surrogate="off", baseline="random")
    assert "rehearsing: how fast is this machine" in capsys.readouterr().err
    settings = RunFolder(tmp_path / "run").settings()
    assert (settings.minutes, settings.evaluations) == (10.0, None)
    assert 80_000 <= settings.space_options["max_macs"] <= 1_200_000
    assert list(settings.fidelities) == ["glimpse", "proxy", "search"]
    assert 5 / 6 < settings.search_share < USABLE
    assert result.evaluations == 7
    assert result.failed == 0
    assert result.final is not None
    assert result.final.epochs in (1, 2)  # what fits into the second that is left
    assert result.baseline is not None
    assert result.baseline.evaluations == 7
    assert result.baseline.final is not None
    assert settings.final is not None
    assert result.baseline.final.epochs == result.final.epochs < settings.final.recipe["epochs"]
    monkeypatch.setattr(Clock, "used", lambda clock: 700.0)  # which the resume reads from the store
    with pytest.raises(InputError, match=r"--minutes 11 leave nothing to a run that has ended: .* more than 1[2-4]\."):
        nasgen.resume(tmp_path / "run", minutes=11.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Arrays as a user stores them, alone in a folder."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "images.npz"
    np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), digits(), strict=True)))
    return path


def plan(file: Path, **values: Any) -> dict[str, Any]:
    arguments = read_arguments(out=str(file.parent / "run"), task=str(file), augment="none", workers=2, **values)
    return plan_search(arguments, lambda line: None)


def test_a_plan_says_what_a_search_of_some_minutes_would_do_and_leaves_nothing(file: Path, quick: None) -> None:
    planned = plan(file, minutes=10.0)
    assert set(planned) == {
        *("space", "strategy", "workers", "window", "evaluations", "max_macs", "augmentation"),
        *(f"{name}_{what}" for name in ("glimpse", "proxy", "search") for what in ("rows", "epochs", "width")),
        *("final_rows", "final_epochs", "seconds_an_evaluation", "seconds_final", "seconds"),
        *("memory_mb", "rehearsal_seconds"),
    }
    assert (planned["space"], planned["strategy"], planned["workers"]) == ("cnn", "evolution", 2)
    assert planned["augmentation"] == "none"
    assert planned["evaluations"] >= 12
    assert planned["seconds"] <= USABLE * 600
    assert [path.name for path in file.parent.iterdir()] == ["images.npz"]


def test_a_plan_of_a_number_of_evaluations_has_the_fixed_budget(file: Path, quick: None) -> None:
    planned = plan(file, evaluations=40)
    assert (planned["evaluations"], planned["window"]) == (40, 5)
    assert (planned["max_macs"], planned["search_epochs"], planned["final_epochs"]) == (1_300_000, 12, 60)
    assert planned["search_rows"] == rows_of(get_task(str(file)))
    each, final = planned["seconds_an_evaluation"], planned["seconds_final"]
    assert planned["seconds"] == pytest.approx(40 * each / 2 + final, abs=40 * 0.05 / 2 + 0.2)


def test_a_plan_refuses_what_a_search_refuses(file: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.npz"):
        plan(file.with_name("gone.npz"), minutes=1.0)
    with pytest.raises(InputError, match=r"--surrogate must be .* found 'magic'"):
        plan(file, evaluations=4, surrogate="magic")


def test_a_plan_of_look_ups_names_no_training(cell_table: Path) -> None:
    arguments = read_arguments(out="run", space="nasbench201", table=str(cell_table), fitness="fitness", evaluations=30)
    planned = plan_search(arguments, lambda line: None)
    assert planned == {"space": "nasbench201", "strategy": "evolution", "workers": 1, "window": 1, "evaluations": 30}
