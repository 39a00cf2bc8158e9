"""Searches by look-up, in this process and as commands, and what they leave behind."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nasgen
from nasgen.errors import InputError
from nasgen.results.summary import open_store, write_csv

ROWS = 60
QUICK: dict[str, Any] = {"window": 4, "surrogate": "bayesian-ridge"}

SLOW = '''
"""Evolution with its surrogate, and time between two asks to be killed in."""
import time

from nasgen import Evolution
from nasgen.strategies.prescreen import Prescreen


class Slow(Evolution):
    def __init__(self, space, asked):
        super().__init__(space, asked, prescreen=Prescreen(space, "bayesian-ridge"), brood=8)

    def ask(self, rng):
        time.sleep(0.02)
        return super().ask(rng)
'''


def search(out: Path, cells: Path, **options: Any) -> nasgen.SearchResult:
    given = {"space": "nasbench201", "table": str(cells), "fitness": "fitness", "evaluations": ROWS, **options}
    return nasgen.search(out=out, **given)


def command(*words: Any) -> list[str]:
    return [sys.executable, "-m", "nasgen", *map(str, words)]


def search_command(out: Path, cells: Path, *words: Any, evaluations: int = ROWS) -> list[str]:
    given = ("--space", "nasbench201", "--table", cells, "--fitness", "fitness", "--evaluations", evaluations)
    return command("search", "--out", out, *given, *words)


def table_of(run: Path) -> list[dict[str, str]]:
    """The rows of ``table --csv`` but for the columns that may differ."""
    text = io.StringIO()
    with open_store(run) as store:
        write_csv(store, text)
    text.seek(0)
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "attempt")}
        for row in csv.DictReader(text)
    ]


def results_in(run: Path) -> int:
    """Rows with a result; 0 where there is no store yet."""
    try:
        with open_store(run) as store:
            return store.n_results
    except InputError:
        return 0


class Said(NamedTuple):
    code: int
    out: str
    err: str


Say = Callable[..., Said]


def words_of(out: Path, cells: Path, *words: object) -> list[str]:
    return search_command(out, cells, *words, evaluations=20)[3:]
