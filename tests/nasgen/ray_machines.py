"""Nodes of a Ray cluster as commands, each in a network or with files of its own; needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil
import pytest
from ray_nodes import MARK

from nasgen.executors.ray_cluster import lock_others_out

RAY = [sys.executable, "-m", "ray.scripts.scripts"]


@contextmanager
def node(prefix: Sequence[str], *words: str) -> Iterator[psutil.Process]:
    """A node while the context lasts, started by ``ray start`` behind the words that set its machine apart."""
    lock_others_out()
    os.environ.setdefault(MARK, os.urandom(8).hex())
    command = [*prefix, *RAY, "start", "--block", "--disable-usage-stats", "--object-store-memory=100000000", *words]
    # the code under test, also where the tests were started without it on the path
    folder = tempfile.mkdtemp(prefix="ng-")  # a short one: there will be sockets in it
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RAY_TMPDIR": folder}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Ray runtime started" in line:
                break
        else:
            pytest.fail("".join(lines))
        yield psutil.Process(process.pid)
    finally:
        kill_tree(process.pid)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def kill_tree(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
