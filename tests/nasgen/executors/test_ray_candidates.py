"""Whatever a candidate does, and whatever is done to its actor, rows read as they do on worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from contracts.executor_contract import SPEC
from processes import is_alive
from ray_nodes import GONE_SECONDS, PATIENCE, Nodes, assert_nothing_left, connected, wait_for_slots, wait_until

from nasgen.errors import ExecutorError
from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors import Executor, ProcessExecutor
from nasgen.executors.base import Token
from nasgen.executors.faults import Dispatcher
from nasgen.executors.ray_cluster import Cluster
from nasgen.executors.ray_executor import END_SECONDS, RayExecutor

FAULTS = [
    "exit 3",
    "exit 0",
    "sigkill",
    "segfault",
    "raise",
    "diverge",
    "nan",
    "memory_error",
    "allocate",
    "cuda_error",
]
HANGS = ["hang", "hang_with_gil"]
DEADLINE = 1.0

pytestmark = [pytest.mark.ray, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with Nodes() as nodes:
        nodes.add(2)
        yield nodes


@pytest.fixture(scope="module")
def cluster(nodes: Nodes) -> Iterator[Cluster]:
    with connected(nodes) as cluster:
        yield cluster


@pytest.fixture
def executor(nodes: Nodes, cluster: Cluster) -> Iterator[RayExecutor]:
    with RayExecutor(SPEC, cluster) as executor:
        wait_for_slots(executor, 2)
        yield executor
    assert_nothing_left(nodes)


def outcomes_of(executor: Executor, genotypes: list[str], deadline: float) -> dict[str, Outcome]:
    dispatcher = Dispatcher(executor, deadline=lambda request: deadline)
    for number, genotype in enumerate(genotypes):
        dispatcher.submit(Request(number, genotype, key=f"key-{number}", seed=number))
    answers: dict[str, Outcome] = {}
    while dispatcher.in_flight:
        for request, outcome in dispatcher.collect():
            assert request.genotype not in answers, "recorded twice"
            answers[request.genotype] = outcome
    return answers


@pytest.fixture(scope="module")
def on_processes() -> Mapping[str, Outcome]:
    with ProcessExecutor(SPEC, 2) as executor:
        return outcomes_of(executor, FAULTS, PATIENCE) | outcomes_of(executor, HANGS, DEADLINE)


def test_rows_are_those_of_worker_processes(executor: RayExecutor, on_processes: Mapping[str, Outcome]) -> None:
    for number in range(2):  # the second time in the place of what the first has broken
        found = outcomes_of(executor, FAULTS, PATIENCE)
        assert set(found) == set(FAULTS), number
        for genotype in FAULTS:
            assert row(found[genotype]) == row(on_processes[genotype]), genotype


def test_hangs_end_at_their_deadline(executor: RayExecutor, on_processes: Mapping[str, Outcome]) -> None:
    actors = {slot.actor for slot in executor._slots}
    start = time.monotonic()
    found = outcomes_of(executor, [*HANGS, "healthy"], DEADLINE)
    assert time.monotonic() - start < 2 * DEADLINE + 10
    for genotype in HANGS:
        assert row(found[genotype]) == row(on_processes[genotype]), genotype
    assert found["healthy"].attempt == 1
    assert {slot.actor for slot in executor._slots} == actors, "an actor that answers is kept"


def row(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.fitness, outcome.failure, outcome.attempt, outcome.metrics


def test_a_killed_actor_costs_the_candidate_that_ran_in_it_an_attempt(nodes: Nodes, executor: RayExecutor) -> None:
    dispatcher = Dispatcher(executor)
    for number, genotype in enumerate(["sleep 3", "sleep 2"]):
        dispatcher.submit(Request(number, genotype, key=str(number), seed=number))

    def both_have_begun() -> bool:
        dispatcher.collect(0.1)
        return all(slot.began for slot in executor._slots)

    wait_until(both_have_begun, "both evaluate")
    (victim,) = [slot for slot in executor._slots if slot.job is not None and slot.job.token.number == 0]
    actor = actor_of(victim)
    worker = actor.children()[0]
    actor.kill()
    wait_until(lambda: not is_alive(worker), "its worker has ended", 2)
    answers = []
    while dispatcher.in_flight:
        answers += dispatcher.collect()
    assert sorted((request.number, outcome.attempt, outcome.failure) for request, outcome in answers) == [
        (0, 2, None),
        (1, 1, None),
    ]


def test_a_node_that_is_out_of_reach_is_waited_for_once(nodes: Nodes, executor: RayExecutor) -> None:
    busy(executor)
    actors = [actor_of(slot) for slot in executor._slots]
    for actor in actors:
        actor.suspend()
    seconds = []
    for number in range(2):
        start = time.monotonic()
        assert not executor.kill(Token(number, 1))
        seconds.append(time.monotonic() - start)
    for actor in actors:
        actor.resume()
    assert seconds[1] < END_SECONDS <= seconds[0]


def test_an_actor_that_ends_each_time_is_the_candidates_failure(executor: RayExecutor) -> None:
    dispatcher = Dispatcher(executor)
    dispatcher.submit(Request(0, "sleep 60", key="0", seed=0))
    answers: list[tuple[Request, Outcome]] = []
    killed = []
    while dispatcher.in_flight:
        answers += dispatcher.collect(0.1)
        for slot in executor._slots:
            if slot.began and slot not in killed:
                killed.append(slot)
                actor_of(slot).kill()
    ((_, outcome),) = answers
    assert (outcome.failure, outcome.attempt) == (Failure("worker-lost", "the worker's actor ended"), 2)
    assert len(killed) == 2


def test_an_actor_that_is_killed_idle_costs_nobody_anything(nodes: Nodes, executor: RayExecutor) -> None:
    for slot in executor._slots:
        actor_of(slot).kill()
    found = outcomes_of(executor, [f"healthy {number}" for number in range(6)], PATIENCE)
    assert {(outcome.failure, outcome.attempt) for outcome in found.values()} == {(None, 1)}
    wait_for_slots(executor, 2)


def test_an_evaluator_that_cannot_be_made_ends_the_run(nodes: Nodes, cluster: Cluster) -> None:
    spec = {**SPEC, "name": SPEC["name"].replace(":Obedient", ":RefusesToStart")}
    with RayExecutor(spec, cluster) as executor:
        wait_for_slots(executor, 2)
        with pytest.raises(ExecutorError, match="no worker can evaluate: FileNotFoundError: no table here"):
            outcomes_of(executor, ["healthy"], PATIENCE)
    executor.close()
    assert_nothing_left(nodes)


@pytest.mark.parametrize(
    "state", ["starting", "standing", "hanging", pytest.param("frozen", marks=pytest.mark.slow), "widening"]
)
def test_close_in_every_state_leaves_nothing(nodes: Nodes, cluster: Cluster, state: str) -> None:
    with RayExecutor(SPEC, cluster) as executor:
        start_of = CLOSED.get(state)
        if state != "starting":
            wait_for_slots(executor, 2)
        if start_of is not None:
            start_of(executor)
        start = time.monotonic()
    executor.close()
    assert time.monotonic() - start < 10
    assert_nothing_left(nodes, 20 if state == "frozen" else GONE_SECONDS)  # Ray asks for 5 s before it kills


def busy(executor: RayExecutor, genotype: str = "sleep 60") -> None:
    dispatcher = Dispatcher(executor)
    for number in range(2):
        dispatcher.submit(Request(number, genotype, key=str(number), seed=number))

    def begun() -> bool:
        dispatcher.collect(0.1)
        return all(slot.began for slot in executor._slots)

    wait_until(begun, "both have begun")


def frozen(executor: RayExecutor) -> None:
    busy(executor)
    for slot in executor._slots:
        actor_of(slot).suspend()


def widening(executor: RayExecutor) -> None:
    dispatcher = Dispatcher(executor)
    for number, genotype in enumerate(["memory_error", "sleep 60"]):
        dispatcher.submit(Request(number, genotype, key=str(number), seed=number))

    def widens() -> bool:
        dispatcher.collect(0.1)
        return any(slot.share.cpus == 2 for slot in executor._slots)

    wait_until(widens, "one is to be larger")


CLOSED: Mapping[str, Callable[[RayExecutor], None]] = {
    "hanging": lambda executor: busy(executor, "hang_with_gil"),
    "frozen": frozen,
    "widening": widening,
}


def test_ctrl_c_in_a_wait_leaves_nothing(nodes: Nodes, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    with RayExecutor(SPEC, cluster) as executor:
        busy(executor)
        with monkeypatch.context() as patch:
            patch.setattr(ray, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                executor.wait(PATIENCE)
    assert_nothing_left(nodes)


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_what_is_printed_comes_home(nodes: Nodes, cluster: Cluster, tmp_path: Path) -> None:
    with RayExecutor(SPEC, cluster, log=tmp_path / "log.txt") as executor:
        outcomes_of(executor, ["print"], PATIENCE)
    assert b"more \xff rubbish" in (tmp_path / "log.txt").read_bytes()


@pytest.mark.slow
def test_memory_and_descriptors_are_flat_over_ten_thousand_evaluations(nodes: Nodes, executor: RayExecutor) -> None:
    processes = [psutil.Process(), *nodes.ours()]

    def evaluate(number: int) -> list[tuple[int, int]]:
        outcomes_of(executor, [f"healthy {count}" for count in range(number)], PATIENCE)
        return [(process.memory_info().rss, process.num_fds()) for process in processes]

    for (memory, descriptors), (more, many) in zip(evaluate(4000), evaluate(6000), strict=True):
        assert more - memory < 15_000_000
        assert many <= descriptors + 2


def actor_of(slot: Any) -> psutil.Process:
    """The process of a slot's actor."""
    import ray

    (state,) = [one for one in ray._private.state.actors().values() if one["ActorID"] == slot.actor._ray_actor_id.hex()]
    return psutil.Process(state["Pid"])
