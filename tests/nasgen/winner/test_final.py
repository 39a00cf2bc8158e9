"""The winner's final training: who gets it, for how many epochs, and what happens where it fails."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_training import EPOCHS, contents, digits, search, shorten, spy_on_trainings, stop_final_trainings

import nasgen
from nasgen.evaluation import Evaluation
from nasgen.results.summary import open_store, result_lines
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store
from nasgen.tasks import get_task
from nasgen.tasks.examples import all_training_examples
from nasgen.training.evaluators import build_space
from nasgen.training.loop import DivergedError, initialise
from nasgen.training.recipe import Recipe
from nasgen.training.speed import seconds_per_epoch
from nasgen.winner import final
from nasgen.winner.final import CANDIDATES, Final, stored_final, train_final


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose rows are all in, interrupted in its final training."""
    run = tmp_path_factory.mktemp("searched") / "run"
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        stop_final_trainings(patch, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            search(run, digits())
    return run


@pytest.fixture
def run(searched: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(searched, tmp_path / "run")


@pytest.fixture
def ranked(searched: Path) -> list[Evaluation]:
    """Its rows, the best first."""
    with open_store(searched) as store:
        return store.best(k=100)


def finish(run: Path, seconds: float | None = None) -> tuple[Final | None, list[str]]:
    """Give a run its final training, in so many seconds if any are named; what came of it, and what was said."""
    folder, said = RunFolder.open(run), []
    settings, task = folder.settings(), get_task(folder.data)
    space = build_space(settings.space, settings.space_options)
    with Store(folder.store_path) as store:
        return train_final(settings, task, space, store, folder, said.append, lambda: seconds), said


def finished(run: Path, seconds: float | None = None) -> Final:
    """The final training of a run that gets one."""
    done, _ = finish(run, seconds)
    assert done is not None
    return done


def weights(run: Path) -> bytes:
    return (run / "best" / "weights.safetensors").read_bytes()


def test_the_best_row_is_trained_on_all_rows_but_test(run: Path, ranked: list[Evaluation]) -> None:
    done, said = finish(run)
    assert done is not None
    assert (done.number, done.genotype, done.fitness) == (ranked[0].number, ranked[0].genotype, ranked[0].fitness)
    assert done.epochs == EPOCHS
    assert done.after == len(ranked) == 6
    assert said == [
        f"final training of evaluation {done.number}: {EPOCHS} epochs on all 400 training images",
        f"final training of evaluation {done.number} ended: {EPOCHS} epochs in {done.seconds:.0f} s, "
        f"test {done.test_accuracy:.4f}",
    ]
    with open_store(run) as store:
        assert stored_final(store) == done


def test_it_is_given_once_while_the_store_stands(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = finished(run)
    trained = spy_on_trainings(monkeypatch)
    assert finished(run) == done
    assert trained == []


@pytest.mark.parametrize("error", [DivergedError("the loss is nan"), MemoryError(), RuntimeError("out of memory")])
def test_where_it_fails_the_next_best_follows(
    run: Path, ranked: list[Evaluation], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stop_final_trainings(monkeypatch, error, {ranked[0].request.seed})
    done, said = finish(run)
    assert done is not None
    assert (done.number, done.fitness) == (ranked[1].number, ranked[1].fitness)
    assert (run / "best" / "genotype.json").read_text().strip() == ranked[1].genotype
    failed = next(line for line in said if "failed" in line)
    assert failed == f"the final training of evaluation {ranked[0].number} failed: {type(error).__name__}: {error}"


def test_a_resumed_search_shows_the_network_that_it_has_and_the_best_row_that_it_found(
    run: Path, ranked: list[Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_final_trainings(monkeypatch, DivergedError("the loss is nan"), {ranked[0].request.seed})
    result = nasgen.resume(run)
    assert result.best == ranked[0]
    assert result.final is not None
    assert result.final.number == ranked[1].number
    shown = result.to_json()["best"]
    assert (shown["genotype"], shown["fitness"]) == (ranked[1].genotype, ranked[1].fitness)
    assert shown["parameters"] == ranked[1].outcome.metrics["parameters"]
    assert shown["test_accuracy"] == result.final.test_accuracy


def test_where_the_best_few_fail_a_search_ends_without_a_network(
    run: Path, ranked: list[Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = spy_on_trainings(monkeypatch)
    stop_final_trainings(monkeypatch, DivergedError("the loss is nan"))
    before = contents(run)
    result = nasgen.resume(run)
    assert trained == [row.request.seed for row in ranked[:CANDIDATES]]
    assert result.final is None
    assert result.best == ranked[0]
    assert result.to_json()["best"]["test_accuracy"] is None
    assert not any("final network" in line for line in result_lines(result))
    assert not (run / "best").exists()
    assert contents(run) == before


def test_a_later_resume_tries_again(run: Path, ranked: list[Evaluation], monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stop_final_trainings(patch, DivergedError("the loss is nan"))
        assert nasgen.resume(run).final is None
    result = nasgen.resume(run)
    assert result.final is not None
    assert result.final.number == ranked[0].number


def test_an_interrupt_is_no_failure(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = spy_on_trainings(monkeypatch)
    stop_final_trainings(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        finish(run)
    assert len(trained) == 1


class Time:
    """Stands for the module ``time``; every look at it takes a second."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now


@pytest.mark.parametrize(
    ("seconds", "epochs"),
    [
        (60.0, 4),  # less 4 % and a look, at 12 steps an epoch and a few looks for what is said
        (1e9, 5),  # no more than the most
        (0.1, 1),  # one has to be
    ],
)
def test_under_a_time_budget_the_clock_ends_it(
    run: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, epochs: int
) -> None:
    monkeypatch.setattr(final, "seconds_per_epoch", lambda *_, **__: 14.0)
    monkeypatch.setattr(final, "LONGEST_FINAL_EPOCHS", 5)
    monkeypatch.setattr(final, "time", Time())
    done, said = finish(run, seconds)
    assert done is not None
    assert done.epochs == epochs
    assert f": about {epochs} epochs on all 400" in said[0]


def test_what_is_measured_beforehand_leaves_no_trace_in_the_network(
    searched: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final, "LONGEST_FINAL_EPOCHS", EPOCHS)
    assert finished(run, 1000.0).epochs == EPOCHS
    other = shutil.copytree(searched, tmp_path / "other")
    unhurried = nasgen.resume(other).final
    assert unhurried is not None
    assert unhurried.epochs == EPOCHS
    assert weights(run) == weights(other)


def test_seconds_an_epoch_are_those_of_a_few_steps_times_their_number(
    run: Path, ranked: list[Evaluation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps of 32 of the 400 images after one to warm up, under a clock that says 3 s for the timed ones."""
    settings, task = RunFolder(run).settings(), get_task(run / "data.npz")
    space = build_space(settings.space, settings.space_options)
    network = initialise(lambda: space.build(space.decode(ranked[0].genotype), task.input_shape, 10), 0)
    trained, ticks = spy_on_trainings(monkeypatch), iter([100.0, 103.0])
    monkeypatch.setattr("nasgen.training.speed.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    seconds = seconds_per_epoch(network, all_training_examples(task), Recipe(epochs=7, batch=32, peak_lr=0.1), steps=2)
    assert seconds == pytest.approx(3.0 * 400 / 64)
    assert len(trained) == 2
