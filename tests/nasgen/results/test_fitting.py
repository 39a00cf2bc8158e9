"""`nasgen fit`: surrogates from runs, meta-datasets and tables, and what it says to bad input."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contracts.landscape import SPACE as CELLS
from lookup_search import Said, Say

from nasgen.results.fitting import fit_surrogate
from nasgen.results.stored_rows import KnownSpace, Table, read_source
from nasgen.results.summary import open_store
from predictors import Surrogate, load_surrogate
from search_spaces import get_space

SMALL = get_space("cnn", input_shape=(1, 8, 8))
CNN = get_space("cnn")
QUICK = ("--model", "bayesian-ridge")


def drawn(space: Any, count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [space.encode(space.sample(rng)) for _ in range(count)]


def graphs(space: Any, texts: Sequence[str]) -> list[Any]:
    return [space.to_graph(space.decode(text)) for text in texts]


def write(path: Path, texts: Sequence[object], numbers: Sequence[object], name: str = "genotype") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((name, "score", "note"))
        writer.writerows((text, number, "of one's own") for text, number in zip(texts, numbers, strict=True))
    return path


def predictions(said: Said) -> list[float]:
    return [json.loads(line)["fitness"] for line in said.out.splitlines()]


@pytest.mark.parametrize(("space", "column"), [(CELLS, "arch_str"), (CELLS, "genotype"), (CNN, "genotype")])
def test_a_csv_of_texts_makes_a_surrogate_that_knows_their_space(
    say: Say, tmp_path: Path, space: Any, column: str
) -> None:
    texts, scores = drawn(space, 20), [0.5 + 0.01 * row for row in range(20)]
    table = write(tmp_path / "table.csv", texts, scores, column)
    said = say("fit", table, "--target", "score", "--out", tmp_path / "saved", *QUICK)
    assert (said.code, said.out) == (0, "")
    rows, quality = said.err.splitlines()
    assert rows.startswith(f"20 rows of the space {space.name}, ")
    assert quality.startswith("bayesian-ridge: bayesian-ridge, learning from the targets; Kendall tau ")
    assert load_surrogate(tmp_path / "saved").space_ == {"name": space.name, "options": space.options()}
    (tmp_path / "asked").write_text("\n".join(drawn(space, 5, seed=1)))
    answered = say("predict", tmp_path / "saved", tmp_path / "asked", "--json")
    assert answered.code == 0
    (warning,) = answered.err.splitlines()  # the scores have nothing to do with the genotypes
    assert warning.startswith("nasgen: warning: little is known of which genotypes are better")
    expected = Surrogate("bayesian-ridge").fit(graphs(space, texts), scores)
    np.testing.assert_array_equal(predictions(answered), expected.predict(graphs(space, drawn(space, 5, seed=1))))


def test_auto_says_what_it_chose(say: Say, tmp_path: Path) -> None:
    texts = drawn(CELLS, 30)
    table = write(tmp_path / "table.csv", texts, [text.count("conv") for text in texts])
    said = say("fit", table, "--target", "score", "--out", tmp_path / "saved")
    saved = load_surrogate(tmp_path / "saved")
    assert saved.choice_ is not None
    assert f"auto: {' and '.join(saved.choice_.candidate.members)}, learning from " in said.err


@pytest.mark.parametrize("model", ["mean", "bayesian-ridge"])
def test_targets_that_are_all_alike_can_be_fitted(say: Say, tmp_path: Path, model: str) -> None:
    table = write(tmp_path / "table.csv", drawn(CELLS, 6), [1] * 6)
    assert say("fit", table, "--target", "score", "--out", tmp_path / "saved", "--model", model).code == 0
    (tmp_path / "asked").write_text(drawn(CELLS, 1)[0])
    assert predictions(say("predict", tmp_path / "saved", tmp_path / "asked", "--json")) == pytest.approx([1.0])


def test_a_run_gives_its_rows_and_its_space(say: Say, run: Path, tmp_path: Path) -> None:
    with open_store(run) as store:
        rows = [row for row in store.evaluations() if not row.failed]
    failed = 30 - len(rows)
    assert failed
    for target in ("fitness", "seconds"):
        said = say("fit", run, "--target", target, "--out", tmp_path / target, *QUICK)
        assert (said.code, said.out) == (0, "")
        saved = load_surrogate(tmp_path / target)
        assert saved.space_ == {"name": "nasbench201", "options": {}}
        expected = [row.fitness if target == "fitness" else row.outcome.seconds for row in rows]
        assert saved.y_.tolist() == expected
    left_out = f"{failed} others left out: no number, or another fidelity"
    assert f"{len(rows)} rows ({left_out}) of the space nasbench201" in said.err


def test_a_surrogate_of_a_run_screens_the_next_search(say: Say, run: Path, cell_table: Path, tmp_path: Path) -> None:
    assert say("fit", run, "--target", "fitness", "--out", tmp_path / "saved", *QUICK).code == 0
    words = ("--space", "nasbench201", "--table", cell_table, "--fitness", "fitness", "--evaluations", 8)
    assert say("search", *words, "--surrogate", tmp_path / "saved", "--out", tmp_path / "next").code == 0


def test_a_meta_dataset_gives_its_rows_and_its_space(say: Say, run: Path, tmp_path: Path) -> None:
    assert say("metadataset", run, "--out", tmp_path / "rows.parquet").code == 0
    saved = [tmp_path / "from-run", tmp_path / "from-table"]
    for source, out in zip((run, tmp_path / "rows.parquet"), saved, strict=True):
        assert say("fit", source, "--target", "fitness", "--out", out, *QUICK).code == 0
    first, second = map(load_surrogate, saved)
    assert first.space_ == second.space_
    np.testing.assert_array_equal(first.X_, second.X_)
    np.testing.assert_array_equal(first.y_, second.y_)


def test_the_shape_of_a_meta_dataset_is_kept_and_lent_to_tables_that_do_not_say(say: Say, tmp_path: Path) -> None:
    stored, texts = tmp_path / "stored.parquet", drawn(SMALL, 10)
    assert say("metadataset", "--count", 10, "--input-shape", "1,8,8", "--out", stored).code == 0
    table = write(tmp_path / "table.csv", texts, [SMALL.to_graph(SMALL.decode(text)).info["macs"] for text in texts])
    pd.read_csv(table).rename(columns={"score": "macs"}).to_csv(table, index=False)
    for order in ((stored, table), (table, stored)):
        assert say("fit", *order, "--target", "macs", "--out", tmp_path / "saved", *QUICK).code == 0
        saved = load_surrogate(tmp_path / "saved")
        assert saved.space_ is not None
        assert saved.space_["options"]["input_shape"] == [1, 8, 8]
        np.testing.assert_array_equal(saved.y_[:10], saved.y_[10:])  # the same ten genotypes were drawn
        np.testing.assert_array_equal(saved.X_[:10], saved.X_[10:])


def test_several_sources_are_learned_from_in_order(say: Say, run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "table.csv", drawn(CELLS, 7), range(7), "arch_str")
    frame = pd.read_csv(table).rename(columns={"score": "fitness"})
    frame.to_parquet(tmp_path / "table.parquet")
    assert say("fit", tmp_path / "table.parquet", run, "--target", "fitness", "--out", tmp_path / "s", *QUICK).code == 0
    saved = load_surrogate(tmp_path / "s")
    with open_store(run) as store:
        fitness = [row.fitness for row in store.evaluations() if not row.failed]
    assert saved.y_.tolist() == [*range(7), *fitness]


def test_where_limits_differ_the_space_that_accepts_most_is_kept(say: Say, tmp_path: Path) -> None:
    from predictors.metadataset import MetaDataset

    spaces = [get_space("cnn", input_shape=(1, 8, 8), max_macs=macs) for macs in (100_000, 10_000_000)]
    for number, space in enumerate(spaces):
        texts = drawn(space, 6, seed=number)
        columns = {"genotype": texts, "fitness": [float(row) for row in range(6)]}
        record = {"name": "cnn", "options": space.options()}
        MetaDataset.of(graphs(space, texts), columns, record).write(tmp_path / f"{number}.parquet")
    sources = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    assert say("fit", *sources, "--target", "fitness", "--out", tmp_path / "saved", *QUICK).code == 0
    saved = load_surrogate(tmp_path / "saved")
    assert saved.space_ is not None
    assert saved.space_["options"]["max_macs"] == 10_000_000


def test_rows_of_several_fidelities_are_not_mixed(say: Say, tmp_path: Path) -> None:
    table = write(tmp_path / "table.csv", drawn(CELLS, 12), range(12))
    frame = pd.read_csv(table)
    frame["fidelity"] = ["low"] * 7 + ["high"] * 5
    frame.to_csv(table, index=False)
    refused = say("fit", table, "--target", "score", "--out", tmp_path / "saved", *QUICK)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert "found low, high: choose by --fidelity" in refused.err
    unknown = say("fit", table, "--target", "score", "--out", tmp_path / "saved", "--fidelity", "mid")
    assert (unknown.code, len(unknown.err.splitlines())) == (2, 1)
    assert not (tmp_path / "saved").exists()
    for name, rows in (("low", range(7)), ("high", range(7, 12))):
        words = ("--target", "score", "--out", tmp_path / "saved", "--fidelity", name)
        assert say("fit", table, *words, *QUICK).code == 0
        assert load_surrogate(tmp_path / "saved").y_.tolist() == list(rows)


@pytest.mark.parametrize(("low", "high", "learned"), [(9, 5, "high"), (9, 4, "low"), (4, 3, "low"), (0, 5, "high")])
def test_of_a_run_the_highest_fidelity_with_enough_rows_is_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, low: int, high: int, learned: str
) -> None:
    fidelities = ["low"] * low + ["high"] * high
    columns = {"genotype": drawn(CELLS, low + high), "fidelity": fidelities, "fitness": list(range(low + high))}
    table = Table("run", columns, KnownSpace.of("nasbench201", {}), ("low", "high"))
    more = write(tmp_path / "more.csv", drawn(CELLS, 5), [100] * 5)
    pd.read_csv(more).rename(columns={"score": "fitness"}).to_csv(more, index=False)
    monkeypatch.setattr(
        "nasgen.results.fitting.read_source", lambda path: table if path == "run" else read_source(path)
    )
    surrogate = fit_surrogate(["run", str(more)], "fitness", str(tmp_path / "saved"), "bayesian-ridge")
    own = [row for row in range(low + high) if fidelities[row] == learned]
    assert surrogate.y_.tolist() == [*own, *[100] * 5]


def test_rows_without_a_number_are_left_out_and_counted(say: Say, tmp_path: Path) -> None:
    table = write(tmp_path / "table.csv", [*drawn(CELLS, 6), "never read", "nor this"], [*range(6), "", "inf"])
    said = say("fit", table, "--target", "score", "--out", tmp_path / "saved", *QUICK)
    assert said.code == 0
    assert "6 rows (2 others left out: no number, or another fidelity)" in said.err


def test_equal_rows_give_equal_folders(tmp_path: Path) -> None:
    table = write(tmp_path / "table.csv", drawn(CELLS, 12), range(12))
    for name in ("one", "two"):
        fit_surrogate([str(table)], "score", str(tmp_path / name), "extra-trees")
    assert (tmp_path / "one" / "surrogate.json").read_text() == (tmp_path / "two" / "surrogate.json").read_text()
    one, two = (load_surrogate(tmp_path / name) for name in ("one", "two"))
    asked = graphs(CELLS, drawn(CELLS, 5, seed=3))
    np.testing.assert_array_equal(one.predict(asked), two.predict(asked))


CELL_TEXTS = drawn(CELLS, 8)
BROKEN = [*CELL_TEXTS[:3], "|nor_conv_1x1~0|", *CELL_TEXTS[3:]]
MIXED = [*CELL_TEXTS[:3], *drawn(CNN, 3)]


@pytest.mark.parametrize(
    ("texts", "scores", "words", "message"),
    [
        (None, (), (), "found nothing at "),
        ((), (), (), "expected at least one row, found none"),
        (CELL_TEXTS, range(8), ("--target", "speed"), "expected a column 'speed', found genotype, score, note"),
        (CELL_TEXTS, [*range(7), "fast"], (), "row 8: expected a number in the column 'score', found 'fast'"),
        (CELL_TEXTS, [True] * 8, (), "row 1: expected a number in the column 'score', found True"),
        (CELL_TEXTS, [""] * 8, (), "expected rows with a number in 'score', found none among 8"),
        (BROKEN, range(9), (), "table.csv, row 4: a NAS-Bench-201 cell is written like "),
        (["", *CELL_TEXTS], range(9), (), "table.csv, row 1: expected the text of a genotype, found none"),
        (["{}", *CELL_TEXTS], range(9), (), "table.csv, row 1: a genotype names its space, found '{}'"),
        (['{"space":"mlp"}'] * 6, range(6), (), "table.csv, row 1: space must be one of cnn, rnn, nasbench201"),
        (MIXED, range(6), (), "row 4: expected genotypes of one search space, found cnn among nasbench201"),
        (CELL_TEXTS[:4], range(4), (), "expected at least 5 rows with a number in 'score', found 4"),
        (CELL_TEXTS, range(8), ("--model", "magic"), "--model must be one of auto, "),
        (CELL_TEXTS, range(8), ("--features", "magic"), "--features must be one of "),
        (CELL_TEXTS, range(8), ("--fidelity", "high"), "expected a column 'fidelity'"),
    ],
)
def test_bad_input_exits_2_with_one_line_and_leaves_nothing(
    say: Say, tmp_path: Path, texts: Sequence[str] | None, scores: Sequence[object], words: Sequence[str], message: str
) -> None:
    table = tmp_path / "table.csv"
    if texts is not None:
        write(table, texts, scores)
    before = sorted(tmp_path.iterdir())
    refused(say("fit", table, "--target", "score", "--out", tmp_path / "saved", *words), message)
    assert sorted(tmp_path.iterdir()) == before


def refused(said: Said, message: str) -> None:
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith("nasgen: ")
    assert message in line
    assert len(line) < 600


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PAR1 and nothing more"])
@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_files_that_are_no_tables_are_refused(say: Say, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    said = say("fit", tmp_path / name, "--target", "score", "--out", tmp_path / "saved")
    refused(said, name)
    assert not (tmp_path / "saved").exists()


def test_sources_of_several_spaces_are_refused(say: Say, run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "table.csv", drawn(CNN, 6), range(6))
    pd.read_csv(table).rename(columns={"score": "fitness"}).to_csv(table, index=False)
    said = say("fit", run, table, "--target", "fitness", "--out", tmp_path / "saved")
    refused(said, f"found nasbench201 in {run} and cnn in {table}: take them apart")
    for shape in ("1,8,8", "3,8,8"):
        words = ("--input-shape", shape, "--out", tmp_path / f"{shape[0]}.parquet")
        assert say("metadataset", "--count", 5, *words).code == 0
    sources = [tmp_path / "1.parquet", tmp_path / "3.parquet"]
    said = say("fit", *sources, "--target", "macs", "--out", tmp_path / "saved")
    refused(said, "cnn (input_shape=[3, 8, 8]) in ")
    assert not (tmp_path / "saved").exists()


def test_a_folder_that_is_no_run_is_no_source(say: Say, tmp_path: Path) -> None:
    refused(say("fit", tmp_path, "--target", "fitness", "--out", tmp_path / "saved"), "found no run.json in ")


def test_the_columns_of_a_run_are_listed(say: Say, run: Path, tmp_path: Path) -> None:
    said = say("fit", run, "--target", "speed", "--out", tmp_path / "saved")
    refused(said, "expected a column 'speed', found genotype, ")
    assert "fitness" in said.err


def test_a_surrogate_takes_the_place_of_nothing_but_a_surrogate(
    say: Say, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "table.csv", CELL_TEXTS, range(8))
    before = file.read_bytes()
    fit = ("fit", file, "--target", "score", *QUICK, "--out")
    refused(say(*fit, file), f"--out must be a folder, found the file {file}")
    refused(say(*fit, file / "below"), f"--out must be a folder, found the file {file}")
    refused(say(*fit, run), f"found the run {run}: choose another one")
    monkeypatch.chdir(tmp_path)
    refused(say(*fit, "."), "found the working directory")
    assert file.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [file]
    for _ in range(2):
        assert say(*fit, tmp_path / "deep" / "saved").code == 0
