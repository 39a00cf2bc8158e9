"""A table to look cells up in, written once a session; and torch as each test found it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts.landscape import write_table


@pytest.fixture(scope="session")
def cell_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV table of the made-up landscape over all cells of NAS-Bench-201, but for those that fail."""
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    write_table(path)
    return path


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """Undo what ``numerics.prepare`` sets for the process: other tests draw denormal numbers."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)
