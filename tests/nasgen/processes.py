"""Processes that tests start and end; each may end at any moment, between any two questions about it."""

from __future__ import annotations

from contextlib import suppress

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that nobody reaps, as in a container without init, does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def assert_gone(processes: list[psutil.Process]) -> None:
    """None of them runs a second later."""
    _, left = psutil.wait_procs(processes, timeout=1)
    assert list(filter(is_alive, left)) == []
