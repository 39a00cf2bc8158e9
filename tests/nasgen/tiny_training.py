"""A search that trains, in seconds: a few hundred digits, small candidates, three epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import nasgen
from nasgen.evaluation import Outcome, Request
from nasgen.results.summary import open_store
from nasgen.training import loop as training
from nasgen.training.evaluators import TrainingEvaluator

Arrays = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]

EPOCHS = 3
MAX_MACS = 400_000
OPTIONS: dict[str, Any] = {"augment": "none", "window": 2, "evaluations": 6, "executor": "inline"}


def digits() -> Arrays:
    """The first 400 of scikit-learn's digits to train on, and the next 150 to test with."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target
    return images[:400], labels[:400], images[400:550], labels[400:550]


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Make the fixed budget small: workers are told theirs, so that it is enough to patch the driver's."""
    patch.setattr("nasgen.planning.budget.SEARCH_PASSES", EPOCHS * 320)
    patch.setattr("nasgen.planning.budget.MOST_FINAL_EPOCHS", EPOCHS)
    patch.setattr("nasgen.planning.budget.default_max_macs", lambda shape: MAX_MACS)


def search(out: Path, task: Any, **options: Any) -> nasgen.SearchResult:
    """Search under ``OPTIONS``, in this process unless told otherwise."""
    return nasgen.search(task=task, out=out, **{**OPTIONS, **options})


def contents(run: Path) -> list[tuple[Request, Outcome | None]]:
    """Everything that the store holds of each row, times and attempts too."""
    with open_store(run) as store:
        return list(store.rows())


def learned(run: Path) -> list[tuple[Any, ...]]:
    """What each row has asked and found out, but for the times and attempts that it took."""
    return [(asked, got and (got.fitness, got.failure, got.metrics, got.origin)) for asked, got in contents(run)]


def interrupt_search(patch: pytest.MonkeyPatch, after: int) -> None:
    """Ctrl-C in the training of the next candidate after so many more."""
    evaluate, left = TrainingEvaluator.evaluate, [None] * after

    def cut(self: TrainingEvaluator, request: Request) -> Outcome:
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return evaluate(self, request)

    patch.setattr(TrainingEvaluator, "evaluate", cut)


def spy_on_trainings(patch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the trainings that begin from now on, in a list that grows."""
    train, seeds = training.train, []

    def noted(*arguments: Any, seed: int, **options: Any) -> training.Trained:
        seeds.append(seed)
        return train(*arguments, seed=seed, **options)

    patch.setattr(training, "train", noted)
    return seeds


def stop_final_trainings(patch: pytest.MonkeyPatch, error: BaseException, seeds: set[int] | None = None) -> None:
    """Raise at the end of the first epoch of final trainings: of all, or of those under some seeds."""
    train = training.train

    def stopping(*arguments: Any, seed: int, on_epoch: Any = None, **options: Any) -> training.Trained:
        def stop(number: int, epoch: training.Epoch) -> bool:
            raise error

        final = on_epoch is not None and options.get("validation") is None  # candidates are validated
        stops = final and (seeds is None or seed in seeds)
        return train(*arguments, seed=seed, on_epoch=stop if stops else on_epoch, **options)

    patch.setattr(training, "train", stopping)
