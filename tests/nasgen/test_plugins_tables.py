"""What comes from a user's own files: objects of FILE.py:NAME, and tables to look fitness up in."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from contracts.landscape import SPACE, fitness_of, outcome_of

from nasgen.errors import InputError
from nasgen.evaluation import Request
from nasgen.plugins import file_hash, is_plugin, load_plugin, plugin_path
from nasgen.training.evaluators import TableEvaluator, build_space
from nasgen.training.lookup import read_lookup

OWN = """
from dataclasses import dataclass

from search_spaces.nasbench201 import NasBench201Space

def imports(made=[]):
    return made


imports().append(1)


@dataclass(frozen=True)
class Own:
    size: int = 3


class OwnSpace(NasBench201Space):
    def __init__(self, size=3):
        self.size = size


class OwnTrained(NasBench201Space):
    def __init__(self, input_shape):
        pass
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("own.py:Own", True),
        ("/a/b c/own.py:Own", True),
        ("C:/a/own.py:Own", True),
        ("own.py", False),
        ("own.py:", False),
        ("own.py:a-b", False),
        ("own.txt:Own", False),
        ("evolution", False),
        ("openml:mnist_784", False),
    ],
)
def test_plugin_names(name: str, expected: bool) -> None:
    assert is_plugin(name) is expected


def test_an_object_is_loaded_once_a_process(own: Path) -> None:
    assert load_plugin(f"{own}:Own") is load_plugin(f"{own}:Own")
    assert load_plugin(f"{own}:imports")() == [1]
    assert load_plugin(f"{own}:Own")(5).size == 5


def test_files_of_one_name_are_told_apart(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "own.py"
    other.parent.mkdir()
    other.write_text("Own = str\n")
    assert load_plugin(f"{own}:Own") is not load_plugin(f"{other}:Own") is str


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "expected 'Own' in the file, found x"),
        ("def f(:\n", "cannot be imported: SyntaxError"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name\n", "cannot be imported: ModuleNotFoundError"),
        ("Own = 3\n", "expected a class or a function that makes one, found int"),
    ],
)
def test_what_cannot_be_loaded_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    for _ in range(2):  # a failed import leaves nothing that a second one would find
        with pytest.raises(InputError, match=message) as caught:
            load_plugin(f"{path}:Own")
        assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"found no gone\.py"):
        plugin_path("gone.py:Own")


def test_a_space_that_refuses_its_options_is_named(own: Path) -> None:
    assert build_space(f"{own}:OwnSpace", {"size": 4}).size == 4
    with pytest.raises(InputError, match="a search space needs name, sample, mutate"):
        build_space(f"{own}:Own", {})
    with pytest.raises(InputError, match="a search space needs build"):
        build_space(f"{own}:OwnTrained", {"input_shape": (1, 8, 8)})
    for name, options in ((f"{own}:OwnSpace", {"colour": 1}), ("resnet", {}), ("nasbench201", {"depth": 3})):
        with pytest.raises(InputError):
            build_space(name, options)


def test_a_hash_is_of_the_bytes(own: Path) -> None:
    before = file_hash(own)
    own.write_text(OWN + "\n")
    assert before != file_hash(own)
    assert len(before) == 64


# Tables.


def table(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_rows_are_keyed_by_their_text(tmp_path: Path) -> None:
    text = "acc,arch_str,cost,name\n90,|a|,1,x\n80.5,|b|,2,y\n"
    path = table(tmp_path / "t.csv", text)
    assert read_lookup(path, "acc", ("cost",)) == {"|a|": {"acc": 90.0, "cost": 1.0}, "|b|": {"acc": 80.5, "cost": 2.0}}
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert read_lookup(str(packed), "acc") == {"|a|": {"acc": 90.0}, "|b|": {"acc": 80.5}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arch,acc\n|a|,1\n", "expected a column 'arch_str', found arch, acc"),
        ("arch_str,loss\n|a|,1\n", "expected a column 'acc', found arch_str, loss"),
        ("arch_str,acc\n|a|,high\n", "column 'acc' must be numeric"),
        ("arch_str,acc\n|a|,True\n", "column 'acc' must be numeric"),
        ("arch_str,acc\n", "must be numeric|at least one row"),
        ("arch_str,acc\n|a|,1\n|a|,2\n", r"one row a cell, found \|a\| twice"),
        ("", "cannot be read"),
        ('a,b\n"unclosed,1\n2,3', "cannot be read|expected a column"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_lookup(table(tmp_path / "t.csv", text), "acc")
    assert "\n" not in str(caught.value)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    for name, data in (
        ("t.csv", b"\xff\xfe\x00\x9f" * 100),
        ("t.csv.gz", b"no gzip"),
        ("cut.csv.gz", gzip.compress(b"a" * 999)[:30]),
        ("flipped.csv.gz", bytes([*(whole := gzip.compress(b"arch_str,acc" * 99))[:12], 255, *whole[13:]])),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(InputError):
            read_lookup(str(path), "acc")
    with pytest.raises(InputError, match="found no file"):
        read_lookup(str(tmp_path), "acc")


def test_a_number_missing_in_the_table_is_a_failure(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "arch_str,acc,cost\n|a|,1,\n|b|,,2\n|c|,3,inf\n|d|,4,5\n")
    evaluator = TableEvaluator(path, "acc", ("cost",))
    found = [evaluator.evaluate(Request(0, text, "", 0)) for text in ("|a|", "|b|", "|c|", "|d|")]
    failures = [str(outcome.failure) for outcome in found[:3]]
    assert failures == [f"non-finite: {what} in the table" for what in ("cost is nan", "acc is nan", "cost is inf")]
    assert found[3].fitness == 4


def test_the_evaluator_looks_up_what_is_there(cell_table: Path) -> None:
    evaluator = TableEvaluator(str(cell_table), "fitness", ("parameters",))
    cells = list(SPACE.genotypes())[::97]
    missing = 0
    for number, cell in enumerate(cells):
        text = SPACE.encode(cell)
        found, expected = evaluator.evaluate(Request(number, text, SPACE.key(cell), 0)), outcome_of(text)
        assert found.failure == expected.failure
        assert found.fitness == fitness_of(text)
        assert found.origin == "looked-up"
        assert found.metrics.get("parameters") == expected.metrics.get("parameters")
        missing += found.fitness is None
    assert missing > 0


def test_a_number_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    evaluator = TableEvaluator(table(tmp_path / "t.csv", "arch_str,acc\n|a|,\n|b|,1\n|c|,inf\n"), "acc")
    outcomes = [evaluator.evaluate(Request(0, text, text, 0)) for text in ("|a|", "|b|", "|c|", "|d|")]
    assert [outcome.failure and outcome.failure.kind for outcome in outcomes] == [
        "non-finite",
        None,
        "non-finite",
        "not-in-table",
    ]
