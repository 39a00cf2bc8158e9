"""The store keeps what it is given, in one piece, whatever ends the process that writes."""

from __future__ import annotations

import math
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.storage.store import Store

WRITER = """
import sys
from nasgen.evaluation import Outcome, Request
from nasgen.storage.store import Store

store = Store(sys.argv[1])
for number in range(10**6):
    requests = [Request(2 * number + one, f"genotype {number} {one}", f"key {number} {one}", seed=1) for one in (0, 1)]
    store.commit_round(requests, {"round": number + 1, "told": 2 * number, "state": [number] * 50})
    for request in requests:
        store.record(request.number, Outcome(float(request.number)))
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        yield opened


def request(number: int, key: str | None = None, fidelity: str = "search", repeat: int = 0) -> Request:
    return Request(number, f"genotype {number}", key or f"key-{number}", number, fidelity, repeat)


def filled(store: Store, *outcomes: Outcome) -> list[Evaluation]:
    """One round of asks, each with its outcome; the last of the asks stays without."""
    requests = [request(number) for number in range(len(outcomes) + 1)]
    store.commit_round(requests, {"round": 1, "told": 0, "state": None})
    for one, outcome in zip(requests, outcomes, strict=False):
        store.record(one.number, outcome)
    return [Evaluation(one, outcome) for one, outcome in zip(requests, outcomes, strict=False)]


texts = st.text(max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)
requests = st.builds(
    Request,
    number=st.just(0),
    genotype=texts,
    key=texts,
    seed=st.integers(0, 2**63 - 1),
    fidelity=texts,
    repeat=st.integers(0, 9),
    round=st.integers(0, 10**6),
    parents=st.lists(texts, max_size=3).map(tuple),
    operator=texts,
    predicted=st.none() | numbers,
    predicted_std=st.none() | numbers,
)
failures = st.builds(Failure, kind=texts, message=texts, trace=st.lists(texts, max_size=3).map(tuple))
outcomes = st.builds(
    Outcome,
    fitness=st.none() | numbers,
    failure=st.none() | failures,
    metrics=st.dictionaries(texts, numbers | st.lists(numbers) | texts | st.none(), max_size=4),
    origin=texts,
    seconds=numbers,
    attempt=st.integers(1, 3),
)


@settings(max_examples=60, deadline=None)
@given(asked=requests, outcome=outcomes, state=st.dictionaries(texts, st.none() | numbers | texts))
def test_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, asked: Request, outcome: Outcome, state: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("round") / "store.sqlite"
    progress = {"round": 1, "told": 0, "state": state}
    with Store(path) as store:
        store.commit_round([asked], progress)
        assert list(store.rows()) == [(asked, None)]
        assert store.pending() == [(asked, 0)]
        store.record(0, outcome)
    with Store(path, read_only=True) as store:
        assert store.evaluations() == [Evaluation(asked, outcome)]
        assert list(store.rows()) == [(asked, outcome)]
        assert store.pending() == []
        assert store.meta("progress") == progress


def test_counts_and_parts(store: Store) -> None:
    assert (store.n_asked, store.n_results, store.n_failed, store.n_trained) == (0, 0, 0, 0)
    failed = Outcome(failure=Failure("diverged", "the loss is not finite"))
    rows = filled(store, Outcome(0.5), failed, Outcome(0.7, origin="looked-up"), Outcome(0.6, origin="inherited"))
    assert (store.n_asked, store.n_results, store.n_failed, store.n_trained) == (5, 4, 1, 2)
    assert store.evaluations() == rows
    assert store.evaluations(1, 3) == rows[1:3]
    assert store.evaluations(4) == []
    assert [(one.number, outcome is None) for one, outcome in store.rows()] == [
        (number, number == 4) for number in range(5)
    ]
    assert store.was_asked("key-4", "search")
    assert not store.was_asked("key-4", "search", repeat=1)
    assert not store.was_asked("key-4", "final")
    assert not store.was_asked("key-5", "search")


def test_results_may_come_in_any_order(store: Store) -> None:
    store.commit_round([request(number) for number in range(4)], {})
    for number in (2, 0, 3):
        store.record(number, Outcome(float(number)))
    assert [row.number for row in store.evaluations()] == [0, 2, 3]
    assert store.pending() == [(request(1), 0)]


def test_a_row_is_recorded_once(store: Store) -> None:
    rows = filled(store, Outcome(0.5))
    with pytest.raises(ValueError, match="ask 0 has a result already"):
        store.record(0, Outcome(0.9))
    with pytest.raises(ValueError, match="ask 7 was never made"):
        store.record(7, Outcome(0.9))
    assert store.evaluations() == rows


def test_a_key_is_asked_once_at_a_fidelity_and_repeat(store: Store) -> None:
    store.commit_round([request(0, "a")], {})
    with pytest.raises(sqlite3.IntegrityError):
        store.commit_round([request(1, "a")], {})
    store.commit_round([request(1, "a", "final"), request(2, "a", repeat=1)], {})
    assert store.n_asked == 3


def test_a_round_is_committed_whole_or_not_at_all(store: Store) -> None:
    store.commit_round([request(0)], {"round": 1})
    with pytest.raises(sqlite3.IntegrityError):
        store.commit_round([request(1), request(2), request(1, "other")], {"round": 2})
    with pytest.raises(TypeError):
        store.commit_round([request(1)], {"round": 2, "state": object()})
    assert store.n_asked == 1
    assert store.meta("progress") == {"round": 1}
    store.commit_round([request(1)], {"round": 2})
    assert (store.n_asked, store.meta("progress")) == (2, {"round": 2})


def test_pending_asks_keep_their_losses(store: Store) -> None:
    store.commit_round([request(number) for number in range(3)], {})
    store.record(1, Outcome(0.5))
    lost = Failure("worker-lost", "worker ended by SIGKILL")
    store.record_loss(2, 1, lost)
    store.record_loss(2, 1, lost)  # told again by a driver that died before the next dispatch
    store.record_loss(2, 2, lost)
    assert store.pending() == [(request(0), 0), (request(2), 2)]


def test_the_best_come_first_and_the_earlier_among_equals(store: Store) -> None:
    failed = Outcome(failure=Failure("diverged", "the loss is not finite"))
    filled(store, Outcome(0.5), Outcome(0.9), failed, Outcome(0.9), Outcome(-math.pi))
    assert [row.number for row in store.best()] == [1]
    assert [row.number for row in store.best(k=9)] == [1, 3, 0, 4]


def test_the_lower_loss_wins_among_equals(store: Store) -> None:
    filled(
        store,
        *(Outcome(0.9, metrics={"loss": [0.0, loss]}) for loss in (0.3, 0.1, 0.2)),
        Outcome(0.8, metrics={"loss": [0]}),
    )
    assert [row.number for row in store.best(k=4)] == [1, 2, 0, 3]


def test_metrics_that_are_not_finite_do_no_harm(store: Store) -> None:
    filled(store, Outcome(0.9, metrics={"train_loss": [math.nan, math.inf], "loss": [math.nan]}), Outcome(0.7))
    assert [row.number for row in store.best(k=2)] == [0, 1]
    assert math.isnan(store.best()[0].outcome.metrics["train_loss"][0])


def test_among_equals_the_lowest_finite_loss_comes_first(store: Store) -> None:
    losses = [[math.inf], None, [0.4], [0.1], [math.nan]]
    filled(store, *(Outcome(0.9, metrics={} if loss is None else {"loss": loss}) for loss in losses))
    assert [row.number for row in store.best(k=5)] == [3, 2, 0, 1, 4]


def test_failures_are_counted_by_cause(store: Store) -> None:
    diverged, raised = Failure("diverged", "loss"), Failure("exception", "ValueError: x", ("a.py, f: x",))
    failed = [
        Outcome(failure=one) for one in (raised, diverged, replace(raised, trace=("b.py, g: y",)), diverged, raised)
    ]
    filled(store, *failed, Outcome(1.0))
    assert list(store.failure_counts().items()) == [("exception: ValueError: x", 3), ("diverged: loss", 2)]


def test_meta_is_replaced(store: Store) -> None:
    assert store.meta("seconds") is None
    store.set_meta("seconds", 1.5)
    store.set_meta("seconds", {"nested": [1, None, "é"]})
    assert store.meta("seconds") == {"nested": [1, None, "é"]}


def test_reading_needs_a_store_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no file"):
        Store(tmp_path / "none.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "store.sqlite"
    Store(path).close()
    with Store(path, read_only=True) as store:
        assert store.evaluations() == []
        for write in (lambda: store.set_meta("a", 1), lambda: store.commit_round([request(0)], {})):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                write()


def test_a_reader_sees_a_run_go_on(store: Store) -> None:
    with Store(store.path, read_only=True) as reader:
        filled(store, Outcome(0.5), Outcome(0.6))
        assert [row.fitness for row in reader.evaluations()] == [0.5, 0.6]


@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_store_is_refused(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"this is a text of some length, and no database at all\n" * 50)
    with pytest.raises(InputError, match="expected a run's store"):
        Store(path, read_only=read_only)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a run's store"):
        Store(tmp_path / "nowhere" / "store.sqlite")


def test_a_killed_writer_leaves_whole_rounds(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    for _ in range(2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        deadline = time.monotonic() + 60
        while not path.exists() or rows_in(path) < 50:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        with Store(path) as store:
            rounds = store.meta("progress")["round"]
            assert store.n_asked == 2 * rounds
            assert store.meta("progress")["state"] == [rounds - 1] * 50
            assert store.n_results >= 2 * (rounds - 1)
            assert [row.number for row in store.evaluations()] == list(range(store.n_results))
            for asked, _ in store.pending():
                store.record(asked.number, Outcome(0.0))
            assert store.n_results == store.n_asked
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        path.unlink()


def rows_in(path: Path) -> int:
    """Rows of a store that may be in the making."""
    try:
        with Store(path, read_only=True) as store:
            return store.n_results
    except InputError:
        return 0


def test_a_file_of_the_first_schema_is_still_read(store: Store, tmp_path: Path) -> None:
    store.commit_round([request(0), request(1)], {})
    store.record(0, Outcome(0.5, metrics={"loss": [0.1]}))
    store.close()
    with closing(sqlite3.connect(store.path)) as old:
        for table, column in (("asks", "ceilings"), ("asks", "inherits"), ("results", "weights")):
            old.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        old.execute("UPDATE meta SET value = '1' WHERE name = 'schema'")
        old.commit()
    with Store(store.path, read_only=True) as read:
        assert [row.number for row in read.best()] == [0]
        assert [asked.number for asked, _ in read.rows()] == [0, 1]
        assert [asked for asked, _ in read.pending()] == [request(1)]
        assert read.evaluations()[0].outcome == Outcome(0.5, metrics={"loss": [0.1]})


def test_a_higher_fidelity_outranks_any_fitness_of_a_lower_one(store: Store) -> None:
    store.set_fidelities(["proxy", "search"])
    store.commit_round([request(0, fidelity="proxy"), request(1, fidelity="proxy"), request(2, "key-0")], {})
    for number, fitness in enumerate([0.8, 0.9, 0.6]):
        store.record(number, Outcome(fitness))
    assert [row.number for row in store.best(k=3)] == [2, 1, 0]


READERS: dict[str, Callable[[Store], object]] = {
    "evaluations": Store.evaluations,
    "rows": lambda store: list(store.rows()),
    "best": Store.best,
    "counts": Store.failure_counts,
    "meta": lambda store: store.meta("progress"),
    "pending": Store.pending,
}


@pytest.mark.parametrize("reader", READERS)
def test_rows_that_are_damaged_are_said_in_a_line(store: Store, reader: str) -> None:
    filled(store, Outcome(0.5), Outcome(failure=Failure("exception", "ValueError: no")))
    READERS[reader](store)
    with closing(sqlite3.connect(store.path)) as other:
        for change in (
            "UPDATE results SET metrics = '{' WHERE number = 0",
            "UPDATE results SET failure = '[' WHERE number = 1",
            "UPDATE meta SET value = '' WHERE name = 'progress'",
            "UPDATE asks SET parents = CAST(x'ff' AS TEXT) WHERE number IN (0, 2)",
        ):
            other.execute(change)
        other.commit()
    with pytest.raises(InputError, match=r"store\.sqlite: expected a run's store, found one that cannot be read: "):
        READERS[reader](store)


def test_pages_that_are_damaged_are_said_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        filled(store, *(Outcome(number / 1000) for number in range(1000)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size // 4))
    with Store(path, read_only=True) as store, pytest.raises(InputError, match="found one that cannot be read") as said:
        list(store.rows())
    assert "\n" not in str(said.value)
