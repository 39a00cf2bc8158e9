"""Strategies on real trainings: digits, equal evaluations, several seeds, in `nasgen search` as users call it.

    python benchmarks/digits_strategies.py --out runs/strategies [--evaluations 40] [--seeds 3]

Searches that stand in --out already are read, not run again. Accuracies on 285 validation images saturate, so the
validation loss is shown beside them: that of the best row, and the mean over all rows asked after the random start,
which tells how good the proposals are. The fidelity, hence a row's cost, is the same for all.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import nasgen
from nasgen import Store
from nasgen.evolution import INITIAL

STRATEGIES: Mapping[str, Mapping[str, str]] = {
    "evolution + surrogate": {},
    "evolution": {"surrogate": "off"},
    "random": {"strategy": "random"},
}
MEASURES = ("best accuracy", "its loss", "later rows: accuracy", "later rows: loss", "test accuracy of the winner")


def measured(path: Path, options: Mapping[str, str], evaluations: int, seed: int) -> list[float]:
    """The measures of one search, which is run if it does not stand there."""
    if not (path / "run.json").exists():
        nasgen.search(task="digits", evaluations=evaluations, seed=seed, out=path, **options)
    test_accuracy = nasgen.resume(path).to_json()["best"]["test_accuracy"]
    with Store(path / "store.sqlite", read_only=True) as store:
        (best,) = store.best()
        later = [row for row in store.evaluations(INITIAL) if not row.failed]
    return [
        best.fitness or np.nan,
        best.outcome.metrics["loss"][-1],
        float(np.mean([row.fitness for row in later])),
        float(np.mean([row.outcome.metrics["loss"][-1] for row in later])),
        test_accuracy,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--evaluations", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    table = {
        name: np.array(
            [
                measured(args.out / f"{name.replace(' ', '')}-{seed}", options, args.evaluations, seed)
                for seed in range(args.seeds)
            ]
        )
        for name, options in STRATEGIES.items()
    }
    print(
        f"digits, {args.evaluations} evaluations, n = {args.seeds} seeds, {platform.machine()}, mean (standard error)"
    )
    for column, measure in enumerate(MEASURES):
        print(measure)
        for name, rows in table.items():
            values = rows[:, column]
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
            print(f"    {name:24} {values.mean():.4f} ({error:.4f})")


if __name__ == "__main__":
    main()
