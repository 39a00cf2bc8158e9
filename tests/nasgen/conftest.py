"""A table to look cells up in, a finished run, the command line in this process, Ray nodes; and torch as it was."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contracts.landscape import write_table
from lookup_search import Said, Say, search
from ray_nodes import Nodes, connected

from nasgen.cli.app import main


@pytest.fixture(scope="session")
def cell_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV table of the made-up landscape over all cells of NAS-Bench-201, but for those that fail."""
    path = tmp_path_factory.mktemp("tables") / "cells.csv"
    write_table(path)
    return path


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line in this process."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["nasgen", *map(str, words)])
        before = signal.getsignal(signal.SIGTERM)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        signal.signal(signal.SIGTERM, before)
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def run(cell_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of thirty look-ups."""
    path = tmp_path_factory.mktemp("finished") / "run"
    search(path, cell_table, evaluations=30, surrogate="bayesian-ridge")
    return path


@pytest.fixture(scope="module")
def all_nodes() -> Iterator[Nodes]:
    """A Ray cluster with a head that evaluates nothing, to which this process is connected."""
    with Nodes() as nodes, connected(nodes):
        yield nodes


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """Undo what ``numerics.prepare`` sets for the process: other tests draw denormal numbers."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)
