"""The journal: what is known is not computed again, a torn line is dropped, and other code or data start over."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nasgen.jobs.journal import Journal, Unit


@dataclass(frozen=True)
class Square(Unit):
    """A unit of work."""

    number: int


def square(folder: Path, unit: Square) -> dict[str, Any]:
    """Counts how often it was called, in a file of its own."""
    with (folder / f"{unit.number}.calls").open("a") as file:
        file.write("x")
    return {"value": unit.number**2, "third": 1 / 3}


def results(folder: Path, numbers: range, said: list[str], *, inputs: tuple[Path, ...] = ()) -> dict[int, Any]:
    journal = Journal(folder / "done.jsonl", inputs)
    units = [Square(number) for number in numbers]
    return {unit.number: found for unit, found in journal.each(square, folder, units, "squares", said.append)}


def calls(folder: Path) -> dict[int, int]:
    return {int(file.stem): len(file.read_text()) for file in folder.glob("*.calls")}


def test_what_is_known_is_not_computed_again(tmp_path: Path) -> None:
    said: list[str] = []
    first = results(tmp_path, range(3), said)
    assert first == {number: {"value": number**2, "third": 1 / 3} for number in range(3)}
    said.clear()
    assert results(tmp_path, range(5), said) == {number: {"value": number**2, "third": 1 / 3} for number in range(5)}
    assert calls(tmp_path) == dict.fromkeys(range(5), 1)
    assert said[0] == f"3 of 5 squares known from {tmp_path / 'done.jsonl'}"
    assert said[1].startswith("0/2 squares, on ")


def test_a_torn_last_line_is_computed_again_and_the_file_stays_whole(tmp_path: Path) -> None:
    results(tmp_path, range(3), [])
    path = tmp_path / "done.jsonl"
    text = path.read_text()
    path.write_text(text[:-7])
    results(tmp_path, range(3), [])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["name"] for line in lines[1:]) == [Square(number).name for number in range(3)]
    assert sorted(calls(tmp_path).values()) == [1, 1, 2]


def test_what_comes_after_a_damaged_line_is_computed_again(tmp_path: Path) -> None:
    results(tmp_path, range(3), [])
    path = tmp_path / "done.jsonl"
    origin, first, *others = path.read_text().splitlines()
    path.write_text("\n".join([origin, first, "7", *others, ""]))
    results(tmp_path, range(3), [])
    assert sorted(calls(tmp_path).values()) == [1, 2, 2]
    assert len(path.read_text().splitlines()) == 4


def test_other_data_start_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_text("one")
    other = tmp_path / "other"
    other.write_text("two")
    results(tmp_path, range(2), [], inputs=(data,))
    results(tmp_path, range(2), [], inputs=(other,))
    assert calls(tmp_path) == {0: 2, 1: 2}


def test_one_result_can_be_forgotten(tmp_path: Path) -> None:
    results(tmp_path, range(2), [])
    journal = Journal(tmp_path / "done.jsonl")
    assert len(journal) == 2
    journal.forget(Square(0).name)
    journal.forget("never known")
    dict(journal.each(square, tmp_path, [Square(0), Square(1)], "squares", lambda line: None))
    assert calls(tmp_path) == {0: 2, 1: 1}


def test_what_was_computed_before_an_error_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "done.jsonl")
    with pytest.raises(ZeroDivisionError):
        for _ in journal.each(reciprocal, tmp_path, [Square(2), Square(1), Square(0)], "reciprocals", print):
            pass
    known = Journal(tmp_path / "done.jsonl")
    assert 0 < len(known) <= 2


def reciprocal(folder: Path, unit: Square) -> float:
    return 1 / unit.number


def test_inputs_that_change_within_a_process_are_other_inputs(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    origins = []
    for content in ("first", "second", "first"):
        file.write_text(content)
        origins.append(Journal(tmp_path / "done.jsonl", [file]).origin)
    assert origins[0] == origins[2] != origins[1]
