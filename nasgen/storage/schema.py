"""Schema: the tables of a store, and their rows as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from nasgen.evaluation import Failure, Outcome, Request

SCHEMA_VERSION = 2

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asks (
    number INTEGER PRIMARY KEY, genotype TEXT NOT NULL, key TEXT NOT NULL, seed INTEGER NOT NULL,
    fidelity TEXT NOT NULL, repeat INTEGER NOT NULL, round INTEGER NOT NULL,
    parents TEXT NOT NULL, operator TEXT NOT NULL, predicted REAL, predicted_std REAL,
    ceilings TEXT NOT NULL DEFAULT '[]', inherits TEXT NOT NULL DEFAULT '',
    UNIQUE (key, fidelity, repeat)
);
CREATE TABLE IF NOT EXISTS results (
    number INTEGER PRIMARY KEY REFERENCES asks (number), fitness REAL, failure TEXT, metrics TEXT NOT NULL,
    origin TEXT NOT NULL, seconds REAL NOT NULL, attempt INTEGER NOT NULL, weights TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS losses (
    number INTEGER NOT NULL REFERENCES asks (number), attempt INTEGER NOT NULL, failure TEXT NOT NULL,
    PRIMARY KEY (number, attempt)
);
"""

ASK_COLUMNS = (
    "number, genotype, key, seed, fidelity, repeat, round, parents, operator, predicted, predicted_std, "
    "ceilings, inherits"
)
N_ASK = len(ASK_COLUMNS.split(", "))
RESULT_COLUMNS = "fitness, failure, metrics, origin, seconds, attempt, weights"
N_RESULT = len(RESULT_COLUMNS.split(", "))
SINCE_SCHEMA_2 = {"ceilings": "'[]'", "inherits": "''", "weights": "''"}
"""Columns that older files lack, and what stands in for them."""

#: Metrics with nan or infinity are Python's JSON, but not SQLite's.
LAST_LOSS = "CASE WHEN json_valid(metrics) THEN json_extract(metrics, '$.loss[#-1]') END"


def request_of(row: Sequence[Any]) -> Request:
    """The ask of the values of ``ASK_COLUMNS``."""
    values = dict(zip(ASK_COLUMNS.split(", "), row, strict=True))
    return Request.from_json({**values, **{name: json.loads(values[name]) for name in ("parents", "ceilings")}})


def outcome_of(row: Sequence[Any]) -> Outcome:
    """The outcome of the values of ``RESULT_COLUMNS``."""
    fitness, failure, metrics, origin, seconds, attempt, weights = row
    return Outcome(
        fitness=fitness,
        failure=Failure(**json.loads(failure)) if failure else None,
        metrics=json.loads(metrics),
        origin=origin,
        seconds=seconds,
        attempt=attempt,
        weights=weights,
    )
