"""Budgets: fixed functions of the images' shape, the rows and the number of evaluations."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from nasgen.planning.budget import (
    MOST_FINAL_EPOCHS,
    MUON_LR,
    PROGRESSIVE,
    SEARCH_PASSES,
    Regime,
    SequenceRegime,
    TrainingBudget,
    default_max_macs,
    fidelity,
    longest_training,
    training_budget,
    window_for,
)
from nasgen.settings import Fidelity
from nasgen.training.recipe import Recipe

SIZES = [2, 10, 100, 320, 1_000, 2_500, 3_500, 5_000, 8_571, 8_600, 10_000, 20_000, 54_000, 1_000_000]
"""Training rows, on both sides of every step of the rules."""

LARGE_IMAGES = Regime.for_images((1, 28, 28), "shift", resizes=True)


def budget(rows: int, all_rows: int | None = None) -> TrainingBudget:
    return training_budget((1, 8, 8), rows, all_rows or rows, Regime())


@pytest.mark.parametrize(
    ("rows", "all_rows", "search_rows", "epochs", "final_epochs"),
    [
        (320, 400, None, 12, 60),  # small data are passed over most often
        (5_000, 6_250, None, 6, 60),  # 30,000 / 5,000, and 500,000 / 6,250 = 80 is too many
        (20_000, 25_000, 10_000, 3, 20),  # three epochs at least, and 30,000 images in all
        (54_000, 60_000, 10_000, 3, 10),  # ten epochs at least
    ],
)
def test_small_data_are_read_often_and_large_ones_in_part(
    rows: int, all_rows: int, search_rows: int | None, epochs: int, final_epochs: int
) -> None:
    one = budget(rows, all_rows)
    assert one.fidelities["search"].rows == search_rows
    assert one.fidelities["search"].recipe["epochs"] == epochs
    assert one.final.rows is None
    assert one.final.recipe["epochs"] == final_epochs


def test_more_rows_are_never_read_more_often() -> None:
    budgets = [budget(rows) for rows in SIZES]
    for part in ("search", "final"):
        fidelities = [one.final if part == "final" else one.fidelities[part] for one in budgets]
        epochs = [each.recipe["epochs"] for each in fidelities]
        assert epochs == sorted(epochs, reverse=True)
        assert min(epochs) >= 1
    read = [one.fidelities["search"].rows or rows for one, rows in zip(budgets, SIZES, strict=True)]
    assert read == sorted(read)
    assert max(one.final.recipe["epochs"] for one in budgets) == MOST_FINAL_EPOCHS


@pytest.mark.parametrize("rows", SIZES)
def test_a_candidate_sees_as_many_images_as_it_may_or_all_of_them_a_dozen_times(rows: int) -> None:
    search = budget(rows).fidelities["search"]
    passes = (search.rows or rows) * search.recipe["epochs"]
    assert passes <= SEARCH_PASSES
    assert passes >= min(12 * rows, 0.85 * SEARCH_PASSES)
    assert 1 <= (search.rows or rows) <= rows


def test_the_recipe_is_that_for_the_rows_read_and_of_the_regime() -> None:
    one = training_budget((1, 28, 28), 54_000, 60_000, LARGE_IMAGES)
    same = {"augmentation": "shift", "progressive": PROGRESSIVE, "muon_lr": MUON_LR}
    assert Recipe(**one.fidelities["search"].recipe) == Recipe.for_rows(10_000, 3).model_copy(update=same)
    assert Recipe(**one.final.recipe) == Recipe.for_rows(60_000, 10).model_copy(update=same)


def test_a_fidelity_names_its_rows_where_it_leaves_some_out() -> None:
    assert fidelity(100, 100, 1, Regime()).rows is None
    assert fidelity(99, 100, 1, Regime()).rows == 99


def test_with_halving_candidates_begin_with_a_quarter_of_the_images() -> None:
    one = training_budget((1, 8, 8), 54_000, 60_000, Regime(), halving=True)
    assert list(one.fidelities) == ["proxy", "search"]
    assert [each.rows for each in one.fidelities.values()] == [2_500, 10_000]
    assert one.fidelities["search"] == training_budget((1, 8, 8), 54_000, 60_000, Regime()).fidelities["search"]


@pytest.mark.parametrize("rows", [100, 600])
def test_a_quarter_of_the_images_are_fewer_epochs_where_rows_are_few(rows: int) -> None:
    one = training_budget((1, 8, 8), rows, rows, Regime(), halving=True)
    assert [each.rows for each in one.fidelities.values()] == [None, None]
    assert [each.recipe["epochs"] for each in one.fidelities.values()] == [3, 12]


def test_large_images_are_read_small_at_first_and_their_convolutions_trained_by_muon() -> None:
    assert Regime.for_images((1, 16, 28), "none", resizes=True) == Regime()
    assert Regime.for_images((1, 28, 24), "flip+shift", resizes=True) == Regime("flip+shift", PROGRESSIVE, MUON_LR)
    assert Regime.for_images((1, 28, 24), "none", resizes=False) == Regime(muon_lr=MUON_LR)


@pytest.mark.parametrize("search", [{}, {"halving": True}, {"samples": 10}], ids=["plain", "halving", "samples"])
def test_every_training_of_a_run_is_under_the_same_regime(search: dict[str, int]) -> None:
    one = training_budget((1, 28, 28), 54_000, 60_000, LARGE_IMAGES, **search)
    for each in (one.final, *one.fidelities.values()):
        assert {name: each.recipe[name] for name in asdict(LARGE_IMAGES)} == asdict(LARGE_IMAGES)


def test_the_cap_on_macs_grows_with_the_image() -> None:
    assert default_max_macs((1, 8, 8)) == budget(320).max_macs == 1_300_000
    assert default_max_macs((1, 28, 28)) == pytest.approx(6.6e6, rel=0.02)
    assert default_max_macs((3, 32, 32)) == pytest.approx(13.7e6, rel=0.02)
    assert default_max_macs((4, 8, 8)) == 2 * default_max_macs((1, 8, 8))


@pytest.mark.parametrize(
    ("rows", "search_rows", "epochs", "final_epochs"),
    [(320, None, 12, 60), (16_000, None, 6, 28), (16_875, 16_666, 6, 27), (54_000, 33_333, 3, 10)],
)
def test_of_sequences_candidates_see_a_hundred_thousand(
    rows: int, search_rows: int | None, epochs: int, final_epochs: int
) -> None:
    one = training_budget((50,), rows, round(rows / 0.9), SequenceRegime())
    assert (one.fidelities["search"].rows, one.fidelities["search"].recipe["epochs"]) == (search_rows, epochs)
    assert one.final.recipe["epochs"] == final_epochs
    assert Recipe(**one.fidelities["search"].recipe) == Recipe.for_sequences(search_rows or rows, epochs)
    assert one.max_macs == default_max_macs((50,)) == 50 * default_max_macs((1,))


@pytest.mark.parametrize(("rows", "all_rows"), [(320, 400), (16_875, 18_750), (90_000, 100_000)])
def test_the_published_protocol_reads_all_sequences_15_times(rows: int, all_rows: int) -> None:
    regime = SequenceRegime(published=True)
    one = training_budget((50,), rows, all_rows, regime)
    expected = Fidelity(recipe=Recipe.published_for_sequences(15).model_dump())
    assert one.fidelities == {"search": expected}
    assert one.final == expected
    halved = training_budget((50,), rows, all_rows, regime, halving=True)
    assert halved.fidelities["search"] == expected
    assert halved.fidelities["proxy"].recipe["epochs"] == 4


def test_the_longest_training_is_three_times_that_of_a_slow_machine() -> None:
    """5 epochs of 1,000 rows at 2 million MACs are 10 thousand million, at half a thousand million a second."""
    whole, part = fidelity(1_000, 1_000, 5, Regime()), fidelity(200, 1_000, 5, Regime())
    assert longest_training(whole, 1_000, 2e6) == pytest.approx(3 * 20)
    assert longest_training(part, 1_000, 2e6) == pytest.approx(3 * 4)
    assert longest_training(whole, 1_000, 4e6) == pytest.approx(3 * 40)


@pytest.mark.parametrize(
    ("evaluations", "window"), [(None, 16), (1, 4), (39, 4), (40, 5), (100, 12), (128, 16), (10_000, 16)]
)
def test_an_eighth_of_the_evaluations_may_be_under_way(evaluations: int | None, window: int) -> None:
    assert window_for(evaluations, trains=True) == window
    assert window_for(evaluations, trains=False) == 1
