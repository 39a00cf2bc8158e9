"""What a person reads of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasgen.evaluation import Outcome, Request
from nasgen.results.summary import print_best
from nasgen.storage.store import Store


def test_long_genotypes_leave_the_rest_of_the_line_in_sight(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.commit_round([Request(0, "[" + "0," * 5000, "key", 1)], {"round": 1, "told": 0, "state": None})
        store.record(0, Outcome(0.5))
        print_best(store)
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("     0  search      0.5000")
    assert line.endswith("  [" + "0," * 49 + "0...")
