"""Trainings that a search of CNN structures needs, the surrogate on against off: digits, one epoch each, ten seeds.

    python benchmarks/digits_search.py --out runs/digits_search [--seeds 0:10] [--evaluations 100] [--processes 2]

The level to reach is the fitness that plain evolution has found after all its trainings, the mean over seeds; a search
that does not reach it counts as one training more than it had. Fitness is the accuracy on 285 validation images after
one epoch (about 36 steps, less than a second), which tells structures apart far better than after twelve, where most of
them are at .99. Shown beside it, against noise in that choice: the mean fitness of the second half of the candidates,
failures counted as 0. Searches are kept in --out; a second call goes on where the first was cut off.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits

from nasgen import Evolution, RandomSearch, Store
from nasgen.engine.run import Run
from nasgen.executors import InlineExecutor
from nasgen.executors.faults import Dispatcher
from nasgen.strategies.prescreen import Prescreen
from nasgen.training.evaluators import TrainingEvaluator
from nasgen.training.recipe import Recipe
from search_spaces import get_space

ROWS = 1_157
"""Training rows of digits, for the recipe."""

SHAPE = {"input_shape": (1, 8, 8)}
OFF, ON = "evolution", "evolution + surrogate"
STRATEGIES: dict[str, Callable[..., Any]] = {
    ON: lambda space, asked: Evolution(space, asked, prescreen=Prescreen(space)),
    OFF: Evolution,
    "random": RandomSearch,
}


def search(name: str, seed: int, evaluations: int, path: Path) -> None:
    """One search, whose rows stand in the store at ``path`` once it has ended."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    space = get_space("cnn", **SHAPE)
    recipe = Recipe.for_rows(ROWS, epochs=1)
    fidelities = {"search": {"recipe": recipe.model_dump(), "rows": None}}
    evaluator = TrainingEvaluator("cnn", SHAPE, "digits", split_seed=0, fidelities=fidelities)
    with Store(unfinished) as store:
        strategy = STRATEGIES[name](space, lambda key: store.was_asked(key, "search"))
        run = Run(space, strategy, Dispatcher(InlineExecutor(evaluator)), store, seed=seed, evaluations=evaluations)
        with threadpool_limits(1, user_api="blas"):  # as in `nasgen search`
            run()
    unfinished.rename(path)


def trainings(path: Path) -> NDArray[np.float64]:
    """The fitness of every row in order of asking, nan where it failed, and its seconds; shape (2, n)."""
    with Store(path, read_only=True) as store:
        rows = store.evaluations()
    return np.array([[np.nan if row.fitness is None else row.fitness, row.outcome.seconds] for row in rows]).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0:10")
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    seeds = range(*map(int, args.seeds.split(":")))
    paths = {
        name: [args.out / f"{name.replace(' ', '')}-{seed}-{args.evaluations}.sqlite" for seed in seeds]
        for name in STRATEGIES
    }
    with ProcessPoolExecutor(args.processes) as pool:
        jobs = [
            pool.submit(search, name, seed, args.evaluations, path)
            for name in STRATEGIES
            for seed, path in zip(seeds, paths[name], strict=True)
        ]
        for number, job in enumerate(jobs, start=1):
            job.result()
            print(f"\r{number}/{len(jobs)} searches", end="", flush=True)
    print()
    report({name: np.array([trainings(path) for path in found]) for name, found in paths.items()})


def report(rows_of: dict[str, NDArray[np.float64]]) -> None:
    """The table, from fitness and seconds of every training by strategy, of shape (seeds, 2, trainings)."""
    found = {name: np.nan_to_num(rows[:, 0]) for name, rows in rows_of.items()}
    best = {name: np.maximum.accumulate(rows, axis=1) for name, rows in found.items()}
    seeds, evaluations = found[OFF].shape
    level = best[OFF][:, -1].mean()
    print(
        f"digits, {evaluations} trainings, n = {seeds} seeds, {platform.machine()}, level {level:.4f}; means (errors)"
    )
    needed = {}
    for name, rows in best.items():
        there = rows >= level
        needed[name] = np.where(there.any(axis=1), there.argmax(axis=1) + 1, evaluations + 1)
        columns = {
            "trainings to the level": needed[name],
            "best": rows[:, -1],
            "mean of the second half": found[name][:, evaluations // 2 :].mean(axis=1),
        }
        shown = [
            f"{column} {values.mean():.4g} ({values.std(ddof=1) / np.sqrt(seeds):.2g})"
            for column, values in columns.items()
        ]
        print(f"{name:24} median {np.median(needed[name]):5.1f}  {there[:, -1].mean():4.0%} there  {'  '.join(shown)}")
        failed, seconds = np.isnan(rows_of[name][:, 0]).sum(), np.median(rows_of[name][:, 1])
        print(f"{'':24} {failed} of {seeds * evaluations} failed, median {seconds:.2f} s a training")
    difference = needed[OFF] - needed[ON]
    p = wilcoxon(difference, alternative="greater").pvalue if np.any(difference) else 1.0
    print(f"{ON} needs {difference.mean():.1f} fewer trainings than {OFF}, Wilcoxon p = {p:.3f}")


if __name__ == "__main__":
    main()
