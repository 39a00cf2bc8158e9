"""The meta-dataset: what comes back from its file, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contracts.surrogate_contract import GRAPHS

from predictors import get_features
from predictors.metadataset import INTEGERS, KEY, NUMBERS, TEXTS, MetaDataset, is_metadataset
from search_spaces import LabelledGraph

SPACE = {"name": "cnn", "options": {"depth": [2, 4]}}
ROWS = GRAPHS[:4]
COLUMNS: dict[str, list[Any]] = {
    "genotype": ["a", "b", "ä", None],
    "genotype_id": ["1", "2", "3", "4"],
    "fidelity": ["full", "full", None, "4 epochs"],
    "source": ["random", "search", "prune", "rnn"],
    "seed": [0, 2**53 + 1, None, -1],
    "fitness": [0.1 + 0.2, None, 1e-300, -3.0],
    "parameters": [10.0, 20.0, 30.0, None],
    "macs": [1e12, 2.0, 3.0, 4.0],
    "synflow": [1.5, float("nan"), None, 2.0],
}
FLIPS = 150


@pytest.fixture
def table() -> MetaDataset:
    return MetaDataset.of(ROWS, COLUMNS, SPACE)


@pytest.fixture
def path(tmp_path: Path, table: MetaDataset) -> Path:
    table.write(tmp_path / "table.parquet")
    return tmp_path / "table.parquet"


def refused(path: Path, message: str) -> None:
    """Reading says in one line which file it is and what is wrong."""
    with pytest.raises(ValueError, match=message) as caught:
        MetaDataset.read(path)
    says_which_file(caught.value, path)


def says_which_file(error: ValueError, path: Path) -> None:
    (line,) = str(error).splitlines()
    assert str(path) in line


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what a file says of itself."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[KEY])
    change(about)
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(about).encode()}), path)


def test_there_and_back(path: Path, table: MetaDataset) -> None:
    read = MetaDataset.read(path)
    assert read.features == table.features
    assert read.space == SPACE
    assert len(read) == 4
    np.testing.assert_array_equal(read.values, get_features("default").fit(ROWS).compute(ROWS))
    assert read.values.dtype == np.float64
    assert repr(read.columns) == repr(table.columns), "nan and None where they were, whole numbers still whole"


@pytest.mark.parametrize("features", ["graph23", "layers"])
def test_other_feature_sets_and_numbers_that_are_missing_come_back(tmp_path: Path, features: str) -> None:
    table = MetaDataset.of(ROWS, {}, SPACE, features)
    table.write(tmp_path / "table.parquet")
    assert MetaDataset.read(tmp_path / "table.parquet").features == table.features
    np.testing.assert_array_equal(MetaDataset.read(tmp_path / "table.parquet").values, table.values)


def test_features_that_a_graph_does_not_have_stay_nan(tmp_path: Path) -> None:
    plain = LabelledGraph(["input", "conv3x3", "output"], [(0, 1), (1, 2)])
    table = MetaDataset.of([plain, *ROWS], {}, SPACE)
    table.write(tmp_path / "table.parquet")
    read = MetaDataset.read(tmp_path / "table.parquet")
    assert np.isnan(read.numbers("mean[channels]")).tolist() == [True, False, False, False, False]
    np.testing.assert_array_equal(read.values, table.values)


def test_a_table_without_rows_comes_back(tmp_path: Path) -> None:
    MetaDataset.of([], {}, SPACE).write(tmp_path / "table.parquet")
    assert len(MetaDataset.read(tmp_path / "table.parquet")) == 0


def test_columns_have_types(path: Path) -> None:
    schema = pq.read_schema(path)
    for name in TEXTS:
        assert schema.field(name).type == pa.string()
    for name in INTEGERS:
        assert schema.field(name).type == pa.int64()
    for name in (*NUMBERS, "synflow", "vertices"):
        assert schema.field(name).type == pa.float64()


def test_columns_that_are_not_given_are_empty_and_typed(tmp_path: Path) -> None:
    table = MetaDataset.of(ROWS, {"fitness": np.arange(4.0)}, SPACE)
    assert table.columns["genotype"] == [None] * 4
    assert np.isnan(table.numbers("macs")).all()
    table.write(tmp_path / "table.parquet")
    schema = pq.read_schema(tmp_path / "table.parquet")
    assert [schema.field(name).type for name in ("genotype", "seed", "macs")] == [pa.string(), pa.int64(), pa.float64()]
    read = MetaDataset.read(tmp_path / "table.parquet")
    assert read.columns["seed"] == [None] * 4
    np.testing.assert_array_equal(read.numbers("fitness"), np.arange(4.0))


def test_nan_stands_for_no_text_and_no_integer(tmp_path: Path) -> None:
    nan = float("nan")
    table = MetaDataset.of(
        ROWS, {"genotype": ["a", nan, None, "b"], "seed": [1, nan, None, 2], "source": [nan] * 4}, SPACE
    )
    table.write(tmp_path / "table.parquet")
    read = MetaDataset.read(tmp_path / "table.parquet")
    assert read.columns["genotype"] == ["a", None, None, "b"]
    assert read.columns["seed"] == [1, None, None, 2]
    assert read.columns["source"] == [None] * 4


def test_numbers_are_asked_for_by_name(table: MetaDataset) -> None:
    np.testing.assert_array_equal(table.numbers("fitness"), [0.1 + 0.2, np.nan, 1e-300, -3.0])
    np.testing.assert_array_equal(table.numbers("synflow"), [1.5, np.nan, np.nan, 2.0])
    np.testing.assert_array_equal(table.numbers("vertices"), [len(graph) for graph in ROWS])
    for name in ("genotype", "oracle"):
        with pytest.raises(ValueError, match=f"one of seed, fitness, parameters, macs, synflow, found '{name}'"):
            table.numbers(name)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"fitness": [1.0]}, r"column 'fitness' must have one value a graph \(4\), found 1"),
        ({"vertices": [1.0] * 4}, "column 'vertices' must have a name of its own"),
        ({"source": ["random", "dream", None, "rnn"]}, "random, search, prune, rnn, found 'dream'"),
        ({"source": ["random", 3, "dream", None]}, "random, search, prune, rnn, found 3"),
    ],
    ids=str,
)
def test_bad_columns_are_refused(columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MetaDataset.of(ROWS, columns, SPACE)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schema": 2}, "must be of schema 1, .* found schema 2"),
        ({"features_version": 1}, r"features of version \d+, found schema 1, version 1$"),
        ({"features": "all"}, "features must be one of"),
        ({"features": ["default"]}, "it lacks what one says of itself"),
        ({"features": "layers", "features_version": 99}, "found schema 1, version 99"),
        ({"vocabulary": {}}, "the vocabulary's ops must be a list"),
        ({"vocabulary": None}, "it lacks what one says of itself"),
        ({"vocabulary": {"ops": ["new"], "attributes": [], "info": []}}, "it lacks what one says of itself"),
    ],
    ids=str,
)
def test_what_says_something_else_of_itself_is_refused(path: Path, values: dict[str, Any], message: str) -> None:
    rewrite(path, lambda about: about.update(values))
    refused(path, f"is no meta-dataset of this version: .*{message}")


@pytest.mark.parametrize("name", ["schema", "features", "features_version", "vocabulary", "space"])
def test_what_lacks_a_word_of_itself_is_refused(path: Path, name: str) -> None:
    rewrite(path, lambda about: about.pop(name))
    refused(path, "it lacks what one says of itself")


def test_parquet_of_others_is_no_metadataset(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"a": [1]}), other)
    refused(other, "it lacks what one says of itself")
    assert is_metadataset(path)
    assert not is_metadataset(other)
    other.write_text("a,b\n1,2\n")
    assert not is_metadataset(other)
    assert not is_metadataset(tmp_path / "nowhere")


def test_no_file_is_said_to_be_none(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere.parquet", "found no file")
    refused(tmp_path, "found no file")


def test_files_cut_short_are_refused(path: Path) -> None:
    whole = path.read_bytes()
    for damaged in (b"", b"no parquet", whole[:-1], whole[: len(whole) // 2], whole[1:]):
        path.write_bytes(damaged)
        refused(path, "cannot be read as Parquet")


def test_a_flipped_bit_is_refused_or_does_no_harm(path: Path) -> None:
    rng = np.random.default_rng(0)
    whole, before = path.read_bytes(), MetaDataset.read(path)
    loaded = 0
    for _ in range(FLIPS):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(flipped))
        try:
            read = MetaDataset.read(path)
        except ValueError as error:
            says_which_file(error, path)
        else:  # the bit says something that nobody asks for
            loaded += 1
            np.testing.assert_array_equal(read.values, before.values)
            assert repr(read.columns) == repr(before.columns)
    assert 0 < loaded < FLIPS


@pytest.mark.parametrize("stop", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
def test_a_write_cut_short_leaves_the_old_file_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    def cut_short(_: Any, where: Any, **__: Any) -> None:
        Path(where).write_bytes(b"half")
        raise stop

    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.write_table", cut_short)
        with pytest.raises(type(stop)):
            MetaDataset.of(ROWS, {}, SPACE).write(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_values_of_another_type_leave_no_file(tmp_path: Path) -> None:
    for columns in ({"fitness": ["much", 1, 2, 3]}, {"genotype": [1, 2, 3, 4]}):
        with pytest.raises((ValueError, TypeError)):
            MetaDataset.of(ROWS, columns, SPACE).write(tmp_path / "table.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_new_table_takes_the_place_of_the_old(path: Path) -> None:
    MetaDataset.of(ROWS[:2], {}, SPACE).write(path)
    assert len(MetaDataset.read(path)) == 2
    assert list(path.parent.iterdir()) == [path]
