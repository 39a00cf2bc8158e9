"""A search goes on: after an interruption, a SIGKILL or a grown budget; and what may not have changed by then."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import pytest
from lookup_search import QUICK, ROWS, SLOW, command, results_in, search, search_command, table_of
from processes import assert_gone

import nasgen
from nasgen.engine import searching
from nasgen.errors import InputError
from nasgen.evaluation import Outcome, Request
from nasgen.training.evaluators import TableEvaluator


@pytest.fixture
def slow(tmp_path: Path) -> str:
    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    return f"{path}:Slow"


@pytest.fixture(scope="module")
def whole(cell_table: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The rows of an uninterrupted search in this process."""
    run = tmp_path_factory.mktemp("whole") / "run"
    search(run, cell_table, **QUICK)
    return table_of(run)


def interrupted(monkeypatch: pytest.MonkeyPatch, n: int, call: Callable[[], Any]) -> None:
    """Call, with Ctrl-C in the look-up after ``n`` more."""
    evaluate, left = TableEvaluator.evaluate, [None] * n

    def cut(self: TableEvaluator, request: Request) -> Outcome:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return evaluate(self, request)

    with monkeypatch.context() as patch:
        patch.setattr(TableEvaluator, "evaluate", cut)
        with pytest.raises(KeyboardInterrupt):
            call()


def test_an_interrupted_search_goes_on(
    cell_table: Path, tmp_path: Path, whole: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(monkeypatch, 0, lambda: search(tmp_path / "run", cell_table, **QUICK))
    for n in (1, 15, 20, 7):
        interrupted(monkeypatch, n, lambda: nasgen.resume(tmp_path / "run"))
    result = nasgen.resume(tmp_path / "run")
    assert table_of(tmp_path / "run") == whole
    assert result.evaluations == ROWS
    assert nasgen.resume(tmp_path / "run").best == result.best


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "random"},
        {"strategy": "regularized-evolution"},
        {"strategy": "local-search"},
        {"strategy": "nsga2", "objectives": ("fitness", "parameters"), "surrogate": "bayesian-ridge"},
        {"profile": "paper", "surrogate": "bayesian-ridge"},
    ],
    ids=str,
)
def test_every_strategy_goes_on(
    cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    search(tmp_path / "whole", cell_table, **options)
    interrupted(monkeypatch, 41, lambda: search(tmp_path / "part", cell_table, **options))
    nasgen.resume(tmp_path / "part")
    assert table_of(tmp_path / "part") == table_of(tmp_path / "whole")


def kill_when(words: list[str], run: Path, results: int, seconds: float = 0.0) -> list[psutil.Process]:
    """Start a command, and SIGKILL it when there are so many results and some time has passed; its children."""
    driver = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while results_in(run) < results:
        assert driver.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.02)
    time.sleep(seconds)
    children = psutil.Process(driver.pid).children(recursive=True)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    return children


def test_a_killed_search_goes_on(cell_table: Path, tmp_path: Path, slow: str) -> None:
    search(tmp_path / "whole", cell_table, strategy=slow, window=4)
    run = tmp_path / "run"
    words = search_command(run, cell_table, "--strategy", slow, "--window", 4, "--executor", "processes")
    assert_gone(kill_when(words, run, 10))
    assert_gone(kill_when(command("resume", run), run, 30))
    assert 30 <= results_in(run) < ROWS
    result = nasgen.resume(run, executor="inline")
    assert table_of(run) == table_of(tmp_path / "whole")
    assert result.evaluations == ROWS


@pytest.mark.slow
def test_twenty_kills_change_nothing(cell_table: Path, tmp_path: Path, slow: str) -> None:
    search(tmp_path / "whole", cell_table, strategy=slow, window=4, evaluations=90)
    run, rng = tmp_path / "run", random.Random(0)
    words = search_command(run, cell_table, "--strategy", slow, "--window", 4, "--workers", 2, evaluations=90)
    for kill in range(20):
        # Each goes on a little before it is killed, or the last ones would all meet a finished run.
        assert_gone(kill_when(words, run, results_in(run) + rng.choice([0, 1, 3]), rng.uniform(0, 0.1)))
        words = command("resume", run)
        assert results_in(run) < 90, f"the run ended before kill {kill + 1}"
    nasgen.resume(run)
    assert table_of(run) == table_of(tmp_path / "whole")


def test_a_grown_search_goes_on_where_it_ended(cell_table: Path, tmp_path: Path, whole: list[dict[str, str]]) -> None:
    run = tmp_path / "run"
    search(run, cell_table, window=4, evaluations=40, surrogate="off")
    part = table_of(run)
    assert nasgen.resume(run, evaluations=ROWS).evaluations == ROWS
    assert table_of(run)[:40] == part
    assert len({row["key"] for row in table_of(run)}) == ROWS
    with pytest.raises(InputError, match="--evaluations may grow on resume, from 60, found 50"):
        nasgen.resume(run, evaluations=50)


def test_a_changed_table_is_refused(cell_table: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes(cell_table.read_bytes())
    search(tmp_path / "run", own, evaluations=20, strategy="random")
    rows = table_of(tmp_path / "run")
    own.write_text(own.read_text().replace("made up", "made over"))
    with pytest.raises(InputError, match="cannot go on with other inputs: data_hash was"):
        nasgen.resume(tmp_path / "run", evaluations=30)
    own.unlink()
    with pytest.raises(InputError, match="which is not there: put it back"):
        nasgen.resume(tmp_path / "run", evaluations=30)
    assert table_of(tmp_path / "run") == rows


def test_a_changed_strategy_of_ones_own_is_refused(cell_table: Path, tmp_path: Path, slow: str) -> None:
    search(tmp_path / "run", cell_table, evaluations=5, strategy=slow)
    path = Path(slow.rpartition(":")[0])
    path.write_text(SLOW.replace("0.02", "0.01"))
    with pytest.raises(InputError, match="strategy_hash was"):
        nasgen.resume(tmp_path / "run", evaluations=10)


def test_another_environment_is_refused_unless_accepted(cell_table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    search(run, cell_table, evaluations=20, strategy="random")
    values = json.loads((run / "run.json").read_text())
    values["environment"]["numpy"] = "1.0"
    (run / "run.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"numpy was 1\.0, is .*--accept-environment"):
        nasgen.resume(run, evaluations=30)
    assert nasgen.resume(run, evaluations=30, accept_environment=True).evaluations == 30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workers": 0}, "--workers"),
        ({"minutes": -1.0}, "--minutes"),
        ({"executor": "threads"}, "--executor"),
        ({"executor": "inline", "workers": 2}, "--executor inline has one worker"),
    ],
)
def test_bad_options_of_a_resume_are_refused(
    cell_table: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    search(tmp_path / "run", cell_table, evaluations=5, strategy="random")
    before = (tmp_path / "run" / "run.json").read_text()
    with pytest.raises(InputError, match=message):
        nasgen.resume(tmp_path / "run", **change)
    assert (tmp_path / "run" / "run.json").read_text() == before


def ended(*_: object) -> NoReturn:
    """Stands for what does not end otherwise."""
    raise KeyboardInterrupt


def test_a_provisional_run_starts_over(cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(searching, "_settle", ended)
        with pytest.raises(KeyboardInterrupt):
            search(run, cell_table, evaluations=10)
    assert json.loads((run / "run.json").read_text())["provisional"] is True
    assert nasgen.resume(run, evaluations=12).evaluations == 12
    search(tmp_path / "other", cell_table, evaluations=12)
    assert table_of(run) == table_of(tmp_path / "other")


def test_a_provisional_run_over_arrays_never_becomes_one_over_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("nasgen.tasks.get_task", ended)
        with pytest.raises(KeyboardInterrupt):
            nasgen.search(task=([], [], [], []), out=run, evaluations=10)
    with pytest.raises(InputError, match=r"data\.npz"):
        nasgen.resume(run)


def test_a_budget_that_grew_beside_one_that_is_spent_is_refused(cell_table: Path, tmp_path: Path) -> None:
    search(tmp_path / "timed", cell_table, evaluations=None, minutes=0.01, strategy="random")
    with pytest.raises(InputError, match=r"the run's --minutes 0\.01 are spent; give --minutes too"):
        nasgen.resume(tmp_path / "timed", evaluations=10_000)
    search(tmp_path / "counted", cell_table, evaluations=5, strategy="random")
    with pytest.raises(InputError, match="the run's --evaluations 5 are spent; give --evaluations too"):
        nasgen.resume(tmp_path / "counted", minutes=1.0)
    assert nasgen.resume(tmp_path / "counted", minutes=1.0, evaluations=7).evaluations == 7


def test_arrays_outlive_a_provisional_run_that_cannot_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    rng = np.random.default_rng(0)
    arrays = [part for n in (40, 20) for part in (rng.integers(256, size=(n, 8, 8), dtype=np.uint8), np.arange(n) % 2)]
    with monkeypatch.context() as patch:
        patch.setattr(searching, "_settle", ended)
        with pytest.raises(KeyboardInterrupt):
            nasgen.search(task=arrays, out=run, evaluations=4)
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / "run"
    run.rename(moved)

    def refused(*_: object) -> NoReturn:
        raise InputError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(searching, "_settle", refused)
        with pytest.raises(InputError, match="not now"):
            nasgen.resume(moved)
    assert nasgen.tasks.get_task(moved / "data.npz").x_train.shape == (40, 1, 8, 8)
    seen = []
    monkeypatch.setattr(searching, "_settle", lambda folder, arguments, cluster: seen.append(arguments.task) or ended())
    with pytest.raises(KeyboardInterrupt):
        nasgen.resume(moved)
    assert seen == [str(moved / "data.npz")]


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: {**values, "settings": {**values["settings"], "colour": "red"}},
        lambda values: {name: value for name, value in values.items() if name != "settings"},
        lambda values: {name: value for name, value in values.items() if name != "provisional"},
    ],
)
def test_a_damaged_run_json_is_refused_in_one_line(
    cell_table: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    run = tmp_path / "run"
    search(run, cell_table, evaluations=5, strategy="random")
    (run / "run.json").write_text(json.dumps(damage(json.loads((run / "run.json").read_text()))))
    with pytest.raises(InputError, match=r"run\.json: expected the settings of a run") as caught:
        nasgen.resume(run)
    assert "\n" not in str(caught.value)
