"""Memory that runs out gives a candidate one attempt with a larger share; nothing waits for ever for its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from ray_nodes import Nodes, assert_nothing_left, connected, take_resources
from ray_trial import OUT_OF_MEMORY, Trial, assert_both_slots_work, hungry

from nasgen.evaluation import Outcome
from nasgen.executors import ray_slots
from nasgen.executors.ray_cluster import Cluster, Share
from nasgen.executors.ray_executor import RayExecutor

HALF_A_GPU = Share(1, 0.5)

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Nodes, Cluster]]:
    with Nodes() as nodes, connected(nodes) as cluster:
        yield nodes, cluster


@pytest.fixture
def trial(cluster: tuple[Nodes, Cluster], tmp_path: Path) -> Callable[..., AbstractContextManager[Trial]]:
    nodes, connection = cluster

    @contextmanager
    def on_a_node(cpus: int, gpus: int, share: Share, slots: int) -> Iterator[Trial]:
        node = nodes.add(cpus, gpus)
        try:
            with RayExecutor(hungry(tmp_path), connection, share=share) as executor:
                trial = Trial(executor, tmp_path)
                trial.until(lambda: executor.capacity == slots, "all slots stand")
                yield trial
            assert_nothing_left(nodes)
        finally:
            nodes.leave(node)

    return on_a_node


def held(kind: str) -> float:
    """How much of a resource is in use on the cluster."""
    import ray

    return ray.cluster_resources().get(kind, 0.0) - ray.available_resources().get(kind, 0.0)


def test_the_second_attempt_has_the_gpu_for_itself(trial: Callable[..., AbstractContextManager[Trial]]) -> None:
    with trial(2, 1, HALF_A_GPU, slots=2) as one:
        assert held("GPU") == 1
        one.submit("starve 1 hold")
        one.until(lambda: one.begun(0, times=2), "it is tried again")
        assert shares(one) == [(Share(2, 1), 2)]
        one.until(lambda: (held("GPU"), held("CPU")) == (1, 2), "the cluster knows")
        assert one.release()[0] == Outcome(1.0, attempt=2, seconds=one.outcomes[0].seconds)
        assert_both_slots_work(one)


def test_a_busy_neighbour_ends_its_job_first(trial: Callable[..., AbstractContextManager[Trial]]) -> None:
    with trial(2, 1, HALF_A_GPU, slots=2) as one:
        one.submit("wait hold", "starve 1")
        one.until(lambda: one.begun(0) and one.begun(1), "both have begun")
        one.until(lambda: any(slot.share == Share(2, 1) for slot in one.executor._slots), "it is to be larger")
        assert not one.begun(1, times=2)
        outcomes = one.release()
        assert [(outcomes[number].fitness, outcomes[number].attempt) for number in range(2)] == [(1.0, 1), (1.0, 2)]
        assert_both_slots_work(one)


def test_two_at_once_are_given_the_gpu_in_turn(trial: Callable[..., AbstractContextManager[Trial]]) -> None:
    with trial(2, 1, HALF_A_GPU, slots=2) as one:
        one.submit("starve 1 hold", "starve 1 hold", "starve 2", "wait")
        one.until(lambda: one.begun(0, times=2) or one.begun(1, times=2), "one is tried again")
        assert not (one.begun(0, times=2) and one.begun(1, times=2))
        outcomes = one.release()
        found = [(outcomes[number].fitness, outcomes[number].attempt) for number in range(4)]
        assert found == [(1.0, 2), (1.0, 2), (None, 2), (1.0, 1)]
        assert outcomes[2].failure == OUT_OF_MEMORY
        assert_both_slots_work(one)


@pytest.mark.slow
def test_of_several_gpus_one_is_emptied(trial: Callable[..., AbstractContextManager[Trial]]) -> None:
    with trial(4, 2, HALF_A_GPU, slots=4) as one:
        one.submit("starve 1 hold")
        one.until(lambda: one.begun(0, times=2), "it is tried again")
        one.submit("wait hold", "wait hold")
        one.until(lambda: one.begun(1) and one.begun(2), "the other GPU works on")
        assert one.executor.capacity == 3
        one.release()


def test_where_there_is_no_larger_share_the_same_is_tried_again(
    trial: Callable[..., AbstractContextManager[Trial]],
) -> None:
    with trial(1, 0, Share(1, 0), slots=1) as one:
        one.submit("starve 1", "starve 2")
        outcomes = one.release()
        assert [(outcomes[number].failure, outcomes[number].attempt) for number in range(2)] == [
            (None, 2),
            (OUT_OF_MEMORY, 2),
        ]


@pytest.mark.slow
def test_a_larger_share_that_others_have_taken_is_done_without(
    trial: Callable[..., AbstractContextManager[Trial]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_slots, "STANDING_SECONDS", 4.0)
    with trial(2, 0, Share(1, 0), slots=2) as one:
        one.submit("wait hold", "starve 1")
        one.until(lambda: any(slot.share == Share(2, 0) for slot in one.executor._slots), "it is to be larger")
        let_go = take_resources(cpus=1)
        outcomes = one.release()
        assert [(outcomes[number].fitness, outcomes[number].attempt) for number in range(2)] == [(1.0, 1), (1.0, 2)]
        let_go()
        assert_both_slots_work(one)


def shares(one: Trial) -> list[tuple[Share, int]]:
    return [(slot.share, slot.places) for slot in one.executor._slots]
