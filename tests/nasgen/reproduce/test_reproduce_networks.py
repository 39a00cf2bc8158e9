"""Stored recurrent networks scored again: the step that is read, the authors' files, and files that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lookup_search import Say
from small_rnn_tables import Values, trained_networks, write_table

from nasgen.reproduce.rnn_priors import tables
from nasgen.reproduce.rnn_priors.context import Context, Maker
from nasgen.reproduce.rnn_priors.dense import dense_training_tables, layered_edges
from nasgen.reproduce.rnn_priors.networks import stored_network_tables
from nasgen.reproduce.rnn_priors.stored_tables import CELLS, read_networks
from nasgen.reproduce.tables import Row
from nasgen.reproduce.thesis_networks import steps_read
from search_spaces.rnn import RnnGenotype
from search_spaces.rnn.thesis import build_thesis_network

DENSE = "Dense networks of 3 x 50 neurons, as stored: test accuracy"


def test_a_string_is_read_after_the_longest_of_its_batch() -> None:
    lengths = np.array([3, 5, 2, 4, 1])
    orders = np.array([[0, 1, 2, 3, 4], [4, 2, 0, 3, 1]])
    # batches of two: (3, 5) (2, 4) (1), and (1, 2) (3, 4) (5)
    assert steps_read(lengths, 2, orders).tolist() == [[4, 4, 3, 3, 0], [3, 4, 1, 3, 1]]


def test_layered_edges_by_hand() -> None:
    assert layered_edges(2, 3) == [(0, 2), (0, 3), (1, 2), (1, 3), (2, 4), (2, 5), (3, 4), (3, 5)]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with small tables, a few strings, and the weights of one untrained network: GRU, BA 0."""
    networks = trained_networks()
    for cell in CELLS:
        write_table(tmp_path, cell, [*networks])
    lines = ["id,string,valid", *(f"{i},{text},{i % 2}" for i, text in enumerate(("BTXSE", "BPVVE", "BTSXSE", "BEB")))]
    for part in ("train", "test"):
        (tmp_path / f"reber_{part}.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "weights").mkdir()
    save(tmp_path / "weights" / "gru_barabasi_albert_0.pt", networks[0])
    monkeypatch.setattr(tables, "MAKERS", [Maker("networks", stored_network_tables, True, True)])
    return tmp_path


def save(path: Path, row: Values) -> None:
    edges = tuple((int(tail), int(head)) for tail, head in row["edges"])
    torch.manual_seed(0)
    torch.save(build_thesis_network(RnnGenotype("gru", 0, row["n"], edges), 2, vocabulary=128).state_dict(), path)


def test_scores_stand_beside_the_table_and_only_their_aggregates_are_held(say: Say, small: Path) -> None:
    said = say("reproduce", "rnn-priors", "--data", small, "--state-dicts", small / "weights", "--out", small / "out")
    assert said.code == 1  # an untrained network is not the one of the table
    assert "GRU, BA 0 " in said.out
    assert "does not hold: share within 1.5 points, at least 0.95" in said.err
    assert "does not hold: GRU, BA 0" not in said.err


def test_tables_without_strings_leave_networks_out_in_a_line(say: Say, small: Path) -> None:
    for part in ("train", "test"):
        (small / f"reber_{part}.csv").unlink()
    said = say("reproduce", "rnn-priors", "--data", small, "--state-dicts", small / "weights", "--out", small / "out")
    assert said.code == 0
    assert "networks: left out" in said.err


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def of_another_graph(path: Path) -> None:
    save(path, trained_networks()[5])


def a_dangerous_pickle(path: Path) -> None:
    torch.save({"embedding.weight": Harmful()}, path)


class Harmful:
    """What would create a file where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("unpickled"),))


BAD: list[tuple[Callable[[Path], object], str]] = [
    (truncated, "expected tensors that torch has saved"),
    (a_dangerous_pickle, "expected tensors that torch has saved"),
    (of_another_graph, "expected the tensors of a gru network"),
    (lambda path: torch.save([1, 2], path), "expected tensors by name, found a list"),
    (lambda path: torch.save({1: torch.ones(2)}, path), "expected the tensors of a gru network"),
    (lambda path: path.rename(path.with_name("gru_barabasi_albert_77.pt")), "found 77"),
    (lambda path: path.rename(path.with_name("mine.pt")), "found 1 other .pt files"),
]


@pytest.mark.parametrize(("spoil", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_files_that_are_none_are_one_line(
    say: Say, small: Path, spoil: Callable[[Path], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small)
    spoil(small / "weights" / "gru_barabasi_albert_0.pt")
    said = say("reproduce", "rnn-priors", "--data", small, "--state-dicts", small / "weights", "--out", small / "out")
    assert (said.code, said.out) == (2, "")
    assert reason in said.err.splitlines()[-1]
    assert not (small / "unpickled").exists()
    assert not (small / "out").exists()


def some_of(context: Context, tmp_path: Path, pattern: str) -> dict[str, Row]:
    """The rows of those stored networks whose names match, by item."""
    for file in (context.data / "rnn_state_dicts").rglob(pattern):
        (tmp_path / file.name).symlink_to(file)
    chosen = Context(context.networks, tmp_path, context.say, context.data)
    return {row.item: row for table in stored_network_tables(chosen) for row in table.rows}


@pytest.fixture(scope="module")
def context(data_folder: Path) -> Context:
    return Context(read_networks(data_folder), None, print, data_folder)


@pytest.mark.data
def test_the_authors_dense_networks_score_what_they_published(context: Context, tmp_path: Path) -> None:
    (tmp_path / "dense").symlink_to(context.data / "rnn_state_dicts" / "dense")
    rows = {
        row.item: row.ours
        for table in stored_network_tables(Context(context.networks, tmp_path / "dense", print, context.data))
        for row in table.rows
    }
    expected = {"Tanh": 0.93728, "ReLU": 1.0, "LSTM": 1.0, "GRU": 1.0}
    assert rows == {f"{cell}, five decimals": pytest.approx(score, abs=1e-9) for cell, score in expected.items()}


@pytest.mark.data
@pytest.mark.parametrize(
    "pattern", ["*_3.pt", pytest.param("*_*_*.pt", marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_networks_of_random_structure_score_what_they_published(context: Context, tmp_path: Path, pattern: str) -> None:
    rows = some_of(context, tmp_path, pattern)
    assert rows["share within 1.5 points, at least 0.95"].holds
    assert rows["median difference in points, at most 0.3"].holds
    assert len(rows) == 3 + (8 if pattern == "*_3.pt" else 40)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dense_network_learns_what_theirs_did_not(context: Context) -> None:
    (table,) = dense_training_tables(context)
    assert [row.holds for row in table.rows] == [True]
