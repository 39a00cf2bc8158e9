"""The driver is killed while candidates hang on a cluster that stands: all of ours ends, and a resume finishes."""

from __future__ import annotations

from pathlib import Path

import pytest
from lookup_search import search, table_of
from ray_nodes import Nodes, Search, assert_nothing_left

import nasgen

OPTIONS = {"strategy": "regularized-evolution", "window": 4, "evaluations": 24}
pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


def test_a_killed_driver_leaves_nobody_and_the_search_goes_on(
    cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Search(cell_table, tmp_path, monkeypatch, 0.1, **OPTIONS)
    with Nodes() as nodes:
        nodes.add()
        nodes.add()
        with slow.start_command(nodes.address) as driver:
            try:
                (slow.marks / "hang").touch()
                slow.hold(after=5)
                for node in nodes.all:
                    slow.wait_for(nodes, node)
            finally:
                driver.kill()
        assert_nothing_left(nodes, 5)
        slow.release()
        nasgen.resume(tmp_path / "run")
        assert_nothing_left(nodes)
    search(tmp_path / "quiet", cell_table, **OPTIONS)
    assert table_of(tmp_path / "run") == table_of(tmp_path / "quiet")
    assert slow.attempts() == {1}
