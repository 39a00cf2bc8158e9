"""Which networks are pruned and trained on, and their results from the journal or from the cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.jobs.journal import FILE as JOURNAL
from nasgen.jobs.journal import Journal
from nasgen.reproduce.request import Request
from nasgen.reproduce.rnn_pruning.experiments import Prune, Retrain, Shared, prune_and_score, retrain
from nasgen.reproduce.rnn_pruning.stored import CELLS, FILE, PLACES, Published, read_published
from nasgen.tasks.reber import FILES, encoded, read_strings

CRITERIA: Mapping[str, tuple[str, str]] = {
    "magnitude, all layers together": ("magnitude", "global"),
    "magnitude, by matrix": ("magnitude", "uniform"),
    "magnitude, by gate": ("magnitude", "gate"),
    "magnitude x input, all layers together": ("activation", "global"),
}
"""What training strings may choose from; the first is the authors'."""

CHOSEN_RATES = (50, 60, 70, 80)

QUARTER = 0.25
RETRAININGS = (
    *(Retrain("gru", "h2h", 100, (1.0, 1.0), seed, ours) for ours in (False, True) for seed in range(3)),
    Retrain("lstm", "h2h", 100, (1.0, 1.0)),
    Retrain("gru", "both", 90, (1.0,)),
    Retrain("lstm", "both", 90, (1.0,)),
    Retrain("gru", "i2h", 100, (1.0,)),
    Retrain("rnn_tanh", "both", 90, (1.0, 1.0)),
    Retrain("rnn_relu", "both", 90, (1.0,)),
    Retrain("rnn_relu", "i2h", 100, (1.0,)),
    *(Retrain("rnn_relu", "both", 90, (QUARTER,), seed, ours) for ours in (False, True) for seed in range(3)),
)


@dataclass(frozen=True)
class Results:
    """What the authors measured, and what came of each unit."""

    published: Published
    pruned: Mapping[Prune, Sequence[Mapping[str, Any]]]
    retrained: Mapping[Retrain, Sequence[float]]


def magnitude_units() -> list[Prune]:
    """The authors' criterion at every rate."""
    return [Prune(cell, place) for cell in ("lstm", "gru", "rnn_relu", "rnn_tanh") for place in PLACES]


def criteria_units() -> list[Prune]:
    """All criteria where it matters."""
    return [
        Prune(cell, "both", criterion, CHOSEN_RATES)
        for cell in ("lstm", "gru", "rnn_relu", "rnn_tanh")
        for criterion in CRITERIA.values()
    ]


def all_results(request: Request) -> Results:
    """Everything.

    Raises
    ------
    InputError
        If the authors' results, networks or strings are missing or malformed.
    """
    published = read_published(request.data)
    networks = _networks(request)
    strings = read_strings(request.data, as_published=True)
    shared = Shared(networks, encoded(strings.train), strings.y_train, encoded(strings.test), strings.y_test)
    files = [request.data / name for name in (*FILES, FILE)] + [networks / f"{cell}.pt" for cell in CELLS]
    journal = Journal(request.out / JOURNAL, files)
    retrained = dict(journal.each(retrain, shared, RETRAININGS, "networks trained on", request.say, _epochs))
    units = [*magnitude_units(), *criteria_units()]
    pruned = dict(journal.each(prune_and_score, shared, units, "networks pruned", request.say, _prunings))
    return Results(published, pruned, retrained)


def _networks(request: Request) -> Path:
    """The folder that holds the dense networks: the one named, or one within it."""
    if request.state_dicts is None:
        raise InputError("rnn-pruning prunes the authors' networks: name their folder with --state-dicts")
    for folder in (request.state_dicts, request.state_dicts / "dense"):
        if all((folder / f"{cell}.pt").is_file() for cell in CELLS):
            return folder
    names = ", ".join(f"{cell}.pt" for cell in CELLS)
    raise InputError(f"--state-dicts expects a folder with {names}, found none in {request.state_dicts}")


def _epochs(unit: Retrain) -> float:
    return sum(unit.shares) * (3.0 if unit.cell in ("gru", "lstm") else 1.0)


def _prunings(unit: Prune) -> float:
    return len(unit.rates) * (2.0 if unit.cell in ("gru", "lstm") else 1.0)
