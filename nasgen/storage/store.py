"""Store: where the rows of a run live, in one SQLite file with one writer.

Results are appended as they come; a SIGKILL at any moment loses only what was in flight. What a run asked, the
strategy's state and the number of results it had seen are committed together, so that a resumed run asks what
the run would have asked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.storage.schema import (
    ASK_COLUMNS,
    LAST_LOSS,
    N_ASK,
    N_RESULT,
    RESULT_COLUMNS,
    SCHEMA,
    SCHEMA_VERSION,
    SINCE_SCHEMA_2,
    outcome_of,
    request_of,
)


class Store:
    """The rows of one run.

    Parameters
    ----------
    path
        The SQLite file; made where there is none, unless ``read_only``.
    read_only
        Open without any right to write, as for tables and status; the run may go on meanwhile.

    Raises
    ------
    InputError
        If the file is not there (``read_only``), cannot be made, or is no store.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        if read_only and not self.path.is_file():
            raise InputError(f"expected a run's store, found no file {path}")
        mode = "ro" if read_only else "rwc"
        try:
            self._db = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise InputError(f"expected a run's store, {path} cannot be opened: {error}") from error
        try:
            self._db.execute("PRAGMA busy_timeout = 10000")
            if not read_only:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # survives a killed process
                self._db.executescript(SCHEMA)
                self._db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA_VERSION),))
            self._db.execute("SELECT number FROM asks LIMIT 1")
            self._ask, self._result = self._columns("asks", ASK_COLUMNS), self._columns("results", RESULT_COLUMNS)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise InputError(
                f"expected a run's store, {path} is none: {error}; go on from a copy of the run, or search again"
            ) from error

    def _columns(self, table: str, names: str) -> str:
        """The columns as they are selected, with a constant for those that an older file lacks."""
        present = {row[1] for row in self._db.execute(f"PRAGMA table_info({table})")}
        return ", ".join(f"{table}.{name}" if name in present else SINCE_SCHEMA_2[name] for name in names.split(", "))

    def _joined(self, join: str = "") -> str:
        return f"SELECT {self._ask}, {self._result} FROM asks {join} JOIN results ON results.number = asks.number"

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the store cannot be used afterwards."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # of a full disk SQLite has ended it by itself
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """A damaged file is an ``InputError``, wherever the damage is met."""
        try:
            yield
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise InputError(
                f"{self.path}: expected a run's store, found one that cannot be read: {error}; go on from a copy of "
                "the run, or search again in another folder"
            ) from error

    def _count(self, query: str) -> int:
        with self._reading():
            return int(self._db.execute(query).fetchone()[0])

    # What is written --------------------------------------------------------------------------------------

    def commit_round(self, requests: Sequence[Request], progress: Mapping[str, Any]) -> None:
        """Commit what one round asks together with the state to go on from, in one transaction.

        ``progress`` is JSON: the next round's number, how many results the strategy was told, its state, ...
        """
        with self._transaction():
            self._db.executemany(
                f"INSERT INTO asks ({ASK_COLUMNS}) VALUES ({', '.join('?' * N_ASK)})",
                [
                    (
                        request.number,
                        request.genotype,
                        request.key,
                        request.seed,
                        request.fidelity,
                        request.repeat,
                        request.round,
                        json.dumps(request.parents),
                        request.operator,
                        request.predicted,
                        request.predicted_std,
                        json.dumps(request.ceilings),
                        request.inherits,
                    )
                    for request in requests
                ],
            )
            self.set_meta("progress", progress)

    def record(self, number: int, outcome: Outcome) -> None:
        """Append the outcome of one ask.

        Raises
        ------
        ValueError
            If the ask has an outcome already, or was never made.
        """
        failure = json.dumps(asdict(outcome.failure)) if outcome.failure else None
        try:
            self._db.execute(
                f"INSERT INTO results (number, {RESULT_COLUMNS}) "
                f"SELECT number, {', '.join('?' * N_RESULT)} FROM asks WHERE number = ?",
                (
                    outcome.fitness,
                    failure,
                    json.dumps(dict(outcome.metrics)),
                    outcome.origin,
                    outcome.seconds,
                    outcome.attempt,
                    outcome.weights,
                    number,
                ),
            )
        except sqlite3.IntegrityError as error:
            raise ValueError(f"ask {number} has a result already") from error
        if not self._count("SELECT changes()"):
            raise ValueError(f"ask {number} was never made")

    def record_loss(self, number: int, attempt: int, failure: Failure) -> None:
        """Append that an attempt was lost and counts against the candidate."""
        self._db.execute(
            "INSERT OR IGNORE INTO losses VALUES (?, ?, ?)", (number, attempt, json.dumps(asdict(failure)))
        )

    def set_fidelities(self, names: Sequence[str]) -> None:
        """Keep the names of the fidelities, from the lowest to the highest."""
        self.set_meta("fidelities", list(names))

    def set_meta(self, name: str, value: Any) -> None:
        """Keep one JSON value under a name."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

    # What is read -----------------------------------------------------------------------------------------

    def meta(self, name: str) -> Any:
        """The JSON value kept under a name; None where there is none."""
        with self._reading():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
            return json.loads(row[0]) if row else None

    @property
    def n_asked(self) -> int:
        """Number of asks."""
        return self._count("SELECT COALESCE(MAX(number) + 1, 0) FROM asks")

    @property
    def n_results(self) -> int:
        """Number of asks with an outcome."""
        return self._count("SELECT COUNT(*) FROM results")

    @property
    def n_failed(self) -> int:
        """Number of failed rows."""
        return self._count("SELECT COUNT(*) FROM results WHERE failure IS NOT NULL")

    @property
    def n_trained(self) -> int:
        """Number of rows with a fitness that was trained or inherited."""
        return self._count("SELECT COUNT(*) FROM results WHERE failure IS NULL AND origin <> 'looked-up'")

    def was_asked(self, key: str, fidelity: str, repeat: int = 0) -> bool:
        """Whether a (key, fidelity, repeat) was asked, with or without a result."""
        query = "SELECT 1 FROM asks WHERE key = ? AND fidelity = ? AND repeat = ?"
        with self._reading():
            return self._db.execute(query, (key, fidelity, repeat)).fetchone() is not None

    def evaluations(self, start: int = 0, stop: int | None = None) -> list[Evaluation]:
        """The rows ``start`` to ``stop`` in the order asked; asks without an outcome are left out."""
        query = self._joined() + " WHERE asks.number >= ? AND asks.number < ? ORDER BY asks.number"
        return self._evaluations(query, (start, 2**62 if stop is None else stop))

    def _evaluations(self, query: str, values: Sequence[int]) -> list[Evaluation]:
        with self._reading():
            rows = self._db.execute(query, values)
            return [Evaluation(request_of(row[:N_ASK]), outcome_of(row[N_ASK:])) for row in rows]

    def rows(self) -> Iterator[tuple[Request, Outcome | None]]:
        """Every ask in order, with its outcome where there is one."""
        with self._reading():
            for row in self._db.execute(self._joined("LEFT") + " ORDER BY asks.number"):
                yield request_of(row[:N_ASK]), None if row[N_ASK + 5] is None else outcome_of(row[N_ASK:])

    def pending(self) -> list[tuple[Request, int]]:
        """Asks without an outcome, in order, with the number of attempts that count against each."""
        query = (
            f"SELECT {self._ask}, (SELECT COUNT(*) FROM losses WHERE losses.number = asks.number) FROM asks "
            "WHERE asks.number NOT IN (SELECT number FROM results) ORDER BY asks.number"
        )
        with self._reading():
            return [(request_of(row[:N_ASK]), row[N_ASK]) for row in self._db.execute(query)]

    def best(self, k: int = 1) -> list[Evaluation]:
        """The ``k`` rows of highest fitness, those of a higher fidelity (:meth:`set_fidelities`) first.

        Among equals the lowest validation loss comes first (one that is not finite last), then the first asked:
        accuracies on a few hundred images tie often, and the loss tells more.
        """
        return self._evaluations(
            self._joined()
            + " LEFT JOIN json_each((SELECT value FROM meta WHERE name = 'fidelities')) AS level"
            + " ON level.value = fidelity WHERE fitness IS NOT NULL"
            + f" ORDER BY level.key DESC, fitness DESC, {LAST_LOSS} IS NULL, {LAST_LOSS}, asks.number LIMIT ?",
            (k,),
        )

    def failure_counts(self) -> dict[str, int]:
        """Number of failed rows by cause, the most frequent first."""
        query = "SELECT failure, COUNT(*) FROM results WHERE failure IS NOT NULL GROUP BY failure"
        counts: dict[str, int] = {}
        with self._reading():
            for failure, count in self._db.execute(query):
                cause = str(Failure(**json.loads(failure)))
                counts[cause] = counts.get(cause, 0) + count
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
