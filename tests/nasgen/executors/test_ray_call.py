"""Where this machine has no GPU and the cluster has: what trains outside of evaluations runs there too."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import tiny_training
from ray_nodes import wait_until

from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.workers import here, where_the_gpus_are
from nasgen.plugins import load_plugin
from nasgen.training import loop as training

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster that counts a GPU which is not there, so that what runs on it trains on its CPU."""
    import ray

    with Cluster("local", cpus=2, gpus=1) as cluster:
        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # nodes know nasgen, but not its tests
        yield cluster


def test_a_connection_leaves_the_handler_of_sigterm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: signal.signal(signal.SIGTERM, signal.SIG_IGN))  # as Ray sets its own
    before = signal.getsignal(signal.SIGTERM)
    Cluster("local")
    assert signal.getsignal(signal.SIGTERM) == before


def count_down(start: int, *, say: Callable[[str], None]) -> tuple[int, str]:
    for number in range(start, 0, -1):
        say(f"{number}")
    return os.getpid(), os.environ["CUDA_VISIBLE_DEVICES"]


def test_what_it_says_comes_back_with_what_it_returns(cluster: Cluster) -> None:
    said: list[str] = []
    pid, visible = where_the_gpus_are(cluster, 0.5)(count_down, 3, say=said.append)
    assert said == ["3", "2", "1"]
    assert pid != os.getpid()
    assert visible == "0"


def test_nothing_moves_where_no_gpu_is_asked_for(cluster: Cluster) -> None:
    assert where_the_gpus_are(cluster, 0.0) is here
    assert where_the_gpus_are(None, 0.5) is here


def failing(*, say: Callable[[str], None]) -> NoReturn:
    raise LookupError("its own fault")


def test_what_it_raises_is_raised_here(cluster: Cluster) -> None:
    with pytest.raises(LookupError, match="its own fault"):
        where_the_gpus_are(cluster, 1.0)(failing, say=print)


def ending(marks: str, *, say: Callable[[str], None]) -> int:
    """End the process, but for the third time."""
    (Path(marks) / str(os.getpid())).touch()
    processes = len(list(Path(marks).iterdir()))
    if processes < 3:
        os._exit(1)
    return processes


def test_a_process_that_is_lost_begins_anew(cluster: Cluster, tmp_path: Path) -> None:
    said: list[str] = []
    assert where_the_gpus_are(cluster, 1.0)(ending, str(tmp_path), say=said.append) == 3
    assert len(said) == 2
    assert all("ending, which begins anew" in line for line in said)


def used(thing: Any, *, say: Callable[[str], None]) -> str:
    return str(thing)


def test_objects_of_a_file_of_ones_own_travel(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine:\n    def __str__(self):\n        return 'mine'\n")
    mine = load_plugin(f"{tmp_path}/mine.py:Mine")()
    (tmp_path / "mine.py").unlink()
    assert where_the_gpus_are(cluster, 1.0)(used, mine, say=print) == "mine"


def test_it_waits_for_room(cluster: Cluster) -> None:
    assert Share(1, 1).fits({"CPU": 2.0, "GPU": 0.5}) == 0
    wait_until(lambda: cluster.shortage(Share(1, 1)) is None, "what ran before has let go")
    assert "1 CPU and 2 GPUs" in str(cluster.shortage(Share(1, 2)))


def test_the_winner_is_trained_where_the_candidates_were(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"executor": "ray", "gpus_per_evaluation": 0.5}
    tiny_training.shorten(monkeypatch)

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("trained in the driver's process")

    monkeypatch.setattr(training, "train", refuse)
    result = tiny_training.search(tmp_path / "ray", tiny_training.digits(), **options)
    monkeypatch.undo()
    tiny_training.shorten(monkeypatch)
    alone = tiny_training.search(tmp_path / "alone", tiny_training.digits())
    assert result.final is not None
    assert alone.final is not None
    assert result.final.number == alone.final.number
    assert result.final.test_accuracy == alone.final.test_accuracy
    assert "final training of evaluation" in (tmp_path / "ray" / "log.txt").read_text()
    assert tiny_training.learned(tmp_path / "ray") == tiny_training.learned(tmp_path / "alone")
