"""The way between two machines is cut in the middle of a search, and comes back: two network namespaces."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from lookup_search import search, table_of
from ray_machines import node
from ray_nodes import PATIENCE, QUICK_DETECTION, Search, wait_until

OPTIONS = {"strategy": "regularized-evolution", "window": 4, "evaluations": 40}
HERE, THERE = "10.99.77.1", "10.99.77.2"
PORT = 6399

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]


class Net:
    """Two network namespaces and a link between them."""

    names = ("nasgen-here", "nasgen-there")

    def open(self) -> None:
        here, there = self.names
        for name in self.names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", "ng-here", "netns", here, "type", "veth", "peer", "name", "ng-there", "netns", there)
        for name, address in ((here, HERE), (there, THERE)):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", name.replace("nasgen", "ng"))
            _ip("-n", name, "link", "set", name.replace("nasgen", "ng"), "up")

    def inside(self, name: str) -> list[str]:
        """The words before a command that is to run in a namespace."""
        return ["ip", "netns", "exec", name]

    def link(self, state: str) -> None:
        _ip("-n", self.names[0], "link", "set", "ng-here", state)

    def close(self) -> None:
        for name in self.names:
            with suppress(OSError, subprocess.CalledProcessError):
                _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def net() -> Iterator[Net]:
    made = Net()
    try:
        made.open()
    except (OSError, subprocess.CalledProcessError) as error:
        made.close()
        pytest.skip(f"network namespaces cannot be made here: {error}")
    yield made
    made.close()


def held_by(slow: Search, node: psutil.Process) -> list[int]:
    return slow.marked_by("held", node.children(recursive=True))


def test_a_partition_is_outlived(net: Net, cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Search(cell_table, tmp_path, monkeypatch, 0.2, **OPTIONS)
    here, there = map(net.inside, net.names)
    system = json.dumps(dict(QUICK_DETECTION))
    head = ["--head", f"--node-ip-address={HERE}", f"--port={PORT}", "--num-cpus=1", "--include-dashboard=false"]
    address = f"{HERE}:{PORT}"
    with (
        node(here, *head, f"--system-config={system}") as near,
        node(there, f"--address={address}", f"--node-ip-address={THERE}", "--num-cpus=1") as far,
        slow.start_command(address, here) as driver,
    ):
        try:
            slow.hold(after=5)
            wait_until(lambda: held_by(slow, near) and held_by(slow, far), "both evaluate")
            (number,) = held_by(slow, far)
            cut_off = far.children(recursive=True)
            net.link("down")
            slow.release()
            wait_until(lambda: len(slow.marked("begun")[number]) == 2, "it is evaluated again")
            net.link("up")
            assert driver.wait(PATIENCE) == 0
        finally:
            driver.kill()
        wait_until(lambda: not any(map(psutil.Process.is_running, cut_off)), "Ray ends a node that it had given up")
    search(tmp_path / "quiet", cell_table, **OPTIONS)
    assert table_of(tmp_path / "run") == table_of(tmp_path / "quiet")
    assert slow.attempts() == {1}
