"""The clock of a run: what a time budget allows, over all parts of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from training_settings import settings

from nasgen.evaluation import Request
from nasgen.storage.clock import Clock
from nasgen.storage.store import Store


class Time:
    """Stands for the module ``time``; passes when told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("nasgen.storage.clock.time", time)
    return time


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of a search that has asked once."""
    with Store(tmp_path / "store.sqlite") as store:
        store.commit_round([Request(0, "genotype", "key", 0)], {})
        yield store


@pytest.fixture
def clock(store: Store, time: Time) -> Callable[..., Clock]:
    def start(minutes: float | None, **values: Any) -> Clock:
        return Clock(store, settings(minutes=minutes, **values), time.now)

    return start


def test_the_first_ask_is_allowed_whatever_the_start_took(tmp_path: Path, time: Time) -> None:
    with Store(tmp_path / "empty.sqlite") as empty:
        clock = Clock(empty, settings(minutes=1.0), time.now)
        time.now += 3600
        assert clock.asks_left(0) == 1
        empty.commit_round([Request(0, "genotype", "key", 0)], {})
        assert clock.asks_left(1) == 0


def test_a_search_may_ask_until_its_share_of_the_budget_is_used(clock: Callable[..., Clock], time: Time) -> None:
    one = clock(minutes=10, search_share=0.4)
    time.now += 0.4 * 600 - 1
    assert one.asks_left(in_flight=0) >= 1
    time.now += 2
    assert one.asks_left(in_flight=0) == 0
    assert one.left() == pytest.approx(600 - 0.4 * 600 - 1)


def test_a_search_by_look_up_has_the_whole_budget(clock: Callable[..., Clock], time: Time) -> None:
    one = clock(minutes=10, task=None)
    time.now += 599
    assert one.asks_left(in_flight=0) >= 1
    time.now += 1
    assert one.asks_left(in_flight=0) == 0


def test_what_is_in_flight_counts_with_the_mean_time_of_the_results_so_far(
    clock: Callable[..., Clock], time: Time
) -> None:
    """Of 372 s 280 are used, and four under way take 4 x 50 s over the number of workers."""
    two, four = (clock(minutes=10, workers=workers, search_share=0.62) for workers in (2, 4))
    for one in (two, four):
        one.note(40.0)
        one.note(60.0)
    time.now += 280
    assert (two.asks_left(in_flight=0), four.asks_left(in_flight=0)) == (4, 8)
    assert (two.asks_left(in_flight=3), two.asks_left(in_flight=4)) == (1, 0)
    assert (four.asks_left(in_flight=7), four.asks_left(in_flight=9)) == (1, 0)


def test_before_the_first_result_an_evaluation_takes_what_was_expected(clock: Callable[..., Clock], time: Time) -> None:
    """Of 372 s, 20 trainings in turns of two: 37.2 s each. A round of 30 is cut to what fits."""
    one = clock(minutes=10, search_share=0.62, expected=20)
    assert one.asks_left(in_flight=0) == 20
    assert one.asks_left(in_flight=15) == 5
    time.now += 186
    assert one.asks_left(in_flight=0) == 10


def test_where_nothing_was_expected_what_is_in_flight_costs_nothing(clock: Callable[..., Clock], time: Time) -> None:
    one = clock(minutes=10)
    time.now += 300
    assert one.asks_left(in_flight=100) >= 1


def test_a_resumed_run_spends_the_remainder(clock: Callable[..., Clock], time: Time, store: Store) -> None:
    first = clock(minutes=10)
    time.now += 200
    first.keep()
    time.now += 5000  # nobody runs it
    second = clock(minutes=10)
    assert second.used() == 200
    assert second.left() == 400
    time.now += 100
    assert second.used() == 300
    second.note(1.0)
    assert store.meta("seconds") == 300
    grown = clock(minutes=20)
    assert grown.left() == 900


def test_each_result_keeps_the_time_used(clock: Callable[..., Clock], time: Time, store: Store) -> None:
    one = clock(minutes=10)
    time.now += 7
    one.note(3.0)
    assert store.meta("seconds") == 7


def test_a_second_is_left_when_nothing_is(clock: Callable[..., Clock], time: Time) -> None:
    """Whatever remains to be done, such as the winner's final training, has to be done once."""
    one = clock(minutes=1)
    time.now += 3600
    assert one.left() == 1.0
    assert one.asks_left(in_flight=0) == 0


def test_without_a_budget_nothing_ends(clock: Callable[..., Clock], time: Time) -> None:
    one = clock(minutes=None)
    one.note(1e9)
    time.now += 1e9
    assert one.asks_left(in_flight=1000) >= 1
    assert one.left() is None
    assert one.used() == 1e9


def test_the_final_training_is_no_time_of_the_search(clock: Callable[..., Clock], time: Time, store: Store) -> None:
    """Or a run whose search had used its share could go on with a little more time, and nothing would be asked."""
    one = clock(minutes=10, search_share=0.6)
    time.now += 360
    assert one.asks_left(in_flight=0) == 0
    with one.finishing():
        time.now += 200
    one.keep()
    assert clock(minutes=10, search_share=0.6).asks_left(in_flight=0) == 0
    grown = clock(minutes=15, search_share=0.6)
    grown.note(20.0)
    assert grown.asks_left(in_flight=0) == (0.6 * (900 - 200) - 360) / 20 * 2
    assert grown.left() == 900 - 560
    assert grown.least_minutes() == pytest.approx((200 + 360 / 0.6) / 60)


def test_the_time_of_a_final_training_that_was_interrupted_counts_as_well(
    clock: Callable[..., Clock], time: Time
) -> None:
    one = clock(minutes=10, search_share=0.6)

    def final_training() -> None:
        with one.finishing():
            time.now += 100
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        final_training()
    one.keep()
    assert clock(minutes=10, search_share=0.6).patience(1.0) == 0.6 * 500


def test_patience_ends_with_the_share_of_the_search_but_for_twice_what_is_usual(
    clock: Callable[..., Clock], time: Time
) -> None:
    one = clock(minutes=10, search_share=0.6)
    assert one.patience(usual=20.0) == 360
    time.now += 350
    assert one.patience(usual=20.0) == 40
    assert clock(minutes=None).patience(usual=20.0) == float("inf")
