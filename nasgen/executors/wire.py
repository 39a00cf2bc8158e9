"""The text in which requests, outcomes and events travel: one line of JSON each."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from nasgen.evaluation import Failure, Outcome, Request
from nasgen.executors.base import Event, Finished, Lost, Started, Token


def request_text(request: Request) -> str:
    """A request as one line of JSON."""
    return json.dumps(asdict(request))


def request_of(text: str | bytes) -> Request:
    """The request of :func:`request_text`."""
    return Request.from_json(json.loads(text))


def outcome_text(outcome: Outcome) -> str:
    """An outcome as one line of JSON; one that JSON cannot hold becomes a failed outcome."""
    try:
        return json.dumps(outcome.to_json())
    except (TypeError, ValueError) as error:
        failure = Failure("exception", f"fitness and metrics must be JSON values: {error}")
        return json.dumps(replace(outcome, fitness=None, metrics={}, failure=failure).to_json())


def outcome_of(text: str | bytes) -> Outcome:
    """The outcome of :func:`outcome_text`."""
    return Outcome.from_json(json.loads(text))


def event_text(event: Event) -> str:
    """An event as one line of JSON."""
    values = {"kind": type(event).__name__, **asdict(event)}
    if isinstance(event, Finished):
        values["outcome"] = json.loads(outcome_text(event.outcome))
    return json.dumps(values)


def event_of(text: str) -> Event:
    """The event of :func:`event_text`."""
    values = json.loads(text)
    token = Token(*values["token"])
    if values["kind"] == "Finished":
        return Finished(token, Outcome.from_json(values["outcome"]))
    if values["kind"] == "Lost":
        return Lost(token, Failure(**values["failure"]), values["blame"])
    return Started(token)
