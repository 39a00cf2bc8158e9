"""A search among the genotypes of a meta-dataset: those and no others, on this machine or from a mirror."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fsspec
import pytest
from lookup_search import Say, search, search_command, table_of

import nasgen
from nasgen.errors import InputError
from nasgen.planning.stored_genotypes import stored_genotypes
from nasgen.results.metadata import write_metadataset
from nasgen.training.evaluators import build_space
from predictors.metadataset import MetaDataset
from search_spaces import get_space

COUNT = 30
BAYESIAN: dict[str, Any] = {"strategy": "bayesian", "window": 4}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "thirty.parquet"
    write_metadataset(str(path), space="nasbench201", count=COUNT, seed=3)
    return path


def keys_of(path: Path) -> set[str]:
    return set(MetaDataset.read(path).columns["genotype_id"])


def test_it_asks_for_all_of_them_and_for_no_others(cell_table: Path, cells: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, database=str(cells), **BAYESIAN)
    end = f"every genotype of the database was asked: the search ends after {result.evaluations} evaluations"
    assert end in (tmp_path / "run" / "log.txt").read_text()
    asked = [row["key"] for row in table_of(tmp_path / "run")]
    assert len(asked) == len(set(asked)) == result.evaluations
    assert set(asked) == keys_of(cells)


def test_what_is_trained_next_follows_from_features_alone(cell_table: Path, cells: Path, tmp_path: Path) -> None:
    """Whatever else the table knows of its rows, as their fitness, takes no part."""
    table = MetaDataset.read(cells)
    columns = {**table.columns, "fitness": [float(row) for row in range(len(table))]}
    graphs = [get_space("nasbench201").to_graph(one) for one in genotypes_of(cells)]
    MetaDataset.of(graphs, columns, table.space).write(tmp_path / "known.parquet")
    for name in ("thirty", "known"):
        database = str(tmp_path / f"{name}.parquet")
        search(tmp_path / name, cell_table, database=database, evaluations=12, **BAYESIAN)
    assert table_of(tmp_path / "thirty") == table_of(tmp_path / "known")


def genotypes_of(path: Path) -> list[Any]:
    return stored_genotypes(str(path), "nasbench201", get_space("nasbench201"))


def test_from_a_mirror_it_goes_on_without_the_file(cell_table: Path, cells: Path, tmp_path: Path) -> None:
    url = (tmp_path / "mirror").as_uri()
    search(tmp_path / "whole", cell_table, database=str(cells), evaluations=20, **BAYESIAN)
    search(tmp_path / "run", cell_table, database=str(cells), evaluations=10, mirror=url, **BAYESIAN)
    assert "inputs/database/thirty.parquet" in "".join(fsspec.filesystem("file").find(str(tmp_path / "mirror")))
    shutil.rmtree(tmp_path / "run")
    cells.unlink()
    nasgen.resume(url, out=tmp_path / "there", evaluations=20)
    assert table_of(tmp_path / "there") == table_of(tmp_path / "whole")


def test_it_does_not_go_on_with_another_file(cell_table: Path, cells: Path, tmp_path: Path) -> None:
    search(tmp_path / "run", cell_table, database=str(cells), evaluations=10, **BAYESIAN)
    write_metadataset(str(cells), space="nasbench201", count=COUNT, seed=4)
    with pytest.raises(InputError, match="database_hash was"):
        nasgen.resume(tmp_path / "run", evaluations=20)
    cells.unlink()
    with pytest.raises(InputError, match=r"among the genotypes of .*thirty.parquet, which is not there: put it back"):
        nasgen.resume(tmp_path / "run", evaluations=20)


def test_its_baseline_is_random(cell_table: Path, cells: Path, tmp_path: Path) -> None:
    result = search(tmp_path / "run", cell_table, database=str(cells), evaluations=10, baseline="random", **BAYESIAN)
    assert result.baseline is not None
    assert result.baseline.evaluations == 10
    assert not {row["key"] for row in table_of(tmp_path / "run" / "baseline")} <= keys_of(cells)


def test_a_space_that_a_file_gives_options_to_is_that_space(tmp_path: Path) -> None:
    file = tmp_path / "gru.py"
    lines = (
        "from functools import partial",
        "from search_spaces.rnn import RnnSpace",
        'Gru = partial(RnnSpace, cells=("gru",))',
    )
    file.write_text("\n".join(lines))
    write_metadataset(str(tmp_path / "gru.parquet"), space=f"{file}:Gru", count=5)
    space = build_space(f"{file}:Gru", {})
    assert len(stored_genotypes(str(tmp_path / "gru.parquet"), f"{file}:Gru", space)) == 5
    assert len(stored_genotypes(str(tmp_path / "gru.parquet"), "rnn", space)) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--database goes with --strategy bayesian, found --strategy evolution"),
        (
            ("--strategy", "bayesian", "--strategy-option", "size=9"),
            "--database says which genotypes there are, found",
        ),
        (("--strategy", "bayesian", "--strategy-option", "genotypes=[1]"), "found 'genotypes'"),
        (("--strategy", "bayesian", "--space", "cnn"), "must be of the --space cnn, found one of nasbench201"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_it_does_not_go_with_is_named(
    say: Say, cell_table: Path, cells: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    command, *options = search_command(tmp_path / "run", cell_table, "--database", cells, *words)[3:]
    planned = [option for option in options if option not in ("--out", str(tmp_path / "run"))]
    for said in (say(command, *options), say("plan", *planned)):
        assert said.code == 2
        (line,) = said.err.splitlines()
        assert message in line
    assert not (tmp_path / "run").exists()


def test_a_table_without_genotypes_is_named(cells: Path) -> None:
    table = MetaDataset.read(cells)
    columns = {name: values for name, values in table.columns.items() if name != "genotype"}
    MetaDataset(table.features, table.values, columns, table.space).write(cells)
    with pytest.raises(InputError, match="must have rows with a column genotype, found no such column"):
        genotypes_of(cells)
    MetaDataset(table.features, table.values[:0], dict.fromkeys(table.columns, ()), table.space).write(cells)
    with pytest.raises(InputError, match="must have rows with a column genotype, found no row"):
        genotypes_of(cells)


def test_files_that_are_none_are_named(cell_table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--database: expected a Parquet file, found no file"):
        search(tmp_path / "run", cell_table, database=str(tmp_path / "gone.parquet"), **BAYESIAN)
    with pytest.raises(InputError, match=r"--database: .* cannot be read as Parquet"):
        search(tmp_path / "run", cell_table, database=str(cell_table), **BAYESIAN)
    assert not (tmp_path / "run").exists()


def test_masks_of_another_sparsity_are_named(tmp_path: Path) -> None:
    options = {"hidden": [16], "input_shape": [1, 8, 8], "sparsities": [0.5, 0.8]}
    path = tmp_path / "masks.parquet"
    write_metadataset(str(path), space="mask", space_options=options, count=10)
    space = get_space("mask", **options)
    texts = MetaDataset.read(path).columns["genotype"]
    assert [space.encode(one) for one in stored_genotypes(str(path), "mask", space)] == texts
    with pytest.raises(InputError, match=r"masks.parquet, row \d+: not a valid genotype .* search's --space-option"):
        stored_genotypes(str(path), "mask", get_space("mask", **{**options, "sparsities": [0.5]}))
