"""Queries that come while a prediction runs share the next one, fairly, and nothing waits where nothing runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from nasgen.serving.batching import TURN, Batcher, OverloadedError, work
from nasgen.serving.predicting import Answer, Asked


class Slow:
    """Predicts when it is told to, and keeps what it was asked each time."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []
        self.go = threading.Semaphore(0)

    def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        self.turns.append([one.text for one in asked])
        assert self.go.acquire(timeout=10)
        if any(one.text == "fail" for one in asked):
            raise ZeroDivisionError("defect")
        return [{"genotype": one.text} for one in asked]


Scenario = Callable[[Batcher, Slow], Coroutine[Any, Any, None]]


def play(scenario: Scenario, most_waiting: int = 10**6, coalesce: bool = True) -> list[list[str]]:
    """The predictions that were made in a scenario."""
    slow = Slow()

    async def whole() -> None:
        with Batcher(slow, most_waiting, coalesce) as batcher:
            await asyncio.wait_for(scenario(batcher, slow), 10)

    asyncio.run(whole())
    return slow.turns


async def ask(batcher: Batcher, *texts: str) -> list[str]:
    return [answer["genotype"] for answer in await batcher.ask([Asked(text) for text in texts])]


async def start(batcher: Batcher, slow: Slow, *queries: Sequence[str]) -> list[asyncio.Task[list[str]]]:
    """The first query is in a prediction when the others come."""
    tasks = [asyncio.create_task(ask(batcher, *queries[0]))]
    while not slow.turns:
        await asyncio.sleep(0.001)
    tasks += [asyncio.create_task(ask(batcher, *texts)) for texts in queries[1:]]
    await asyncio.sleep(0.01)
    return tasks


SINGLES = [[f"{number}"] for number in range(64)]


@pytest.mark.parametrize(("coalesce", "predictions"), [(True, 2), (False, 64)])
def test_sixty_four_queries_cost_two_predictions(coalesce: bool, predictions: int) -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        tasks = await start(batcher, slow, *SINGLES)
        slow.go.release(64)
        assert await asyncio.gather(*tasks) == SINGLES

    turns = play(scenario, coalesce=coalesce)
    assert len(turns) == predictions
    assert turns[0] == ["0"]
    assert [text for turn in turns for text in turn] == [str(number) for number in range(64)]


def test_a_lone_query_waits_for_one_turn_of_a_large_one() -> None:
    large = [f"large {number}" for number in range(10 * TURN)]

    async def scenario(batcher: Batcher, slow: Slow) -> None:
        big, small = await start(batcher, slow, large, ["small"])
        slow.go.release(2)
        assert await small == ["small"]
        assert not big.done()
        slow.go.release(100)
        assert await big == large

    turns = play(scenario)
    assert "small" in turns[1]
    assert len(turns) == 11
    assert max(map(len, turns)) <= TURN


def test_all_that_wait_have_equal_shares_and_none_starves() -> None:
    many = [[f"{who} {number}" for number in range(3)] for who in range(2 * TURN)]

    async def scenario(batcher: Batcher, slow: Slow) -> None:
        tasks = await start(batcher, slow, *many)
        slow.go.release(1000)
        assert await asyncio.gather(*tasks) == many

    turns = play(scenario)
    after_the_first = [text for turn in turns[1:] for text in turn]
    assert after_the_first[: 2 * TURN - 1] == [f"{who} 0" for who in range(1, 2 * TURN)]


def test_long_texts_and_explanations_are_more_work() -> None:
    assert work(Asked("x" * 500)) == 1
    assert work(Asked("x" * 400_000)) > TURN
    assert 2 * work(Asked("x", explain=True)) < TURN < 3 * work(Asked("x", explain=True))

    async def scenario(batcher: Batcher, slow: Slow) -> None:
        slow.go.release(10)
        await ask(batcher, *["x" * 400_000] * 2)

    assert [len(turn) for turn in play(scenario)] == [1, 1]


def test_light_queries_pass_heavy_ones_by_of_which_one_goes_each_turn() -> None:
    heavy = [[letter * 400_000] * 2 for letter in "abcd"]

    async def scenario(batcher: Batcher, slow: Slow) -> None:
        tasks = await start(batcher, slow, ["first"], *heavy, ["light"])
        slow.go.release(100)
        assert await asyncio.gather(*tasks) == [["first"], *heavy, ["light"]]

    turns = play(scenario)
    assert [[text[:5] for text in turn] for turn in turns[1:3]] == [["aaaaa", "light"], ["bbbbb"]]
    assert "".join(text[0] for turn in turns[1:] for text in turn) == "albcdabcd"


def test_too_much_is_refused_until_some_is_done() -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        first, second = await start(batcher, slow, ["a"] * 6, ["b"] * 4)
        with pytest.raises(OverloadedError):
            await ask(batcher, "c")
        slow.go.release(2)
        await asyncio.gather(first, second)
        slow.go.release(1)
        assert await ask(batcher, *"de") == ["d", "e"]

    play(scenario, most_waiting=10)


def test_one_request_is_never_too_much_alone() -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        slow.go.release(1)
        assert len(await ask(batcher, *"abcdef")) == 6

    play(scenario, most_waiting=3)


def test_a_failure_reaches_those_who_were_in_it_and_no_one_else() -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        tasks = await start(batcher, slow, ["fail"] * (TURN + 9), ["good"])
        slow.go.release(2)
        with pytest.raises(ZeroDivisionError):
            await tasks[0]
        assert await tasks[1] == ["good"]
        slow.go.release(1)
        assert await ask(batcher, "later") == ["later"]  # and nothing counts as waiting still

    assert [len(turn) for turn in play(scenario, most_waiting=TURN + 10)] == [TURN, 1, 1]


def test_what_nobody_waits_for_is_not_predicted() -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        first, gone, last = await start(batcher, slow, ["first"], ["gone"], ["last"])
        gone.cancel()
        await asyncio.sleep(0)
        slow.go.release(2)
        assert [await first, await last] == [["first"], ["last"]]

    assert play(scenario) == [["first"], ["last"]]


def test_an_empty_query_costs_nothing() -> None:
    async def scenario(batcher: Batcher, slow: Slow) -> None:
        assert await ask(batcher) == []

    assert play(scenario) == []
