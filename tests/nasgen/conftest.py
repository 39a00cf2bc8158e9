"""A table to look cells up in, written once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from contracts.landscape import write_table


@pytest.fixture(scope="session")
def cell_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV table of the made-up landscape over all cells of NAS-Bench-201, but for those that fail."""
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    write_table(path)
    return path
