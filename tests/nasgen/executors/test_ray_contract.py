"""A cluster of our own keeps the contract of executors, and gives what the others give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from contracts.executor_contract import CHECKS, Make

from nasgen.executors import Executor
from nasgen.executors.ray_cluster import Cluster

PATIENCE = 30.0

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster("local", cpus=3) as cluster:
        yield cluster


def standing(spec: Mapping[str, Any], cluster: Cluster, workers: int, **options: Any) -> Executor:
    """An executor whose actors all stand."""
    from nasgen.executors.ray_executor import RayExecutor

    executor = RayExecutor(spec, cluster, workers, **options)
    while executor.capacity < workers:
        executor.wait(0.2)
    return executor


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: Callable[[Make, float], None], workers: int, cluster: Cluster) -> None:
    check(lambda spec: standing(spec, cluster, workers), PATIENCE)
