"""Where evaluations run, how many at once, and what each has of its machine."""

from __future__ import annotations

from typing import Any

import pytest
from lookup_search import Say

from nasgen.errors import InputError
from nasgen.executors import workers
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.workers import Workers, executor_for
from nasgen.settings import Arguments, read_arguments
from nasgen.training import numerics

LOOK_UP = {"space": "nasbench201", "table": "cells.csv", "fitness": "fitness"}


def arguments(**options: Any) -> Arguments:
    return read_arguments(out="run", evaluations=10, **options)


class Machines(Cluster):
    """A cluster of made-up nodes, nowhere near Ray."""

    def __init__(self, *nodes: dict[str, float], address: str = "head:6379") -> None:
        self.address = address
        self.machines = nodes

    def nodes(self) -> dict[str, dict[str, float]]:
        return {str(number): node for number, node in enumerate(self.machines)}


SMALL, LARGE = {"CPU": 4.0}, {"CPU": 8.0, "GPU": 2.0}


@pytest.fixture(autouse=True)
def a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six cores, no GPU, and no word of Ray in the environment."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(workers, "_gpus_here", lambda: 0)
    monkeypatch.setattr(numerics, "most_trainings_at_once", lambda: 6)


@pytest.mark.parametrize(
    ("options", "executor"),
    [
        ({}, "processes"),
        ({"executor": "inline"}, "inline"),
        ({"executor": "ray"}, "ray"),
        ({"ray_address": "head:6379"}, "ray"),
        (LOOK_UP, "inline"),
        ({**LOOK_UP, "workers": 2}, "processes"),
        ({**LOOK_UP, "ray_address": "auto"}, "ray"),
    ],
)
def test_auto_takes_ray_where_an_address_is_given(options: dict[str, Any], executor: str) -> None:
    assert executor_for(arguments(**options)) == executor


@pytest.mark.parametrize(("gpus", "executor"), [(0, "processes"), (1, "processes"), (2, "ray")])
def test_auto_takes_ray_for_several_gpus(gpus: int, executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_gpus_here", lambda: gpus)
    assert executor_for(arguments()) == executor


def test_auto_takes_rays_own_variable_for_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert executor_for(arguments()) == "ray"
    assert executor_for(arguments(executor="processes")) == "processes"


@pytest.mark.parametrize(
    ("options", "number", "gpus", "elastic"),
    [
        ({}, 2, 1.0, True),  # the default is a GPU each
        ({"gpus_per_evaluation": 0.0}, 12, 0.0, True),
        ({"gpus_per_evaluation": 0.25}, 8, 0.25, True),
        ({"gpus_per_evaluation": 0.25, "cpus_per_evaluation": 3}, 2, 0.25, True),
        ({"gpus_per_evaluation": 0.0, "cpus_per_evaluation": 3}, 3, 0.0, True),
        ({"gpus_per_evaluation": 0.0, "workers": 40}, 40, 0.0, False),
    ],
)
def test_a_cluster_has_as_many_workers_as_it_has_room_for(
    options: dict[str, Any], number: int, gpus: float, elastic: bool
) -> None:
    found = Workers.of(arguments(executor="ray", **options), Machines(SMALL, LARGE))
    assert (found.executor, found.number, found.gpus, found.elastic) == ("ray", number, gpus, elastic)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"cpus_per_evaluation": 9, "gpus_per_evaluation": 0},
            r"asks for 9 CPUs, and none of 2 nodes .*at most 8 CPUs",
        ),
        ({"gpus_per_evaluation": 3}, r"asks for 1 CPU and 3 GPUs, .*at most 8 CPUs and 2 GPUs\)"),
        ({"cpus_per_evaluation": 8.5, "gpus_per_evaluation": 1}, "lower --cpus-per-evaluation or --gpus-per"),
    ],
)
def test_what_no_node_has_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Workers.of(arguments(executor="ray", **options), Machines(SMALL, LARGE))


def test_worker_processes_share_out_the_cores() -> None:
    assert Workers.of(arguments(), None) == Workers("processes", 6)
    assert Workers.of(arguments(cpus_per_evaluation=2), None) == Workers("processes", 3, cpus=2.0)
    assert Workers.of(arguments(workers=5), None) == Workers("processes", 5)


def test_worker_processes_share_a_gpu_as_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_gpus_here", lambda: 1)
    assert Workers.of(arguments(gpus_per_evaluation=0.25), None).number == 4


@pytest.mark.parametrize(
    ("options", "threads"),
    [({}, 1), ({"cpus_per_evaluation": 0.5}, 1), ({"cpus_per_evaluation": 4}, 4), ({"threads": 2}, 2)],
)
def test_threads_follow_the_cpus(options: dict[str, Any], threads: int) -> None:
    assert arguments(**options).threads == threads


def test_cpus_follow_the_threads() -> None:
    assert Workers.of(arguments(executor="ray", threads=2, gpus_per_evaluation=0), Machines(SMALL)).cpus == 2.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--executor", "inline", "--ray-address", "auto"), "--ray-address goes with --executor ray"),
        (("--executor", "spark"), "--executor"),
        (("--cpus-per-evaluation", "0"), "--cpus-per-evaluation"),
        (("--gpus-per-evaluation", "-1"), "--gpus-per-evaluation"),
        (("--gpus-per-evaluation", "1.5"), "a part of one GPU or a whole number, found 1.5"),
        (("--cpus-per-evaluation", "nan"), "--cpus-per-evaluation"),
        (("--cpus-per-evaluation", "inf"), "--cpus-per-evaluation"),
    ],
)
def test_wrong_options_are_refused_in_one_line(words: tuple[str, ...], message: str, say: Say, tmp_path: Any) -> None:
    said = say("search", "--out", tmp_path / "run", "--evaluations", 3, *words)
    assert said.code == 2
    assert message in said.err
    assert not (tmp_path / "run").exists()


def test_shares_are_counted_as_ray_counts_them() -> None:
    assert Share(0.1, 0).fits({"CPU": 1.0}) == 10
    assert Share(1, 0.3).fits({"CPU": 8.0, "GPU": 1.0}) == 3
    assert Share(1, 0).times(2, {"CPU": 1.5}) == Share(1.5, 0)
    assert Share(1, 0.5).times(2, {"CPU": 8.0, "GPU": 4.0}) == Share(2, 1.0)
    assert str(Share(1, 0.5)) == "1 CPU and 0.5 GPUs"
