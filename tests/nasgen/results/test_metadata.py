"""`nasgen metadataset`: one typed table of what runs found out, or of structures drawn at random."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts.landscape import SPACE as CELLS
from lookup_search import Said, Say
from tiny_training import digits, search, shorten

from nasgen.errors import InputError
from nasgen.results.metadata import now_and_then, write_metadataset
from nasgen.results.summary import open_store
from nasgen.storage.folder import RunFolder
from predictors.metadataset import MetaDataset
from search_spaces import get_space

TYPES = {
    "genotype": pa.string(),
    "genotype_id": pa.string(),
    "fidelity": pa.string(),
    "source": pa.string(),
    "seed": pa.int64(),
    "fitness": pa.float64(),
    "parameters": pa.float64(),
    "macs": pa.float64(),
}
OWN_SPACE = '''
"""A space of one's own."""
from search_spaces.cnn import CnnSpace


class Narrow(CnnSpace):
    def __init__(self, input_shape=(3, 16, 16), n_classes=4):
        super().__init__(input_shape, n_classes, max_channels=64)

    def build(self, genotype, input_shape, n_classes):
        raise RuntimeError("no such layer")
'''


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of six trainings."""
    path = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        search(path, digits())
    return path


def test_rows_of_a_run_become_typed_columns(say: Say, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    said = say("metadataset", run, "--out", out)
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("30 rows of the space nasbench201, ")
    types = {field.name: field.type for field in pq.read_schema(out)}
    assert {name: types[name] for name in TYPES} == TYPES
    assert {types[name] for name in types if name not in TYPES} == {pa.float64()}
    table = MetaDataset.read(out)
    with open_store(run) as store:
        rows = store.evaluations()
    assert table.space == {"name": "nasbench201", "options": {}}
    assert table.columns["genotype"] == [row.genotype for row in rows]
    assert table.columns["genotype_id"] == [row.key for row in rows]
    assert table.columns["seed"] == [row.request.seed for row in rows]
    assert table.columns["fitness"] == [row.fitness for row in rows]
    assert set(table.columns["source"]) == {"search"}
    assert set(table.columns["fidelity"]) == {"search"}
    assert table.columns["metric_fitness"] == [row.outcome.metrics.get("fitness") for row in rows]
    assert any(row.failed for row in rows)  # they are there without a fitness
    graphs = [CELLS.to_graph(CELLS.decode(row.genotype)) for row in rows]
    np.testing.assert_array_equal(table.values, table.features.compute(graphs))


def test_metrics_of_trainings_are_columns_but_for_curves(say: Say, trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    assert say("metadataset", trained, "--proxies", "digits", "--out", out).code == 0
    table = MetaDataset.read(out)
    with open_store(trained) as store:
        rows = store.evaluations()
    assert len(table) == len(rows)
    for name in ("parameters", "macs", "depth"):
        np.testing.assert_array_equal(table.numbers(name), [row.outcome.metrics[name] for row in rows])
    assert table.columns["seconds"] == [row.outcome.seconds for row in rows]
    assert table.columns["accuracy"] == [row.outcome.metrics["accuracy"][-1] for row in rows]
    assert not {"loss", "train_loss"} & set(table.columns)
    assert table.space["options"]["input_shape"] == [1, 8, 8]
    assert all(np.isfinite(table.numbers(name)).all() for name in ("synflow", "grad_norm", "jacob_cov"))


def test_rows_of_several_runs_stand_below_each_other(say: Say, run: Path, tmp_path: Path) -> None:
    assert say("metadataset", run, run, "--out", tmp_path / "rows.parquet", "--features", "paths").code == 0
    table = MetaDataset.read(tmp_path / "rows.parquet")
    assert table.features.name == "paths"
    assert len(table) == 60
    assert table.columns["genotype"][:30] == table.columns["genotype"][30:]


def test_genotypes_are_drawn_by_seed(say: Say, tmp_path: Path) -> None:
    space = get_space("cnn", input_shape=(1, 8, 8))
    words = ("--space", "cnn", "--count", 12, "--input-shape", "1,8,8")
    tables = []
    for seed in (3, 3, 4):
        said = say("metadataset", *words, "--seed", seed, "--out", tmp_path / "drawn.parquet")
        assert (said.code, said.out) == (0, "")
        tables.append(MetaDataset.read(tmp_path / "drawn.parquet"))
    first, again, other = tables
    assert first.columns == again.columns
    np.testing.assert_array_equal(first.values, again.values)
    assert not set(first.columns["genotype"]) & set(other.columns["genotype"])
    genotypes = [space.decode(text) for text in first.columns["genotype"]]
    rng = np.random.default_rng(3)
    assert genotypes == [space.sample(rng) for _ in range(12)]
    assert first.columns["genotype_id"] == [space.key(one) for one in genotypes]
    assert first.columns["macs"] == [space.to_graph(one).info["macs"] for one in genotypes]
    assert (first.columns["fitness"], first.columns["fidelity"]) == ([None] * 12, [None] * 12)
    assert (set(first.columns["source"]), set(first.columns["seed"])) == ({"random"}, {3})
    assert first.space == {"name": "cnn", "options": space.options()}


def test_cells_have_no_costs(say: Say, tmp_path: Path) -> None:
    assert say("metadataset", "--space", "nasbench201", "--count", 5, "--out", tmp_path / "drawn.parquet").code == 0
    table = MetaDataset.read(tmp_path / "drawn.parquet")
    assert (table.columns["parameters"], table.columns["macs"]) == ([None] * 5, [None] * 5)


def test_proxies_take_the_shape_and_the_classes_of_their_task(say: Say, tmp_path: Path) -> None:
    from nasgen.tasks import get_task
    from nasgen.training.proxies import zero_cost_proxies

    said = say("metadataset", "--count", 12, "--proxies", "digits", "--seed", 2, "--out", tmp_path / "drawn.parquet")
    assert said.code == 0
    table = MetaDataset.read(tmp_path / "drawn.parquet")
    assert (table.space["options"]["input_shape"], table.space["options"]["n_classes"]) == ([1, 8, 8], 10)
    space = get_space("cnn", **table.space["options"])
    expected = zero_cost_proxies(
        space, [space.decode(text) for text in table.columns["genotype"]], get_task("digits"), 2
    )
    for name, values in expected.items():
        np.testing.assert_array_equal(table.numbers(name), values)


def test_arbitrary_masks_are_drawn_with_their_costs_and_proxies(say: Say, tmp_path: Path) -> None:
    out = tmp_path / "masks.parquet"
    assert say("metadataset", "--space", "sparse", "--count", 8, "--proxies", "digits", "--out", out).code == 0
    table = MetaDataset.read(out)
    space = get_space("sparse", **table.space["options"])
    assert space.limits.widths == (64, 100, 10)
    assert all(space.validate(space.decode(text)) == [] for text in table.columns["genotype"])
    assert table.columns["macs"] == [740.0] * 8
    assert table.columns["parameters"] == [740.0 + 110] * 8
    assert np.isfinite(table.values).all()
    assert np.isfinite(table.numbers("synflow")).all()


def test_masks_of_any_sparsity_are_drawn(say: Say, tmp_path: Path) -> None:
    out = tmp_path / "masks.parquet"
    said = say(
        "metadataset", "--space", "mask", "--count", 8, "--features", "relational7", "--input-shape", "1,8,8",
        "--space-option", "sparsities=[0.5]", "--space-option", 'generators=["er"]', "--out", out
    )  # fmt: skip
    assert said.code == 0
    table = MetaDataset.read(out)
    assert table.space["options"]["sparsities"] == [0.5]
    assert table.space["options"]["generators"] == ["er"]
    # 64 x 128 weights and the classifier's 1,280, half of which are left
    assert table.columns["macs"] == [(64 * 128 + 1280) / 2] * 8
    assert table.features.names[-2:] == ("cycle_length", "path_length")


def test_a_space_of_ones_own_is_kept_by_its_file(say: Say, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(OWN_SPACE)
    out = tmp_path / "drawn.parquet"
    assert say("metadataset", "--space", f"{own}:Narrow", "--count", 6, "--proxies", "digits", "--out", out).code == 0
    table = MetaDataset.read(out)
    assert table.space == {"name": f"{own}:Narrow", "options": {"input_shape": [1, 8, 8], "n_classes": 10}}
    assert np.isnan(table.numbers("synflow")).all()
    words = ("--target", "macs", "--out", tmp_path / "saved", "--model", "bayesian-ridge")
    assert say("fit", out, *words).code == 0
    (tmp_path / "asked").write_text(table.columns["genotype"][0])
    answered = say("predict", tmp_path / "saved", tmp_path / "asked", "--json")
    assert (answered.code, answered.err) == (0, "")
    assert json.loads(answered.out)["fitness"] > 0


def test_a_space_of_the_box_with_options_from_a_file_is_that_of_the_box(say: Say, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from functools import partial\nfrom search_spaces.cnn import CnnSpace\n"
        "Narrow = partial(CnnSpace, max_channels=64)\n"
    )
    out = tmp_path / "drawn.parquet"
    assert (
        say("metadataset", "--space", f"{own}:Narrow", "--count", 6, "--input-shape", "1,8,8", "--out", out).code == 0
    )
    own.unlink()
    table = MetaDataset.read(out)
    assert (table.space["name"], table.space["options"]["max_channels"]) == ("cnn", 64)
    assert say("fit", out, "--target", "macs", "--out", tmp_path / "saved", "--model", "bayesian-ridge").code == 0


def test_a_file_that_is_there_is_replaced_and_nothing_lies_beside_it(say: Say, tmp_path: Path) -> None:
    for count in (4, 5):
        words = ("--count", count, "--space", "nasbench201", "--out", tmp_path / "drawn.parquet")
        assert say("metadataset", *words).code == 0
        assert len(pd.read_parquet(tmp_path / "drawn.parquet")) == count
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.parquet"]


def refused(said: Said, message: str) -> None:
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith("nasgen: ")
    assert message in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "expected folders of runs or --count N genotypes to draw, found neither"),
        (("RUN", "--count", 5), "found both"),
        (("RUN", "--space", "cnn"), "a run has its own search space and shape, found --space"),
        (("RUN", "--input-shape", "1,8,8"), "found --input-shape"),
        (("RUN", "--space-option", "hidden=[8]"), "shape, found --space-option: leave it out"),
        (("--count", 5, "--space-option", "widths"), "--space-option expects NAME=VALUE, found 'widths'"),
        (("--count", 5, "--space", "mask", "--space-option", "depth=[1,2]"), "crossovers, found 'depth'"),
        (("--count", 5, "--space", "mask", "--space-option", "sparsities=[2]"), "0 up to below 1, found [2]"),
        (("--count", 5, "--proxies", "digits", "--space-option", "n_classes=3"), "--proxies says n_classes already"),
        (("RUN", "--proxies", "digits"), "the space nasbench201 has no networks, found --proxies"),
        (("nowhere",), "found no run.json in nowhere"),
        (("--count", 0), "--count must be at least 1, found 0"),
        (("--count", 5, "--seed", -1), "--seed"),
        (("--count", 5, "--space", "mlp"), "space must be one of cnn, rnn, nasbench201"),
        (("--count", 5, "--space", "gone.py:Space"), "found no gone.py"),
        (("--count", 5, "--input-shape", "3,32"), "--input-shape must be three positive integers C,H,W"),
        (("--count", 5, "--input-shape", "3,0,32"), "as in 3,32,32, found '3,0,32'"),
        (("--count", 5, "--input-shape", "a,b,c"), "--input-shape must be"),
        (("--count", 5, "--input-shape", "50"), "--space cnn reads images, whose shape is C,H,W, found 50"),
        (("--count", 5, "--input-shape", "3,8,8", "--proxies", "digits"), "that of --proxies, [1, 8, 8], found"),
        (("--count", 5, "--space", "nasbench201", "--input-shape", "3,8,8"), "no networks that read images"),
        (("--count", 5, "--space", "nasbench201", "--proxies", "digits"), "found --proxies: leave it out"),
        (("--count", 5, "--proxies", "letters"), "task must be digits"),
        (("--count", 5, "--features", "magic"), "--features must be one of "),
        (("--count", 5, "--out", "table.csv"), "--out must be a file NAME.parquet, found table.csv"),
        (("--count", 5, "--out", "nowhere/rows.parquet"), "found no folder nowhere"),
    ],
)
def test_bad_input_exits_2_with_one_line_and_leaves_nothing(
    say: Say, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[object, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [run if word == "RUN" else word for word in words]
    refused(say("metadataset", "--out", "rows.parquet", *given), message)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_has_asked_for_nothing_has_no_rows(say: Say, tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "new", {}).unlock()
    refused(say("metadataset", tmp_path / "new", "--out", tmp_path / "rows.parquet"), "asked for nothing yet")


def test_proxies_on_other_images_than_those_of_the_run_are_refused(trained: Path, tmp_path: Path) -> None:
    images = np.zeros((40, 3, 6, 6), np.uint8)
    labels = np.arange(40) % 2
    np.savez(tmp_path / "other.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(InputError, match=r"images of shape \[1, 8, 8\], found \[3, 6, 6\]"):
        write_metadataset(str(tmp_path / "rows.parquet"), [str(trained)], proxies=str(tmp_path / "other.npz"))
    assert not (tmp_path / "rows.parquet").exists()


def test_what_takes_long_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("nasgen.results.metadata.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    lines: list[str] = []
    assert list(now_and_then(range(7), "things done", lines.append)) == list(range(7))
    assert lines == ["2/7 things done", "5/7 things done"]


@pytest.mark.parametrize("space", [None, "cnn", {"name": "cnn"}, {"name": 7, "options": {}}])
def test_a_meta_dataset_without_a_space_is_refused(say: Say, tmp_path: Path, space: Any) -> None:
    path = tmp_path / "drawn.parquet"
    assert say("metadataset", "--count", 6, "--space", "nasbench201", "--out", path).code == 0
    table = pq.read_table(path)
    about = {**json.loads(table.schema.metadata[b"nasgen"]), "space": space}
    pq.write_table(table.replace_schema_metadata({b"nasgen": json.dumps(about)}), path)
    refused(say("fit", path, "--target", "vertices", "--out", tmp_path / "saved"), "is no meta-dataset of this version")


@pytest.mark.parametrize("command", ["fit", "metadataset", "predict"])
def test_help_is_there(say: Say, command: str) -> None:
    said = say(command, "--help")
    assert said.code == 0
    assert "Usage" in said.out


def test_tables_of_a_run_are_sources_too_and_curves_no_target(say: Say, trained: Path, tmp_path: Path) -> None:
    parquet, table = tmp_path / "rows.parquet", tmp_path / "rows.csv"
    assert say("table", trained, "--parquet", parquet).code == 0
    table.write_text(say("table", trained, "--csv").out)
    # a table does not say which images its genotypes are for: the run does
    for source in (parquet, table):
        words = ("--target", "fitness", "--out", tmp_path / "saved", "--model", "bayesian-ridge")
        said = say("fit", trained, source, *words)
        assert said.code == 0
        assert said.err.startswith("12 rows of the space cnn, ")
    said = say("fit", parquet, "--target", "accuracy", "--out", tmp_path / "more")
    refused(said, "row 1: expected a number in the column 'accuracy', found ")
