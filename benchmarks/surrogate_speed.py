"""Seconds of the surrogate: a fresh fit, what a search pays an ask, and 10,000 CNN genotypes from text to prediction.

    OMP_NUM_THREADS=1 python benchmarks/surrogate_speed.py [--genotypes 10000] [--repeats 5]

It learns from the digits trainings beside this file. Wanted: a fresh fit of 128 rows, choice and calibration included,
in 8 s; refit and scores of a brood of 200 from 104 rows on in .5 s (the features of earlier rows are kept); 10,000
predictions in 5 s from texts (decoded and validated), and in 3 s from graphs in memory. ``nasgen predict`` is timed as
a process of its own, its start included. Printed is the median of the repeats, with the range.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from nasgen import Evaluation, Outcome, Request
from nasgen.strategies.prescreen import Prescreen
from predictors import Surrogate
from search_spaces import get_space
from search_spaces.texts import valid_genotype

TABLE = Path(__file__).with_name("digits_trainings.parquet")
FRESH, ROWS, BROOD = 128, 100, 200


def seconds(name: str, job: Callable[[], object], repeats: int) -> None:
    """Run a job several times, and print how long it takes."""
    job()  # warm up: imports, caches of the processor
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        job()
        found.append(time.perf_counter() - start)
    print(f"{name:64} {statistics.median(found):7.3f} s ({min(found):.3f} to {max(found):.3f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genotypes", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    space = get_space("cnn", input_shape=(1, 8, 8))
    table = pd.read_parquet(TABLE).query("repeat == 0 and failure.isna()")
    rows = [
        Evaluation(Request(number, row.genotype, row.key, row.seed), Outcome(-row.loss[-1]))
        for number, row in enumerate(table.itertuples())
    ]
    graphs = [space.to_graph(space.decode(row.genotype)) for row in rows[:FRESH]]
    fitness = [row.fitness for row in rows[:FRESH]]
    rng = np.random.default_rng(0)
    texts = [space.encode(space.sample(rng)) for _ in range(args.genotypes)]
    print(f"{platform.machine()}, Python {platform.python_version()}, n = {args.repeats} repeats")

    with threadpool_limits(1, user_api="blas"):  # as in a search
        seconds(f"fit of {FRESH} rows", lambda: Surrogate().fit(graphs, fitness), args.repeats)
        brood = [space.decode(text) for text in texts[:BROOD]]
        screen = Prescreen(space)
        screen.tell(rows[: ROWS - 1])
        screen.scores(brood)
        known = iter(rows[ROWS - 1 :])

        def ask() -> None:
            screen.tell([next(known)])
            while screen._to_fit is None:  # rows are learned from by a twenty-fourth at a time
                screen.tell([next(known)])
            screen.scores(brood)

        seconds(f"refit from {ROWS + 4} rows on, scores of a brood of {BROOD}", ask, args.repeats)

    surrogate = Surrogate().fit(graphs, fitness)
    known_graphs = [space.to_graph(space.decode(text)) for text in texts]
    count = f"{args.genotypes:,}"
    seconds(f"{count} predictions from graphs in memory", lambda: surrogate.predict(known_graphs), args.repeats)

    def from_texts() -> None:
        surrogate.predict([space.to_graph(valid_genotype(space, text)) for text in texts])

    seconds(f"{count} predictions from texts", from_texts, args.repeats)
    with tempfile.TemporaryDirectory() as folder:
        surrogate.save(Path(folder) / "saved", space=space)
        (Path(folder) / "texts").write_text("\n".join(texts), encoding="utf-8")
        command = [sys.executable, "-m", "nasgen", "predict", f"{folder}/saved", f"{folder}/texts"]
        quietly = partial(subprocess.run, command, stdout=subprocess.DEVNULL, check=True)
        seconds(f"nasgen predict, {count} lines", quietly, args.repeats)


if __name__ == "__main__":
    main()
