"""``nasgen reproduce rnn-priors`` on small tables made by hand: what is printed and written, exit codes, bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lookup_search import Say
from small_rnn_tables import Values, trained_networks, write_table

from nasgen.reproduce.rnn_priors import folds, split, tables
from nasgen.reproduce.rnn_priors.context import Context, Maker
from nasgen.reproduce.rnn_priors.stored_tables import CELLS
from nasgen.reproduce.rnn_priors.structure import accuracy_tables, property_tables
from nasgen.reproduce.tables import Row, Table


@pytest.fixture(scope="module")
def networks() -> list[Values]:
    return trained_networks()


@pytest.fixture
def small(networks: list[Values], tmp_path: Path) -> Path:
    """A folder with a small table of each cell."""
    folder = tmp_path / "data"
    folder.mkdir()
    for cell in CELLS:
        write_table(folder, cell, [*networks])
    return folder


def rows_of(text: str) -> dict[str, Values]:
    """The rows of printed JSON by table and item."""
    return {f"{table['title']} | {row['item']}": row for table in json.loads(text)["tables"] for row in table["rows"]}


def test_the_whole_command_prints_json_and_leaves_a_page(
    say: Say, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "SEEDS", range(2))
    monkeypatch.setattr(folds, "SHUFFLES", range(2))
    monkeypatch.setattr(folds, "FOLDS", 2)
    out = tmp_path / "out"
    said = say("reproduce", "rnn-priors", "--data", small, "--out", out, "--json")
    (line,) = said.out.splitlines()
    found = json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert set(found) == {"name", "tables"}
    assert found["name"] == "rnn-priors"
    for table in found["tables"]:
        assert table["title"]
        for row in table["rows"]:
            assert list(row)[:4] == ["item", "paper", "ours", "holds"]
            assert row["holds"] in (True, False, None)
    rows = rows_of(line)
    ahead = rows["Test accuracy by generator (Fig. 7) | GRU: WS minus BA, above 0"]
    assert (ahead["ours"], ahead["holds"]) == (pytest.approx(0.05), True)
    assert rows["Pearson correlation with test accuracy (Table 1) | Tanh: layers"]["paper"] == 0.25
    surrogate = rows["R2 on ten folds | LSTM: Surrogate, at least 0.50"]
    assert surrogate["low"] <= surrogate["ours"] <= surrogate["high"]
    assert surrogate["holds"] is (surrogate["ours"] >= 0.5)
    assert json.loads((out / "tables.json").read_text()) == found
    page = (out / "index.html").read_text()
    assert page.count('src="data:image/png;base64,iVBOR') == 3
    assert "http" not in page
    assert said.code == 1  # these are not the authors' networks
    assert "does not hold: Tanh: layers" in said.err


def test_tables_that_hold_exit_0_and_are_printed(
    say: Say, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAKERS", [Maker("structure", property_tables), Maker("means", accuracy_tables)])
    monkeypatch.chdir(tmp_path)
    said = say("reproduce", "rnn-priors", "--data", small)
    assert said.code == 0
    (line,) = [line for line in said.out.splitlines() if line.startswith("GRU: WS minus BA")]
    assert " 0.050 " in line
    assert line.endswith("yes")
    assert (tmp_path / "reproduce" / "rnn-priors" / "index.html").is_file()


def test_a_figure_that_does_not_hold_exits_1_and_is_named(
    say: Say, networks: list[Values], small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAKERS", [Maker("structure", property_tables)])
    off = {**networks[0], "diameter": networks[0]["diameter"] + 1e-8}
    write_table(small, "lstm", [off, *networks[1:]])
    said = say("reproduce", "rnn-priors", "--data", small, "--out", tmp_path / "out", "--json")
    assert said.code == 1
    (broken,) = [row for row in rows_of(said.out).values() if row["holds"] is False]
    assert broken["item"].startswith("LSTM: largest difference")
    assert broken["ours"] == pytest.approx(1e-8)
    assert [line for line in said.err.splitlines() if "not hold" in line] == [f"does not hold: {broken['item']}"]
    assert '<td class="no">no</td>' in (tmp_path / "out" / "index.html").read_text()


def test_tables_of_trained_networks_are_left_out_without_their_folder(
    say: Say, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(context: Context) -> list[Table]:
        return [Table(f"read from <{context.state_dicts}>", (Row("a < b", None, None),))]

    monkeypatch.setattr(tables, "MAKERS", [Maker("stored networks", scored, needs_state_dicts=True)])
    words = ("reproduce", "rnn-priors", "--data", small, "--out", tmp_path / "out", "--json")
    said = say(*words)
    assert (said.code, json.loads(said.out)["tables"]) == (0, [])
    assert "stored networks: left out, --state-dicts names no folder" in said.err
    said = say(*words, "--state-dicts", tmp_path)
    assert json.loads(said.out)["tables"][0]["title"] == f"read from <{tmp_path}>"
    page = (tmp_path / "out" / "index.html").read_text()
    assert "read from &lt;" in page
    assert "a &lt; b" in page


Change = Callable[[Values], Any]

BAD_LINES: dict[str, tuple[Change, str]] = {
    "no JSON": (lambda row: json.dumps(row)[:-5], "expected an object of JSON"),
    "no object": (lambda row: "[1, 2]", "expected an object, found [1, 2]"),
    "a missing field": (lambda row: {k: v for k, v in row.items() if k != "diameter"}, "expected a field 'diameter'"),
    "nan": (lambda row: {**row, "degree_var": float("nan")}, "'degree_var' must be a finite number, found nan"),
    "infinity": (lambda row: {**row, "csv_edges": float("inf")}, "'csv_edges' must be a finite number, found inf"),
    "a huge integer": (lambda row: {**row, "layers": 10**400}, "'layers' must be a finite number"),
    "a text": (lambda row: {**row, "layers": "6"}, "'layers' must be a finite number, found '6'"),
    "an accuracy in percent": (lambda row: {**row, "test_acc": 91.0}, "'test_acc' must lie in 0..1, found 91.0"),
    "another generator": (lambda row: {**row, "graph": "gnp"}, "'graph' must be barabasi_albert or watts_strogatz"),
    "a list for a generator": (lambda row: {**row, "graph": []}, "'graph' must be"),
    "half a vertex": (lambda row: {**row, "n": 10.5}, "'n' must be a whole number"),
    "too many vertices": (lambda row: {**row, "n": 10**9}, "'n' must be a whole number"),
    "edges that are no pairs": (lambda row: {**row, "edges": [[0, 1, 2]]}, "'edges' must be a list of pairs"),
    "a vertex out of range": (lambda row: {**row, "edges": [[0, 99]]}, "edge (0, 99) must join vertices"),
    "a loop": (lambda row: {**row, "edges": [[3, 3]]}, "must be acyclic"),
    "a network twice": (lambda row: {**row, "nr": 1}, "found number 1 of barabasi_albert 2 times"),
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_bad_lines_are_one_line_and_nothing_is_written(
    say: Say, networks: list[Values], small: Path, tmp_path: Path, kind: str
) -> None:
    change, reason = BAD_LINES[kind]
    write_table(small, "gru", [change(networks[0]), *networks[1:]])
    said = say("reproduce", "rnn-priors", "--data", small, "--out", tmp_path / "out", "--json")
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert "reber_structure_gru.jsonl.gz" in line
    assert reason in line
    assert not (tmp_path / "out").exists()


def test_bad_files_and_folders_are_one_line(say: Say, networks: list[Values], small: Path, tmp_path: Path) -> None:
    words = ("reproduce", "rnn-priors", "--out", tmp_path / "out", "--data")
    table = small / "reber_structure_gru.jsonl.gz"
    whole = table.read_bytes()

    def refused(*more: object) -> str:
        said = say(*words, *more)
        assert (said.code, said.out) == (2, "")
        (line,) = said.err.splitlines()
        return line

    table.write_bytes(whole[:-30])
    assert "cannot be read" in refused(small)
    table.write_bytes(b"no gzip")
    assert "packed by gzip" in refused(small)
    write_table(small, "gru", [*networks[:15]])
    assert "at least 10 networks of watts_strogatz, found 5" in refused(small)
    write_table(small, "gru", [{**row, "test_acc": 0.5} for row in networks])
    assert "accuracies that differ" in refused(small)
    table.unlink()
    assert "--data expects a folder with reber_structure_gru.jsonl.gz" in refused(small)
    assert "--data expects a folder, found no folder" in refused(tmp_path / "nowhere")
    assert "--state-dicts expects a folder" in refused(small, "--state-dicts", tmp_path / "nowhere")
    assert "--full is for reports that leave cells out (bogp), found rnn-priors" in refused(small, "--full")
    taken = tmp_path / "taken"
    taken.touch()
    assert "--out expects a folder, found a file" in refused(small, "--out", taken)
    said = say("reproduce", "unheard-of", "--data", small)
    assert said.code == 2
    assert "one of bogp, ff-pruning, rnn-priors, rnn-pruning, found 'unheard-of'" in said.err
