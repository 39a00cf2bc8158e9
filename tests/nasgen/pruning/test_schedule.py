"""How many weights go at each step: counts worked out by hand."""

from __future__ import annotations

import pytest
import torch

from nasgen.pruning import Bucket, Cubic, FixedSize, Geometric, OneShot, Relative, Schedule
from nasgen.pruning.schedule import Left, Once
from search_spaces.sparse.measures import kept_at


def left(total: int, count: int | None = None) -> Left:
    return Left(total, torch.arange(1.0, (total if count is None else count) + 1))


def counts(schedule: Schedule, total: int, most: int = 20) -> list[int]:
    """What goes at each step, until the schedule is over."""
    found: list[int] = []
    while len(found) < most and (count := schedule.count(len(found), left(total, total - sum(found)))):
        found.append(count)
    return found


def test_one_shot_removes_its_share_at_once() -> None:
    assert counts(OneShot(0.8), 1000) == [800]
    assert counts(Once(37), 1000) == [37]


@pytest.mark.parametrize(
    ("rate", "total", "kept"), [(0.9, 101_632, 10_163), (0.9, 1000, 100), (0.5, 5, 3), (0.7, 10, 3)]
)
def test_what_a_rate_leaves_is_exact_in_decimals(rate: float, total: int, kept: int) -> None:
    assert (
        kept_at(rate, total) == kept
    )  # in binary, .1 of 1000 is a little more than 100, .3 of 10 a little less than 3


def test_fixed_size_removes_its_number_as_long_as_there_are_more() -> None:
    assert counts(FixedSize(30), 100) == [30, 30, 30]
    assert counts(FixedSize(50), 100) == [50]


def test_relative_removes_a_share_of_what_is_left_rounded_down() -> None:
    assert counts(Relative(0.5), 13) == [6, 3, 2, 1]
    assert counts(Relative(0.3), 10) == [3, 2, 1, 1]


def test_a_bucket_is_filled_with_the_least_salient() -> None:
    assert Bucket(6).count(0, left(10)) == 3  # 1 + 2 + 3
    assert Bucket(5.9).count(0, left(10)) == 2
    assert Bucket(0.5).count(0, left(10)) == 0
    assert Bucket(1000).count(0, left(10)) == 9  # one stays


def test_cubic_removes_most_at_first_and_ends_at_its_rate() -> None:
    # 1 - (1 - t)^3 at thirds: 19/27, 26/27, 1
    assert counts(Cubic(0.9, 3), 27_000) == [17_100, 6_300, 900]
    assert counts(Cubic(0.5, 1), 10) == [5]


def test_geometric_leaves_the_same_share_at_each_step() -> None:
    assert counts(Geometric(0.75, 2), 1000) == [500, 250]
    assert sum(counts(Geometric(0.9, 5), 101_632)) == 101_632 - 10_163


def test_schedules_go_on_from_what_others_have_removed() -> None:
    assert OneShot(0.8).count(0, left(1000, 900)) == 700
    assert Geometric(0.75, 2).count(0, left(1000, 400)) == 1  # past what the step asks for, but not at the end
