"""What a person sees of a search while it goes on."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import pytest

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.view import View, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (3599.6, "1 h 00 min")],
)
def test_durations_are_said_as_a_person_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_left_counts_what_other_workers_are_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three workers one is done after 10 s, the two others are half done: ten more take as long as five of that."""
    clock = iter([0.0, 10.0, 10.0, 10.0])
    monkeypatch.setattr("nasgen.view.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with View(evaluations=11, workers=3) as view:
        view.result(Request(0, "text", "key", 0), Outcome(0.7))
    assert capsys.readouterr().err == "evaluations 1/11  best 0.7000  failed 0  time left 50 s\n"


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_last_line_is_said_once_and_kept(
    error: type[BaseException] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nasgen.view.SECONDS_BETWEEN_LINES", -1.0)
    kept: list[str] = []
    with suppress(KeyboardInterrupt), View(evaluations=1, log=kept.append) as view:
        view.result(Request(0, "text", "key", 0), Outcome(0.7))
        if error is not None:
            raise error
    line = "evaluations 1/1  best 0.7000  failed 0  time left 0 s"
    assert capsys.readouterr().err == f"{line}\n"
    assert kept == [line if error is None else f"{line}  interrupted"]


def test_the_view_tells_each_cause_once(capsys: pytest.CaptureFixture[str]) -> None:
    request = Request(0, "text", "key", 0)
    with View(evaluations=4, best=0.5) as view:
        view.result(request, Outcome(0.7))
        for _ in range(2):
            view.result(request, Outcome(failure=Failure("exception", "ValueError: [red]x[/red]")))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("ValueError: [red]x[/red]") == 1
    assert "evaluations 3/4  best 0.7000  failed 2" in said.err
