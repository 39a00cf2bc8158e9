from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.task_contract import TaskContract

from nasgen.errors import InputError
from nasgen.tasks import Task, get_task, save_task


def arrays(rows: int = 60, shape: tuple[int, ...] = (6, 5, 3), classes: int = 3) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (rows, *shape), dtype=np.uint8),
        "y_train": np.arange(rows) % classes,
        "x_test": rng.integers(0, 256, (10, *shape), dtype=np.uint8),
        "y_test": np.arange(10) % classes,
    }


def write(path: Path, values: dict[str, Any]) -> str:
    np.savez(path, **values)
    return str(path)


class TestDigits(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls) -> Task:
        return get_task("digits")

    def test_train_and_test_share_no_row_of_the_1797(self, task: Task) -> None:
        assert len(task.x_train) + len(task.x_test) == 1797
        together = np.concatenate([task.x_train, task.x_test]).reshape(1797, -1)
        assert len(np.unique(together, axis=0)) == 1797
        assert task.augmentation == "none"


class TestFile(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, tmp_path_factory: pytest.TempPathFactory) -> Task:
        return get_task(write(tmp_path_factory.mktemp("file") / "mine.npz", arrays()))

    def test_it_is_named_after_the_file(self, task: Task) -> None:
        assert (task.name, task.input_shape, task.augmentation) == ("mine", (3, 6, 5), "auto")


class TestArrays(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls) -> Task:
        values = arrays(rows=5_200, shape=(4, 4))
        x = values["x_train"] / 255, values["x_test"] / 255
        return get_task((x[0], values["y_train"][:, None], x[1], values["y_test"]))


@pytest.mark.data
class TestMnist(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, data_folder: Path) -> Task:
        return get_task(data_folder / "mnist.npz")


class Leaks(Task):
    def split(self, seed: int) -> tuple[Any, Any]:
        train, validation = super().split(seed)
        return np.append(train, validation[0]), validation


class Unseeded(Task):
    def split(self, seed: int) -> tuple[Any, Any]:
        return super().split(0)


class Unstratified(Task):
    def split(self, seed: int) -> tuple[Any, Any]:
        order = np.argsort(self.y_train, kind="stable")
        return order[len(order) // 5 :], order[: len(order) // 5]


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Leaks, lambda laws, task: laws.test_a_split_parts_the_training_rows(task, 0)),
        (Unseeded, lambda laws, task: laws.test_a_split_repeats_under_its_seed_alone(task)),
        (Unstratified, lambda laws, task: laws.test_a_split_is_stratified(task)),
    ],
)
def test_the_contract_fails_on_broken_tasks(broken: type[Task], law: Any) -> None:
    digits = get_task("digits")
    fields = {name: getattr(digits, name) for name in Task.__dataclass_fields__}
    law(TaskContract(), digits)
    with pytest.raises(AssertionError):
        law(TaskContract(), broken(**fields))


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (1, 6, 5)])
def test_grey_images_come_with_a_channel_or_without(shape: tuple[int, ...]) -> None:
    values = arrays(shape=(6, 5))
    expected = get_task(tuple(values.values()))
    reshaped = {key: x.reshape(-1, *shape) if key[0] == "x" else x for key, x in values.items()}
    assert get_task(tuple(reshaped.values())).data_hash == expected.data_hash


def test_channels_first_is_told_apart() -> None:
    values = arrays()
    first = {key: x.transpose(0, 3, 1, 2) if key[0] == "x" else x for key, x in values.items()}
    assert get_task(tuple(first.values())).data_hash == get_task(tuple(values.values())).data_hash


def test_the_users_arrays_stay_their_own() -> None:
    values = arrays()
    task = get_task(tuple(values.values()))
    values["x_train"][:] = 0
    assert task.x_train.any()


def test_the_hash_follows_the_contents() -> None:
    values = arrays()
    before = get_task(tuple(values.values())).data_hash
    assert get_task(tuple(arrays().values())).data_hash == before
    values["y_test"][0] = 1
    assert get_task(tuple(values.values())).data_hash != before


def test_a_saved_task_comes_back_equal(tmp_path: Path) -> None:
    task = Task(**{**vars(get_task("digits")), "name": "mine", "classes": tuple("abcdefghij")})
    save_task(task, tmp_path / "data.npz")
    back = get_task(str(tmp_path / "data.npz"))
    assert back.data_hash == task.data_hash
    assert (back.name, back.classes, back.augmentation) == (task.name, task.classes, task.augmentation)
    assert [file.name for file in tmp_path.iterdir()] == ["data.npz"]


SKEWED = np.array([0] * 30 + [1] * 29 + [2])
BAD_ARRAYS = {
    "rank": ({"x_train": np.zeros((60, 30))}, r"x_train must have shape \(rows, height, width\).*found \(60, 30\)"),
    "nan": ({"x_train": np.full((60, 6, 5, 3), np.nan), "x_test": np.zeros((10, 6, 5, 3))}, "x_train must be finite"),
    "inf": ({"x_train": np.zeros((60, 6, 5, 3)), "x_test": np.full((10, 6, 5, 3), 1e300)}, "x_test must be finite"),
    "text": ({"x_train": np.full((60, 6, 5, 3), "a")}, "x_train must be an array of numbers, found str"),
    "empty": ({"x_train": np.zeros((0, 6, 5, 3))}, "x_train must have at least one row"),
    "no test": ({"x_test": np.zeros((0, 6, 5, 3)), "y_test": np.zeros(0, int)}, "x_test must have at least one row"),
    "lengths": ({"y_train": np.arange(59) % 3}, "same number of rows, found 60 and 59"),
    "shapes": ({"x_test": np.zeros((10, 7, 5, 3), np.uint8)}, "one shape, found 3 x 6 x 5 and 3 x 7 x 5"),
    "types": ({"x_test": np.zeros((10, 6, 5, 3))}, "same type, found uint8 and float32"),
    "small": ({"x_train": np.zeros((60, 4, 3), np.uint8)}, "at least 4 x 4 pixels.*found x_train with 4 x 3"),
    "large": ({"x_train": np.zeros((60, 4, 1025), np.uint8)}, "at most 1024 pixels"),
    "float labels": ({"y_train": np.arange(60) % 3 + 0.5}, r"y_train must be integers, found float64"),
    "negative": ({"y_train": np.arange(60) % 3 - 1}, r"y_train must lie in 0..K-1 .*found -1..1"),
    "gap": ({"y_train": np.arange(60) % 3 * 2}, "without gaps, found no 1 among 0..4"),
    "test label": ({"y_test": np.full(10, 3)}, r"y_test must lie in 0..2 as y_train does, found 3"),
    "one class": ({"y_train": np.zeros(60, int)}, "at least two classes, found only label 0"),
    "rare class": ({"y_train": SKEWED}, "at least 2 training rows .* found 1 of class 2"),
    "one-hot": ({"y_train": np.eye(3, dtype=int)[np.arange(60) % 3]}, r"found \(60, 3\); use argmax"),
    "class names": ({"classes": np.array(["a", "b"])}, "classes must name each of the 3 labels, found 2"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_named(case: str, tmp_path: Path) -> None:
    change, message = BAD_ARRAYS[case]
    with pytest.raises(InputError, match=message) as caught:
        get_task(write(tmp_path / "bad.npz", {**arrays(), **change}))
    assert "\n" not in str(caught.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    path = write(tmp_path / "bad.npz", {**arrays(), "y_train": np.array([{}] * 60, dtype=object)})
    with pytest.raises(InputError, match="holds Python objects"):
        get_task(path)


def test_missing_keys_are_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found images, x_test, x_train, y_train, missing y_test"):
        get_task(write(tmp_path / "bad.npz", {"images": 0, **{k: v for k, v in arrays().items() if k != "y_test"}}))


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and then nothing", b"\x80\x04N."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"must be an \.npz of plain number arrays"):
        get_task(str(tmp_path / "bad.npz"))


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "bad.npz", arrays()))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"must be an \.npz"):
        get_task(path)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nowhere.npz", "nowhere.npz: no such file"),
        ("cats", "task must be digits, reber, .*, a FILE.npz, openml:NAME, or arrays .*, found 'cats'"),
        ((1, 2), "must be .x, y, x_test, y_test., found 2 values"),
        (np.zeros(3), "found a ndarray"),
    ],
)
def test_unknown_tasks_are_refused(spec: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_task(spec)


class Bunch:
    def __init__(self, data: Any, target: Any) -> None:
        self.data, self.target = data, target


def test_openml_rows_become_square_images(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (132, 3 * 5 * 5)).astype(float)
    target = np.array([str(i % 11) for i in range(132)], dtype=object)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: Bunch(rows, target))
    task = get_task("openml:tiny")
    assert task.input_shape == (3, 5, 5)
    assert task.x_train.dtype == np.uint8
    assert task.classes == tuple(map(str, range(11)))  # "10" after "9"
    assert (np.bincount(task.y_test) == 2).all()  # a sixth of twelve
    image = next(i for i in range(132) if np.array_equal(rows[i], task.x_test[0].ravel()))
    assert task.y_test[0] == image % 11


def test_published_openml_sets_keep_their_test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, target = np.zeros((60_010, 16)), np.arange(60_010) % 10
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: Bunch(rows, target))
    task = get_task("openml:Fashion-MNIST")
    assert (len(task.x_train), len(task.x_test)) == (60_000, 10)


def test_a_failing_network_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise OSError("unreachable\nhost")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fail)
    with pytest.raises(InputError, match=r"openml:tiny could not be fetched \(OSError\); check .* FILE.npz"):
        get_task("openml:tiny")


def test_openml_tables_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda **_: Bunch(np.zeros((9, 7)), np.arange(9)))
    with pytest.raises(InputError, match=r"must be square images .* found rows of shape \(7,\)"):
        get_task("openml:table")
