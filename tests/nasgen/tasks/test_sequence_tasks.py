"""Tasks of sequences: from arrays and files, of Reber strings, and every way in which codes can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.task_contract import TaskContract
from numpy.typing import NDArray
from test_tasks import write
from tiny_sequences import marked

from nasgen.errors import InputError
from nasgen.tasks import Task, get_task, save_task


class TestSequences(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, tmp_path_factory: pytest.TempPathFactory) -> Task:
        values = dict(zip(("x_train", "y_train", "x_test", "y_test"), marked(), strict=True))
        return get_task(write(tmp_path_factory.mktemp("file") / "mine.npz", values))

    def test_its_shape_is_the_steps_of_the_longest(self, task: Task) -> None:
        assert (task.kind, task.input_shape, task.vocabulary, task.text) == ("sequences", (12,), 10, False)


class TestLargeCodes(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls) -> Task:
        x, y, x_test, y_test = marked()
        return get_task((x * 300, y, x_test * 300, y_test))


def test_a_saved_task_of_texts_comes_back_equal(tmp_path: Path) -> None:
    task = Task(**{**vars(get_task(marked())), "text": True})
    save_task(task, tmp_path / "data.npz")
    back = get_task(str(tmp_path / "data.npz"))
    assert back.data_hash == task.data_hash
    assert (back.kind, back.text, back.vocabulary) == ("sequences", True, 128)


def test_sequences_are_cut_and_padded_to_the_longest_of_all() -> None:
    x, x_test = np.array([[3, 4, 0, 0, 0], [5, 0, 0, 0, 0]] * 2), np.array([[1, 2, 3]])
    task = get_task((x, [0, 1, 1, 0], x_test, [1]))
    assert task.input_shape == (3,)
    assert task.x_train[:2].tolist() == [[3, 4, 0], [5, 0, 0]]
    assert task.x_test.tolist() == [[1, 2, 3]]
    assert task.x_train.dtype == task.x_test.dtype == np.uint8
    x[:] = 9
    assert task.x_train[0, 0] == 3


def test_codes_above_255_are_kept_as_int32() -> None:
    task = get_task((np.array([[1, 2]] * 4), [0, 1, 1, 0], np.array([[256, 1]], dtype=np.uint64), [1]))
    assert task.x_train.dtype == task.x_test.dtype == np.int32
    assert task.vocabulary == 257


def sequences_with(row: list[int], place: int = 2) -> NDArray[np.int64]:
    array = np.array([[1, 2, 3]] * 4)
    array[place] = row
    return array


BAD_SEQUENCES: dict[str, tuple[dict[str, Any], str]] = {
    "empty row": ({"x_train": sequences_with([0, 0, 0])}, "at least one step, found none in row 2 of x_train"),
    "no steps": ({"x_train": np.zeros((4, 0), int)}, "at least one step, found none in row 0 of x_train"),
    "gap": ({"x_test": sequences_with([1, 0, 2], 3)}, r"0 stands after the end .* in row 3 of x_test .*from 1"),
    "padded before": ({"x_train": sequences_with([0, 0, 2])}, "found one before a step in row 2 of x_train"),
    "negative": ({"x_train": sequences_with([1, -1, 2])}, r"must lie in 1..65535, found -1..3 in x_train"),
    "large": ({"x_test": sequences_with([1, 65_536, 2])}, r"must lie in 1..65535, found 1..65536 in x_test"),
    "long": ({"x_test": np.ones((4, 10_001), int)}, r"at most 10,000 steps, found 10,001 in x_test; cut them"),
    "float": ({"x_train": np.ones((4, 3))}, r"integers of shape \(rows, steps\), .* found \(4, 3\) of float64"),
    "float test": ({"x_test": np.ones((4, 3))}, r"x_test must be integers .* as x_train is, found \(4, 3\) of float64"),
    "images": ({"x_test": np.ones((4, 8, 8), int)}, r"x_test must be integers of .*found \(4, 8, 8\) of int64"),
    "no text": ({"x_train": sequences_with([1, 128, 2]), "text": True}, r"ASCII characters must lie in 1..127, found"),
    "rows": ({"y_train": np.array([0, 1])}, "same number of rows, found 4 and 2"),
}


@pytest.mark.parametrize("case", BAD_SEQUENCES)
def test_bad_sequences_are_named(case: str, tmp_path: Path) -> None:
    change, message = BAD_SEQUENCES[case]
    x, y = sequences_with([3, 0, 0]), np.array([0, 1, 0, 1])
    good = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    assert get_task(write(tmp_path / "good.npz", good)).kind == "sequences"
    with pytest.raises(InputError, match=message) as caught:
        get_task(write(tmp_path / "bad.npz", {**good, **change}))
    assert "\n" not in str(caught.value)


def test_reber_strings_are_sequences_of_ascii() -> None:
    task = get_task("reber")
    assert (task.kind, task.text, task.vocabulary) == ("sequences", True, 128)
    assert task.classes == ("invalid", "valid")
    assert (len(task.x_train), len(task.x_test)) == (18_750, 6_250)
    first = bytes(task.x_train[task.y_train == 1][0]).rstrip(b"\0")
    assert first.startswith(b"B")
    assert first.endswith(b"E")
    embedded = get_task("reber:embedded")
    assert embedded.name == "reber:embedded"
    assert embedded.data_hash != task.data_hash


def test_a_folder_of_reber_strings_is_read(tmp_path: Path) -> None:
    for part, texts in (("train", "BTX BE BP BTS"), ("test", "BTXSE B")):
        lines = [f"{number},{text},{number % 2}" for number, text in enumerate(texts.split())]
        (tmp_path / f"reber_{part}.csv").write_text("\n".join(["id,string,valid", *lines]), encoding="utf-8")
    task = get_task(f"reber:{tmp_path}")
    assert task.input_shape == (5,)
    assert bytes(task.x_train[0]) == b"BTX\0\0"
    assert bytes(task.x_test[0]) == b"BTXSE"
    assert task.y_train.tolist() == [0, 1, 0, 1]


def test_an_unknown_reber_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected reber:original or edited or embedded, or a folder .* found 'cats'"):
        get_task("reber:cats")
    with pytest.raises(InputError, match=r"or a folder that exists, found ''"):
        get_task("reber:")
