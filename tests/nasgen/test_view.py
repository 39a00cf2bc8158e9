"""What a person sees of a search while it goes on."""

from __future__ import annotations

import pytest

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.view import View, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (3599.6, "1 h 00 min")],
)
def test_durations_are_said_as_a_person_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


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
