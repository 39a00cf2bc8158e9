"""The command line: exit codes, one line for bad input, what goes to stdout, and what is left on disk."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from contracts.landscape import SPACE
from lookup_search import SLOW, Say, command, results_in, search_command, table_of, words_of

from nasgen.cli.app import app
from nasgen.evaluation import Outcome
from nasgen.reproduce import REPORTS
from nasgen.results.summary import COLUMNS
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store


def test_search_prints_one_json_object_last(say: Say, cell_table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    said = say(*words_of(run, cell_table, "--json", "--surrogate", "off"))
    assert said.code == 0
    (line,) = said.out.splitlines()
    found = json.loads(line)
    rows = table_of(run)
    assert set(found) == {"run", "best", "evaluations", "trained", "failed", "seconds"}
    assert (found["run"], found["evaluations"], found["trained"]) == (str(run), 20, 0)
    assert found["failed"] == sum(bool(row["failure"]) for row in rows)
    best = max((row for row in rows if row["fitness"]), key=lambda row: float(row["fitness"]))
    assert found["best"]["genotype"] == best["genotype"]
    assert found["best"]["fitness"] == float(best["fitness"])
    assert found["seconds"] > 0
    assert "20 evaluations" in said.err


def test_without_json_stdout_stays_empty(say: Say, cell_table: Path, tmp_path: Path) -> None:
    said = say(*words_of(tmp_path / "run", cell_table, "--strategy", "random"))
    assert (said.code, said.out) == (0, "")


def test_the_front_is_listed(say: Say, cell_table: Path, tmp_path: Path) -> None:
    words = ("--strategy", "nsga2", "--objectives", "fitness, parameters", "--population", 8, "--json")
    found = json.loads(say(*words_of(tmp_path / "run", cell_table, *words)).out)
    assert found["front"][0]["fitness"] == found["best"]["fitness"]
    assert all({"genotype", "fitness", "parameters"} <= set(one) for one in found["front"])


def test_a_search_in_which_all_fail_exits_1(say: Say, tmp_path: Path) -> None:
    cells = tmp_path / "t.csv"
    cells.write_text("arch_str,fitness\n|unheard of|,1.0\n")
    said = say(*words_of(tmp_path / "run", cells, "--json"))
    assert said.code == 1
    assert json.loads(said.out)["best"] is None
    assert "Traceback" not in said.err


def test_a_folder_that_holds_a_run_names_resume(say: Say, cell_table: Path, run: Path) -> None:
    before = table_of(run)
    said = say(*words_of(run, cell_table))
    assert said.code == 2
    assert f"nasgen resume {run}" in said.err
    assert table_of(run) == before


def test_table_prints_every_row_in_order(say: Say, run: Path) -> None:
    said = say("table", run, "--csv")
    assert said.code == 0
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == [str(number) for number in range(30)]
    for row in rows:
        assert bool(row["fitness"]) != bool(row["failure"])
        assert row["key"] == SPACE.key(SPACE.decode(row["genotype"]))
        assert row["origin"] == "looked-up"


def test_table_shows_the_best_first(say: Say, run: Path) -> None:
    lines = say("table", run).out.splitlines()
    values = [float(line.split()[2]) for line in lines[1:]]
    assert len(values) == 20
    assert values == sorted(values, reverse=True)


def test_table_writes_parquet(say: Say, run: Path, tmp_path: Path) -> None:
    import pandas as pd

    said = say("table", run, "--parquet", tmp_path / "rows.parquet")
    assert (said.code, said.out) == (0, "")
    frame = pd.read_parquet(tmp_path / "rows.parquet")
    # the look-up's own column of fitness has the name of one that every table has
    assert set(frame.columns) == {*COLUMNS, "metric_fitness"}
    assert frame["number"].tolist() == list(range(30))
    known = frame.dropna(subset="fitness")
    assert known["metric_fitness"].tolist() == known["fitness"].tolist()


def test_status_says_where_a_run_stands(say: Say, run: Path, tmp_path: Path) -> None:
    said = say("status", run)
    assert said.code == 0
    assert "30 of 30 done, 0 pending" in said.out
    assert "Kendall tau" in said.out
    RunFolder.create(tmp_path / "new", {}).unlock()
    assert "nothing asked yet" in say("status", tmp_path / "new").out


def test_resume_grows_and_prints_json(say: Say, cell_table: Path, tmp_path: Path) -> None:
    say(*words_of(tmp_path / "run", cell_table, "--strategy", "random"))
    said = say("resume", tmp_path / "run", "--evaluations", 25, "--json")
    assert said.code == 0
    assert json.loads(said.out)["evaluations"] == 25
    assert say("resume", tmp_path / "run", "--evaluations", 5).code == 2


def test_predict_answers_a_line_each(say: Say, run: Path, tmp_path: Path) -> None:
    genotypes = tmp_path / "genotypes"
    good = [row["genotype"] for row in table_of(run)[:3]]
    genotypes.write_text("\n".join([*good[:2], "", "rubbish", good[2]]))
    said = say("predict", run, genotypes)
    assert said.code == 1
    answers = said.out.splitlines()
    assert len(answers) == 4
    assert [number for number, answer in enumerate(answers) if answer == "nan\tnan"] == [2]
    assert all(len([float(part) for part in line.split("\t")]) == 2 for line in said.out.splitlines())
    assert "line 4" in said.err
    answers = [json.loads(line) for line in say("predict", run, genotypes, "--json").out.splitlines()]
    assert [answer["genotype"] for answer in answers] == [*good[:2], "rubbish", good[2]]
    assert "error" in answers[2]
    genotypes.write_text("\n".join(good))
    explained = say("predict", run, genotypes, "--json", "--explain")
    assert explained.code == 0
    assert all(json.loads(line)["contributions"] for line in explained.out.splitlines())


def test_help_is_there_for_each_command(say: Say) -> None:
    assert say("--help").code == 0
    for name in ("search", "plan", "resume", "status", "table", "export", "predict"):
        said = say(name, "--help")
        assert said.code == 0
        assert "Usage" in said.out


def test_help_names_every_report_and_what_it_is_about(say: Say) -> None:
    text = " ".join(say("reproduce", "--help").out.split())
    for name in ("ff-pruning", "rnn-priors", "rnn-pruning", "bogp"):
        assert f"{name}: {REPORTS[name].subject}." in text
    assert set(REPORTS) == {"ff-pruning", "rnn-priors", "rnn-pruning", "bogp"}
    assert REPORTS["bogp"].subject == "Masks by Bayesian optimisation"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_130_and_says_how_to_go_on(cell_table: Path, tmp_path: Path, number: int) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    run = tmp_path / "run"
    words = search_command(run, cell_table, "--strategy", f"{tmp_path}/slow.py:Slow", "--executor", "processes")
    driver = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while results_in(run) < 3 and time.monotonic() < limit:
        time.sleep(0.02)
    driver.send_signal(number)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, out) == (130, "")
    assert "nasgen resume" in err
    assert "Traceback" not in err


def test_a_disk_that_is_full_ends_a_search_which_goes_on_when_there_is_room(
    say: Say, cell_table: Path, tmp_path: Path
) -> None:
    record = Store.record

    def without_room(store: Store, number: int, outcome: Outcome) -> None:
        store._db.execute("PRAGMA max_page_count = 1")  # no page more than there are
        record(store, number, outcome)

    words = search_command(tmp_path / "run", cell_table, "--surrogate", "bayesian-ridge", evaluations=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "record", without_room)
        said = say(*words[words.index("search") :])
    assert said.code == 1
    assert said.err.splitlines()[-1] == (
        "nasgen: the run's store cannot be written: database or disk is full; nothing finished is lost, "
        "`nasgen resume` goes on"
    )
    assert 0 < results_in(tmp_path / "run") < 30
    assert say("resume", tmp_path / "run").code == 0
    assert results_in(tmp_path / "run") == 30


def test_a_run_stands_before_anything_heavy_is_imported(cell_table: Path, tmp_path: Path) -> None:
    """What takes its time comes after the provisional ``run.json`` and the empty store."""
    script = """
import sys
from nasgen.storage import folder
from nasgen.engine import searching

def settle(where, *_):
    assert where.read()["provisional"] and where.store_path.exists()
    heavy = {"torch", "sklearn", "xgboost", "pandas", "scipy", "matplotlib", "ray", "networkx", "deap"}
    print(sorted(heavy & set(sys.modules)))
    raise KeyboardInterrupt

searching._settle = settle
from nasgen.cli.app import main
sys.argv[1:] = sys.argv[2:]
main()
"""
    words = [sys.executable, "-c", script, *search_command(tmp_path / "run", cell_table)[2:]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("[]\n")


def test_stdout_is_for_the_answer_whoever_else_writes_there(cell_table: Path, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(
        "import os\n"
        "from search_spaces.nasbench201 import NasBench201Space\n"
        "class Noisy(NasBench201Space):\n"
        "    def sample(self, rng):\n"
        "        print('from Python'), os.write(1, b'from a library')\n"
        "        return super().sample(rng)\n"
    )
    words = search_command(tmp_path / "run", cell_table, "--json", "--strategy", "random", evaluations=3)
    words[words.index("--space") + 1] = f"{tmp_path}/noisy.py:Noisy"
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["evaluations"] == 3
    assert "from Python" in done.stderr
    assert "from a library" in done.stderr


def test_a_run_without_a_name_is_called_after_its_data(
    say: Say, cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word for word in search_command(tmp_path, cell_table)[3:] if word not in ("--out", str(tmp_path))]
    assert say(*words, "--surrogate", "off").code == 0
    (made,) = (tmp_path / "runs").iterdir()
    assert made.name.startswith(cell_table.name.split(".")[0] + "-")
    assert (made / "store.sqlite").is_file()


def test_search_and_plan_take_the_same_options() -> None:
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group of typer's own click
    search, plan = ([one.name for one in commands[name].params] for name in ("search", "plan"))
    assert search == plan
    assert {"task", "minutes", "as_json"} <= set(search)


def test_a_folder_called_as_a_model_is_no_surrogate(
    say: Say, cell_table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("auto", "off"):
        (tmp_path / name).mkdir()
        assert say(*words_of(tmp_path / f"run-{name}", cell_table, "--surrogate", name)).code == 0


@pytest.mark.parametrize("reader", ["true", "head -1"])
def test_a_closed_pipe_is_no_failure(run: Path, reader: str) -> None:
    piped = f"set -o pipefail; {' '.join(command('table', run, '--csv'))} | {reader} > /dev/null"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(command("status", tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == f"nasgen: expected the folder of a run, found no run.json in {tmp_path}\n"
