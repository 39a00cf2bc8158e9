"""What Ray's own monitor ends has run out of memory."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from ray_nodes import Nodes, assert_nothing_left, connected
from ray_trial import OUT_OF_MEMORY, Trial, assert_both_slots_work, hungry

from nasgen.executors.ray_executor import RayExecutor

ROOM = 2e9
"""Bytes that may be taken beyond what is in use."""

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(240)]


def test_what_rays_own_monitor_ends_has_run_out_of_memory(tmp_path: Path) -> None:
    memory = psutil.virtual_memory()
    if memory.available < 4 * ROOM:
        pytest.skip("needs 8 GB of free memory")
    threshold = (memory.total - memory.available + ROOM) / memory.total
    with Nodes(memory_usage_threshold=threshold, memory_monitor_refresh_ms=100) as nodes:
        nodes.add(2)
        with connected(nodes) as cluster, RayExecutor(hungry(tmp_path), cluster) as executor:
            one = Trial(executor, tmp_path)
            one.until(lambda: executor.capacity == 2, "all slots stand")
            one.submit("devour 4", "wait")
            outcomes = one.release()
            assert (outcomes[0].failure, outcomes[0].attempt) == (OUT_OF_MEMORY, 2)
            assert outcomes[1].fitness == 1.0
            assert_both_slots_work(one)
        assert_nothing_left(nodes)
