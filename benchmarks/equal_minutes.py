"""Searches of equal wall time: the default, each of its parts left out or put in, and what it has to beat.

    python benchmarks/equal_minutes.py --out runs/equal [--task digits] [--minutes 2] [--seeds 3] [--only default ...]

Every search is `nasgen search` as users call it, its final training included, one after the other on a machine that
should do nothing else. Searches that have ended in --out already are read, not run again. The test accuracy is that of
the network a user gets.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import nasgen
from nasgen.results.summary import open_store
from nasgen.training.numerics import cores
from nasgen.winner.final import stored_final

VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "halving": {"halving": True},
    "no halving": {"halving": False},
    "curve stop": {"curve_stop": True},
    "inherit": {"inherit": True},
    "no surrogate": {"surrogate": "off"},
    "random": {"strategy": "random"},
    "random, halving": {"strategy": "random", "halving": True},
    "irwin-harris": {"strategy": "irwin-harris"},
    "paper": {"profile": "paper"},
}
MEASURES = ("test accuracy", "validation accuracy in the search", "evaluations", "final epochs", "minutes")


def measured(path: Path, task: str, minutes: float, seed: int, options: Mapping[str, Any]) -> list[float]:
    """The measures of one search, which is run if it does not stand there."""
    if not (path / "run.json").exists():
        nasgen.search(task=task, minutes=minutes, seed=seed, out=path, **options)
    with open_store(path) as store:
        final = stored_final(store)
        if final is None:
            raise SystemExit(f"{path} holds a search without a final network: remove it")
        return [
            final.test_accuracy,
            final.fitness,
            store.n_results,
            final.epochs,
            float(store.meta("seconds") or 0) / 60,
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--task", default="digits")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="VARIANT")
    args = parser.parse_args()
    table: dict[str, list[list[float]]] = {name: [] for name in args.only}
    for seed in range(args.seeds):  # seed by seed: what is measured so far can be compared
        for name, rows in table.items():
            path = args.out / f"{name.replace(', ', '-').replace(' ', '_')}-{seed}"
            rows.append(measured(path, args.task, args.minutes, seed, VARIANTS[name]))
    print(
        f"{args.task}, {args.minutes:g} minutes, n = {args.seeds} seeds, {cores()} cores {platform.machine()}; "
        "mean (standard error)"
    )
    for column, measure in enumerate(MEASURES):
        print(measure)
        for name, rows in table.items():
            values = np.array(rows)[:, column]
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
            print(f"    {name:24} {values.mean():9.4f} ({error:.4f})")


if __name__ == "__main__":
    main()
