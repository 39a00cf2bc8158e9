"""Whole searches over a table: the same rows whatever runs them and whatever interrupts them."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

import nasgen
from nasgen import searching
from nasgen.errors import InputError
from nasgen.evaluation import Outcome, Request
from nasgen.evaluators import TableEvaluator
from nasgen.folder import RunFolder
from nasgen.summary import open_store, write_csv

ROWS = 60
QUICK: dict[str, Any] = {"window": 4, "surrogate": "bayesian-ridge"}

SLOW = '''
"""Evolution with its surrogate, and time between two asks to be killed in."""
import time

from nasgen import Evolution
from nasgen.prescreen import Prescreen


class Slow(Evolution):
    def __init__(self, space, asked):
        super().__init__(space, asked, prescreen=Prescreen(space, "bayesian-ridge"), brood=8)

    def ask(self, rng):
        time.sleep(0.02)
        return super().ask(rng)
'''


@pytest.fixture
def slow(tmp_path: Path) -> str:
    path = tmp_path / "slow.py"
    path.write_text(SLOW)
    return f"{path}:Slow"


def search(out: Path, cells: Path, **options: Any) -> nasgen.SearchResult:
    given = {"space": "nasbench201", "table": str(cells), "fitness": "fitness", "evaluations": ROWS, **options}
    return nasgen.search(out=out, **given)


def command(*words: Any) -> list[str]:
    return [sys.executable, "-m", "nasgen", *map(str, words)]


def search_command(out: Path, cells: Path, *words: Any, evaluations: int = ROWS) -> list[str]:
    given = ("--space", "nasbench201", "--table", cells, "--fitness", "fitness", "--evaluations", evaluations)
    return command("search", "--out", out, *given, *words)


def table_of(run: Path) -> list[dict[str, str]]:
    """The rows of ``table --csv`` but for the columns that may differ."""
    text = io.StringIO()
    with open_store(run) as store:
        write_csv(store, text)
    text.seek(0)
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "attempt")}
        for row in csv.DictReader(text)
    ]


def results_in(run: Path) -> int:
    """Rows with a result; 0 where there is no store yet."""
    try:
        with open_store(run) as store:
            return store.n_results
    except InputError:
        return 0


@pytest.fixture(scope="module")
def whole(cell_table: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The rows of an uninterrupted search in this process."""
    run = tmp_path_factory.mktemp("whole") / "run"
    search(run, cell_table, **QUICK)
    return table_of(run)


def test_mutation_crossover_surrogate_and_failures_take_part(whole: list[dict[str, str]]) -> None:
    """What the comparisons below compare is no random search."""
    assert len(whole) == ROWS
    operators = {row["operator"] for row in whole}
    assert {"sample", "edge-op"} < operators
    assert any("uniform" in operator for operator in operators)
    assert sum(bool(row["predicted"]) for row in whole) > 20
    assert 0 < sum(bool(row["failure"]) for row in whole) < 15


def test_processes_give_the_same_table(cell_table: Path, tmp_path: Path, whole: list[dict[str, str]]) -> None:
    """One worker under another hash seed, and three under ours."""
    words = ("--window", 4, "--surrogate", "bayesian-ridge", "--executor", "processes")
    under_hash_seed("1", search_command(tmp_path / "one", cell_table, *words))
    search(tmp_path / "three", cell_table, **QUICK, executor="processes", workers=3)
    assert table_of(tmp_path / "one") == whole
    assert table_of(tmp_path / "three") == whole


def test_the_hash_seed_does_not_matter(cell_table: Path, tmp_path: Path) -> None:
    """With the default surrogate."""
    under_hash_seed("2", search_command(tmp_path / "one", cell_table))
    search(tmp_path / "other", cell_table)
    assert len(table_of(tmp_path / "one")) == ROWS
    assert table_of(tmp_path / "one") == table_of(tmp_path / "other")


def under_hash_seed(hash_seed: str, words: list[str]) -> None:
    subprocess.run(words, env={**os.environ, "PYTHONHASHSEED": hash_seed}, check=True, capture_output=True)


def test_another_seed_or_window_is_another_table(cell_table: Path, tmp_path: Path) -> None:
    tables = []
    for name, options in (("one", {}), ("seed", {"seed": 1}), ("window", {"window": 3})):
        search(tmp_path / name, cell_table, strategy="local-search", **options)
        tables.append(table_of(tmp_path / name))
    assert tables[0] != tables[1]
    assert tables[0] != tables[2]


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


def assert_gone(processes: list[psutil.Process]) -> None:
    """No process is left; one that nobody reaps, as in a container without init, is gone too."""
    _, alive = psutil.wait_procs(processes, timeout=1)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


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


def test_bad_input_leaves_nothing(cell_table: Path, tmp_path: Path) -> None:
    for options in ({"fitness": "speed"}, {"surrogate": "magic"}, {"strategy": f"{tmp_path}/gone.py:Mine"}):
        with pytest.raises(InputError):
            search(tmp_path / "deep" / "run", cell_table, **options)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_maximised_column_is_an_objective(cell_table: Path, tmp_path: Path, executor: str) -> None:
    """Two directions of one column: the fronts differ, and each is what the rows say."""
    fronts = {}
    for name in ("parameters", "+parameters"):
        result = search(
            tmp_path / name,
            cell_table,
            strategy="nsga2",
            objectives=("fitness", name),
            evaluations=40,
            executor=executor,
            surrogate="off",
        )
        fronts[name] = [(row.fitness, row.outcome.metrics["parameters"]) for row in result.front]
        assert fronts[name] == sorted(fronts[name], key=lambda pair: -pair[0])
        costs = [cost if name == "parameters" else -cost for _, cost in fronts[name]]
        assert costs == sorted(costs, reverse=True)
    assert fronts["parameters"] != fronts["+parameters"]


def test_the_baseline_runs_beside(cell_table: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, baseline="random", surrogate="off", evaluations=30)
    search(tmp_path / "random", cell_table, strategy="random", evaluations=30)
    assert result.baseline is not None
    assert result.baseline.evaluations == 30
    assert table_of(tmp_path / "run" / "baseline") == table_of(tmp_path / "random")


def test_a_baseline_killed_before_its_settings_stood_is_taken_up(cell_table: Path, tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    search(run, cell_table, baseline="random", surrogate="off", evaluations=20)
    shutil.rmtree(run / "baseline")
    RunFolder.create(run / "baseline", RunFolder(run).read()["arguments"]).unlock()
    result = nasgen.resume(run, evaluations=30)
    search(other, cell_table, strategy="random", evaluations=30)
    assert result.baseline is not None
    assert result.baseline.evaluations == 30
    assert table_of(run / "baseline") == table_of(other)
    assert not RunFolder(run / "baseline").read()["provisional"]


def test_a_time_budget_ends_a_search(cell_table: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, evaluations=None, minutes=0.02, strategy="random")
    assert result.evaluations > 0
    assert result.seconds >= 1.2
    with pytest.raises(InputError, match="--minutes may grow"):
        nasgen.resume(tmp_path / "run", minutes=0.01)
