"""Many pieces of work: lines from the start on, while nothing ends, and with the time left once there is a pace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasgen.errors import ExecutorError
from nasgen.jobs import units
from nasgen.jobs.units import each_unit


def nap(factor: float, seconds: float) -> float:
    time.sleep(factor * seconds)
    return seconds


def leave(_: None, code: int) -> None:
    os._exit(code)


def test_the_first_line_comes_before_anything_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "cores", lambda: 2)
    said: list[str] = []
    found = each_unit(nap, 0.0, [1.0, 2.0, 3.0], "naps", said.append)
    first = next(found)
    assert said == ["0/3 naps, on 2 cores"]
    assert sorted([first, *found]) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert len(said) == 1  # the others end too soon


def test_a_line_comes_now_and_then_while_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MOST_SILENT", 0.2)
    said: list[str] = []
    assert dict(each_unit(nap, 1.0, [1.2], "naps", said.append)) == {1.2: 1.2}
    assert said[0] == "0/1 naps, on 1 core"
    assert len(said) > 4
    assert all(re.fullmatch(r"0/1 naps, \d+ s so far", line) for line in said[1:])


def test_the_time_left_is_told_once_every_process_may_have_ended_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(units.time, "monotonic", lambda: clock[0])
    said: list[str] = []
    progress = units._Progress(left=100.0, units=5, processes=2, what="searches", say=said.append)
    for now, cost in ((100, 20.0), (101, 20.0), (200, 30.0), (203, 20.0), (320, 10.0)):
        clock[0] = now
        progress.count(cost)
        progress.tell(5.0)
    assert said == [
        "0/5 searches, on 2 cores",
        "1/5 searches, 1 min 40 s so far",
        "3/5 searches, time left 1 min 00 s",  # 50 in the 100 s since the first one ended, and 30 are left
        "5/5 searches, time left 0 s",
    ]


def test_a_lost_process_ends_it_in_one_line() -> None:
    with pytest.raises(ExecutorError, match="squares: expected processes that live, found one lost"):
        list(each_unit(leave, None, [1, 2], "squares", lambda line: None))


SCRIPT = """
from nasgen.jobs.units import each_unit
from operator import add

print("started")
print(sorted(result for _, result in each_unit(add, 1, [1, 2, 3], "sums", lambda line: None)))
"""


def test_a_script_without_a_guard_is_run_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["started", "[2, 3, 4]"]
