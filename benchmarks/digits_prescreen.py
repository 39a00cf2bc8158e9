"""The surrogate's choice on real trainings: 500 stored digits genotypes, equal numbers of trainings, 20 seeds.

    python benchmarks/digits_prescreen.py [--seeds 20] [--trainings 90]

Each ask draws 200 of the genotypes not asked yet and takes the one that the engine's prescreen ranks first, under the
rules of the default profile (random start, refits, optimism, exploration); the rival takes the first. Fitness is minus
the last validation loss, which tells these structures apart (accuracies on 285 images hardly do). Nothing is trained:
the table beside this file is read. Shown: the mean of all picks after the random start, and the best pick.
"""

from __future__ import annotations

import argparse
import inspect
import platform
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from nasgen import Evaluation, Evolution, Outcome, Request
from nasgen.strategies.evolution import INITIAL
from nasgen.strategies.prescreen import Prescreen
from search_spaces import get_space

TABLE = Path(__file__).with_name("digits_trainings.parquet")
SPACE = get_space("cnn", input_shape=(1, 8, 8))
RULES = {name: option.default for name, option in inspect.signature(Evolution).parameters.items()}


def stored() -> list[Evaluation]:
    """The first training of every genotype, worth minus its last validation loss."""
    rows = pd.read_parquet(TABLE)
    rows = rows[rows["repeat"] == 0]
    return [
        Evaluation(Request(number, row.genotype, row.key, row.seed), Outcome(-row.loss[-1]))
        for number, row in enumerate(rows.itertuples())
    ]


def picks(pool: list[Evaluation], features: str | None, seed: int, trainings: int) -> list[float]:
    """The fitness of every pick, in order; without features the first of each draw."""
    rng = np.random.default_rng(seed)
    open_rows = [pool[index] for index in rng.permutation(len(pool))]
    prescreen = Prescreen(SPACE, features=features) if features else None
    found: list[float] = []
    while len(found) < trainings:
        brood = [open_rows[index] for index in rng.permutation(len(open_rows))[: RULES["brood"]]]
        chosen = 0
        if prescreen and len(found) >= INITIAL and rng.random() >= RULES["exploration"]:
            mean, spread, _ = prescreen.scores([SPACE.decode(row.genotype) for row in brood])
            chosen = int(np.argmax(mean + RULES["optimism"] * spread))
        row = brood[chosen]
        open_rows.remove(row)
        found.append(row.fitness if row.fitness is not None else -np.inf)
        if prescreen:
            prescreen.tell([row])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trainings", type=int, default=90)
    parser.add_argument("--features", nargs="*", default=[inspect.signature(Prescreen).parameters["features"].default])
    args = parser.parse_args()
    pool = stored()
    start = INITIAL
    print(f"{len(pool)} stored trainings, {args.trainings} picks, {start} at random, n = {args.seeds} seeds, ", end="")
    print(f"{platform.machine()}, Python {platform.python_version()}")
    results = {
        name: np.array([picks(pool, name, seed, args.trainings) for seed in range(args.seeds)])
        for name in (None, *args.features)
    }
    for measure, of in (
        ("later picks", lambda rows: rows[:, start:].mean(axis=1)),
        ("best pick", lambda r: r.max(axis=1)),
    ):
        rival = of(results[None])
        print(f"{measure}: random {-rival.mean():.4f} (validation loss)")
        for name in args.features:
            values = of(results[name])
            p = wilcoxon(values - rival, alternative="greater").pvalue
            print(
                f"    surrogate on {name:10} {-values.mean():.4f}, lower by {(values - rival).mean():.4f}, p = {p:.5f}"
            )


if __name__ == "__main__":
    main()
