"""One node among others cannot evaluate: it is left alone, and the search ends only where no other is left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contracts.executor_contract import SPEC
from ray_nodes import Nodes, assert_nothing_left, wait_for_slots

from nasgen.errors import ExecutorError
from nasgen.evaluation import Outcome, Request
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import RayExecutor
from nasgen.executors.ray_mistrust import Mistrust

CANDIDATES = 12
REFUSING = {**SPEC, "name": SPEC["name"].replace(":Obedient", ":RefusesThere")}

WITHOUT_NASGEN = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "nasgen":
            raise ModuleNotFoundError("nasgen is not installed on this machine")

sys.meta_path.insert(0, Missing())
"""

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


@pytest.fixture
def nodes(all_nodes: Nodes) -> Iterator[Nodes]:
    """None but the head, which evaluates nothing."""
    yield all_nodes
    while all_nodes.all:
        all_nodes.leave(all_nodes.all[-1])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """What lets Python start as if nasgen was not installed, where its folder is in PYTHONPATH."""
    path = tmp_path / "sitecustomize.py"
    path.write_text(WITHOUT_NASGEN)
    return path


def evaluate(executor: RayExecutor) -> None:
    """Some candidates, all of which come to an end at the first attempt."""
    dispatcher = Dispatcher(executor)
    for number in range(CANDIDATES):
        dispatcher.submit(Request(number, "sleep 0.2", key=str(number), seed=number))
    found: list[Outcome] = []
    while dispatcher.in_flight:
        found += [outcome for _, outcome in dispatcher.collect()]
    assert {outcome.attempt for outcome in found} == {1}
    assert not [outcome for outcome in found if outcome.failure]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for record in caplog.records if "is left alone" in (text := record.getMessage())]


def test_a_node_without_nasgen_is_done_without_until_it_is_mended(
    nodes: Nodes, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nodes.add()
    nodes.add(2, environment={"PYTHONPATH": str(broken.parent)})
    with RayExecutor(SPEC, Cluster(nodes.address)) as executor, caplog.at_level(logging.WARNING):
        evaluate(executor)
        while not warnings(caplog):
            executor.wait(0.1)
        wait_for_slots(executor, 1)
        nodes.add()
        wait_for_slots(executor, 2)  # what joins is used all the same
        broken.unlink()
        executor._slots.excluded.clear()  # as time does
        wait_for_slots(executor, 4)
    (warning,) = warnings(caplog)
    assert "nasgen is not installed on this machine" in warning
    assert_nothing_left(nodes)


def test_what_a_node_refuses_is_evaluated_elsewhere(nodes: Nodes, caplog: pytest.LogCaptureFixture) -> None:
    nodes.add()
    nodes.add(2, environment={"REFUSES": "1"})
    with RayExecutor(REFUSING, Cluster(nodes.address)) as executor, caplog.at_level(logging.WARNING):
        wait_for_slots(executor, 3)
        evaluate(executor)
        wait_for_slots(executor, 1)
    (warning,) = warnings(caplog)
    assert "FileNotFoundError: no table on this machine" in warning
    assert_nothing_left(nodes)


def test_where_no_other_node_is_left_the_search_ends(nodes: Nodes, broken: Path) -> None:
    nodes.add(environment={"PYTHONPATH": str(broken.parent)})
    with (
        RayExecutor(SPEC, Cluster(nodes.address)) as executor,
        pytest.raises(ExecutorError, match=r"3 actors in a row ended before they stood: .*nasgen is not installed"),
    ):
        evaluate(executor)
    assert_nothing_left(nodes)


class ManyNodes:
    """As many that may stand in as anybody asks for."""

    def __init__(self) -> None:
        self.excluded: list[str] = []

    def exclude(self, node: str) -> bool:
        self.excluded.append(node)
        return True


def test_nodes_that_refuse_one_after_another_end_a_search_that_never_began() -> None:
    slots: Any = ManyNodes()
    mistrust = Mistrust(slots)
    for node in ("a", "a", "b"):
        mistrust.refused(node, "no table")
    with pytest.raises(ExecutorError, match=r"^no table$"):
        mistrust.refused("c", "no table")


def test_once_evaluations_have_begun_the_fault_is_the_nodes() -> None:
    slots: Any = ManyNodes()
    mistrust = Mistrust(slots)
    mistrust.worked()
    for node in "abcd":
        mistrust.refused(node, "no table")
    assert slots.excluded == list("abcd")


def test_what_fails_nobody_knows_where_ends_a_search_only_before_it_began() -> None:
    slots: Any = ManyNodes()
    mistrust = Mistrust(slots)
    mistrust.worked()
    for _ in range(3):
        mistrust.false_start("", "no nasgen")
    assert not slots.excluded
    mistrust = Mistrust(slots)
    for _ in range(2):
        mistrust.false_start("", "no nasgen")
    with pytest.raises(ExecutorError, match=r"3 actors in a row .*: no nasgen"):
        mistrust.false_start("", "no nasgen")


def test_false_starts_count_in_a_row_and_node_by_node() -> None:
    slots: Any = ManyNodes()
    mistrust = Mistrust(slots)
    for node in ("a", "a", "b", "b"):
        mistrust.false_start(node, "no nasgen")
    mistrust.stood("a")
    mistrust.false_start("a", "no nasgen")
    assert not slots.excluded
    mistrust.false_start("b", "no nasgen")
    assert slots.excluded == ["b"]
