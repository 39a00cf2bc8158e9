"""A cluster whose resources others hold: the search says so within seconds, or goes on when they let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lookup_search import Say, search, table_of, words_of
from ray_nodes import Nodes, assert_nothing_left, connected, take_resources, wait_until

from nasgen.executors.ray_cluster import Cluster, Share

MOST_SECONDS = 10

pytestmark = [pytest.mark.ray, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with Nodes() as nodes, connected(nodes):
        nodes.add(2)
        yield nodes


def ray_words(run: Path, cells: Path, nodes: Nodes, *words: object) -> list[str]:
    return words_of(run, cells, "--executor", "ray", "--ray-address", nodes.address, *words)


def test_what_others_hold_is_named(say: Say, nodes: Nodes, cell_table: Path, tmp_path: Path) -> None:
    let_go = take_resources(cpus=2)
    start = time.monotonic()
    said = say(*ray_words(tmp_path / "run", cell_table, nodes))
    seconds = time.monotonic() - start
    let_go()
    assert said.code == 1
    assert "an evaluation asks for 1 CPU, and 0 of 2 CPUs are free: others hold the rest" in said.err
    assert seconds < MOST_SECONDS
    assert_nothing_left(nodes)


def test_what_no_node_has_is_refused(say: Say, nodes: Nodes, cell_table: Path, tmp_path: Path) -> None:
    start = time.monotonic()
    said = say(*ray_words(tmp_path / "run", cell_table, nodes, "--gpus-per-evaluation", 1))
    assert time.monotonic() - start < MOST_SECONDS
    assert said.code == 2
    assert "an evaluation asks for 1 CPU and 1 GPU, and none of 2 nodes has as much" in said.err
    assert not (tmp_path / "run").exists()


def test_room_in_pieces_on_several_nodes_is_no_room(nodes: Nodes) -> None:
    """Of 2 CPUs on either of two nodes a half is free, which makes 1 in all."""
    nodes.add(2)
    let_go = [take_resources(cpus=1.5) for _ in range(2)]
    cluster = Cluster(nodes.address)
    wait_until(lambda: cluster.shortage(Share(1, 0)) is not None, "Ray has told what is free")
    shortage = (
        "an evaluation asks for 1 CPU, and 1 of 4 CPUs are free, in pieces on several nodes: others hold the rest"
    )
    assert cluster.shortage(Share(1, 0)) == shortage
    assert cluster.shortage(Share(0.5, 0)) is None
    for end in let_go:
        end()
    nodes.leave(nodes.all[-1])


@pytest.mark.slow
def test_others_that_let_go_are_waited_for(say: Say, nodes: Nodes, cell_table: Path, tmp_path: Path) -> None:
    let_go = threading.Timer(3, take_resources(cpus=2))
    let_go.start()
    said = say(*ray_words(tmp_path / "run", cell_table, nodes))
    let_go.join()
    assert said.code == 0
    search(tmp_path / "quiet", cell_table, evaluations=20)
    assert table_of(tmp_path / "run") == table_of(tmp_path / "quiet")
    assert_nothing_left(nodes)
