"""A node that has none of the driver's files gets them by their contents: tables, plugins, data and weights."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_training
from lookup_search import search, table_of
from ray_machines import node
from ray_nodes import PATIENCE, SLOW_LOOKUP, Nodes, assert_nothing_left, connected, take_resources, wait_until
from tiny_training import Arrays, contents, digits, learned, shorten

from nasgen.evaluation import Outcome, Request
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_executor import RayExecutor

HEAD, NODE = "127.0.2.1", "127.0.2.2"
PORT = 6398

SPACE = """
from search_spaces.cnn import CnnSpace


class Small(CnnSpace):
    def __init__(self, input_shape, n_classes):
        super().__init__(input_shape, n_classes, max_macs=200_000)
"""

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.mark.slow
def test_files_that_are_gone_when_the_actors_start(cell_table: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    marks = tmp_path / "marks"
    marks.mkdir()
    table, plugin = shutil.copy(cell_table, files), shutil.copy(SLOW_LOOKUP, files)
    by_table = {"kind": "table", "table": str(table), "fitness": "fitness"}
    options = {"table": str(cell_table), "fitness": "fitness", "marks": str(marks), "pause": 0.0}
    by_plugin = {"kind": "file", "name": f"{plugin}:SlowLookup", "options": options}
    genotype = cell_table.read_text().splitlines()[1].split(",")[0]
    outcomes = []
    with Nodes() as nodes, connected(nodes) as cluster:
        nodes.add(2)
        for spec in (by_table, by_plugin):
            let_go = take_resources(cpus=2)
            with RayExecutor(spec, cluster) as executor:
                file = Path(table if spec is by_table else plugin)
                file.unlink()
                let_go()
                outcomes.append(outcome_of(executor, genotype))
            assert_nothing_left(nodes)
    assert outcomes[0].fitness is not None
    assert outcomes[0].fitness == outcomes[1].fitness


def outcome_of(executor: RayExecutor, genotype: str) -> Outcome:
    dispatcher = Dispatcher(executor)
    dispatcher.submit(Request(0, genotype, key="0", seed=0))
    answers: list[tuple[Request, Outcome]] = []

    def there() -> bool:
        answers.extend(dispatcher.collect(0.1))
        return bool(answers)

    wait_until(there, "it is answered", PATIENCE)
    return answers[0][1]


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the driver's that the node does not see."""
    return tmp_path_factory.mktemp("hidden")


@pytest.fixture(scope="module")
def address(hidden: Path) -> Iterator[str]:
    """A cluster whose one node that evaluates sees an empty folder where the driver has its files."""
    blind = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none "{hidden}" && exec "$@"', "sh"]
    try:
        subprocess.run([*blind, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no files can be hidden from a process here: {error}")
    address = f"{HEAD}:{PORT}"
    head = ["--head", f"--node-ip-address={HEAD}", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false"]
    with (
        node([], *head),
        node(blind, f"--address={address}", f"--node-ip-address={NODE}", "--num-cpus=2"),
    ):
        yield address


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return digits()


def test_a_table_travels(cell_table: Path, hidden: Path, address: str) -> None:
    table = shutil.copy(cell_table, hidden / "table.csv")
    given: dict[str, Any] = {"strategy": "regularized-evolution", "window": 4, "evaluations": 30}
    search(hidden / "ray", table, executor="ray", ray_address=address, **given)
    search(hidden / "inline", table, **given)
    assert table_of(hidden / "ray") == table_of(hidden / "inline")


@pytest.mark.slow
def test_data_a_space_of_ones_own_and_weights_travel(
    hidden: Path, address: str, arrays: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten(monkeypatch)
    (hidden / "space.py").write_text(SPACE)
    # eight are drawn at random, and under a window of 2 the tenth is the first that evolution breeds
    given: dict[str, Any] = {"space": f"{hidden / 'space.py'}:Small", "inherit": True, "evaluations": 14}
    tiny_training.search(hidden / "trained", arrays, executor="ray", ray_address=address, **given)
    tiny_training.search(hidden / "trained-inline", arrays, **given)
    assert any(request.inherits for request, _ in contents(hidden / "trained"))
    assert learned(hidden / "trained") == learned(hidden / "trained-inline")
    names = [{path.name for path in (hidden / run / "weights").iterdir()} for run in ("trained", "trained-inline")]
    assert names[0] == names[1]
