"""Nodes and drivers are killed or frozen in the middle of a search, and come back: the table is that of a quiet run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts.executor_contract import SPEC
from lookup_search import search, table_of
from processes import is_alive
from ray_nodes import (
    GONE_SECONDS,
    PATIENCE,
    Nodes,
    Search,
    assert_nothing_left,
    wait_for_slots,
    wait_until,
)

import nasgen
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import RayExecutor

ROWS = 24
OPTIONS: dict[str, Any] = {"strategy": "regularized-evolution", "window": 4, "evaluations": ROWS}
PAUSE = 0.1

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


@pytest.fixture
def nodes(all_nodes: Nodes) -> Iterator[Nodes]:
    """Two nodes with a CPU each."""
    while len(all_nodes.all) > 2:
        all_nodes.leave(all_nodes.all[-1])
    while len(all_nodes.all) < 2:
        all_nodes.add()
    yield all_nodes
    for process in all_nodes.ours():
        process.kill()


@pytest.fixture(scope="module")
def quiet(cell_table: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The rows of a search that nothing happens to."""
    run = tmp_path_factory.mktemp("quiet") / "run"
    search(run, cell_table, **OPTIONS)
    return table_of(run)


@pytest.fixture
def slow(cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    return Search(cell_table, tmp_path, monkeypatch, PAUSE, **OPTIONS)


def check(slow: Search, nodes: Nodes, quiet: list[dict[str, str]]) -> None:
    """Nothing is left, every row is that of the quiet run, and none has cost an attempt."""
    assert_nothing_left(nodes)
    assert table_of(slow.folder / "run") == quiet
    assert slow.attempts() == {1}


def test_a_killed_node_costs_no_attempt_and_its_slots_come_back(
    nodes: Nodes, slow: Search, quiet: list[dict[str, str]]
) -> None:
    result = slow.start(nodes.address)
    slow.hold(after=5)
    number = slow.wait_for(nodes, nodes.all[0])
    nodes.kill(nodes.all[0])
    back = nodes.add()
    slow.wait_for(nodes, back)
    slow.release()
    result.result(PATIENCE)
    check(slow, nodes, quiet)
    assert len(slow.marked("begun")[number]) == 2


def test_a_killed_raylet_takes_its_worker_along(nodes: Nodes, slow: Search, quiet: list[dict[str, str]]) -> None:
    result = slow.start(nodes.address)
    slow.hold(after=5)
    victim = nodes.all[0]
    number = slow.wait_for(nodes, victim)
    workers = nodes.workers(victim)
    nodes.kill_raylet(victim)
    wait_until(lambda: not any(map(is_alive, workers)), "the worker has ended", GONE_SECONDS)
    slow.release()
    result.result(PATIENCE)
    check(slow, nodes, quiet)
    assert set(slow.marked("begun")[number]) - {worker.pid for worker in workers}


@pytest.mark.slow
@pytest.mark.parametrize("deadline", [2.0, 60.0])
def test_a_frozen_node_is_done_without_and_wakes_to_nothing(
    nodes: Nodes, slow: Search, quiet: list[dict[str, str]], deadline: float
) -> None:
    """Be the deadline shorter or longer than the time until Ray sees it."""
    result = slow.start(nodes.address, deadline=deadline)
    slow.hold(after=5)
    number = slow.wait_for(nodes, nodes.all[0])
    frozen = nodes.freeze(nodes.all[0])
    slow.release()
    wait_until(lambda: len(slow.marked("begun")[number]) == 2, "it is evaluated again")
    if deadline < 60:
        resume(frozen)
    result.result(PATIENCE)
    resume(frozen)
    check(slow, nodes, quiet)
    if deadline == 60:
        nodes.all.remove(nodes.all[0])
        wait_until(lambda: not any(map(is_alive, frozen)), "Ray ends a node that it had given up")


@pytest.mark.slow
def test_an_actor_that_wakes_late_is_not_heard(nodes: Nodes, slow: Search, quiet: list[dict[str, str]]) -> None:
    result = slow.start(nodes.address, deadline=2.0)
    slow.hold(after=5)
    number = slow.wait_for(nodes, nodes.all[0])
    (worker,) = nodes.workers(nodes.all[0])
    frozen = [worker, worker.parent()]
    for process in frozen:
        process.suspend()
    slow.release()
    wait_until(lambda: len(slow.marked("begun")[number]) == 2, "it is evaluated again")
    resume(frozen)
    result.result(PATIENCE)
    check(slow, nodes, quiet)


def test_a_search_waits_for_nodes_that_have_all_gone(nodes: Nodes, slow: Search, quiet: list[dict[str, str]]) -> None:
    result = slow.start(nodes.address)
    slow.hold(after=5)
    for node in list(nodes.all):
        slow.wait_for(nodes, node)
        nodes.kill(node)
    slow.release()
    wait_until(lambda: "-> 0" in slow.log, "no slot is left")
    time.sleep(2)  # nothing to wait for: it is to stand this
    nodes.add()
    result.result(PATIENCE)
    check(slow, nodes, quiet)


def test_a_node_that_joins_is_used_and_one_that_leaves_is_not_missed(
    nodes: Nodes, slow: Search, quiet: list[dict[str, str]]
) -> None:
    result = slow.start(nodes.address)
    slow.hold(after=5)
    joined = nodes.add()
    start = time.monotonic()
    slow.wait_for(nodes, joined)
    assert time.monotonic() - start < 10
    nodes.leave(joined)
    slow.release()
    result.result(PATIENCE)
    check(slow, nodes, quiet)
    assert "2 -> 3" in slow.log
    assert "3 -> 2" in slow.log


def test_a_killed_driver_leaves_nobody_and_the_search_goes_on(
    nodes: Nodes, slow: Search, quiet: list[dict[str, str]]
) -> None:
    (slow.marks / "hang").touch()
    with slow.start_command(nodes.address) as driver:
        try:
            slow.hold(after=5)
            for node in nodes.all:
                slow.wait_for(nodes, node)
        finally:
            driver.kill()
    assert_nothing_left(nodes, 5)
    slow.release()
    nasgen.resume(slow.folder / "run")
    check(slow, nodes, quiet)


@pytest.mark.slow
def test_a_node_that_dies_while_its_slots_start_is_not_held_against_the_rest(nodes: Nodes) -> None:
    """Three actors in a row that never stand end a search otherwise."""
    with RayExecutor(SPEC, Cluster(nodes.address)) as executor:
        wait_for_slots(executor, 2)
        dying = nodes.add(6)
        wait_until(lambda: executor.wait(0.05) or len(list(executor._slots)) == 8, "actors are asked for there")
        time.sleep(0.5)  # they start, and nobody listens to them yet
        nodes.kill(dying)
        end = time.monotonic() + 5  # Ray tells it within two
        while time.monotonic() < end:
            executor.wait(0.1)
            time.sleep(0.1)
        wait_for_slots(executor, 2)
    assert_nothing_left(nodes)


def resume(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
