"""Strategies at equal queries on NAS-Bench-201 look-ups: queries to the optimum, regret, and who beats whom.

    python benchmarks/nasbench201_search.py nb201.csv.gz --seeds 100           the claim, seeds 0..99
    python benchmarks/nasbench201_search.py nb201.csv.gz --fitness cifar100_test --seeds 100
    python benchmarks/nasbench201_search.py nb201.csv.gz --ablation            options of evolution, seeds 100..119

Queries are unique cells. Regret is the distance of the best fitness found so far from the best of the table, in
points; a search that did not find the best counts as one query more than it had. One that finds it ends there, for
nothing after it changes what is shown. Searches are kept in --cache as they come, so that a second call goes on where
the first was cut off.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits

from nasgen import Evolution, GenerationalEvolution, LocalSearch, RandomSearch, RegularizedEvolution, Store
from nasgen.engine.run import Run
from nasgen.executors import InlineExecutor
from nasgen.executors.faults import Dispatcher
from nasgen.strategies.prescreen import Prescreen
from nasgen.training.evaluators import TableEvaluator
from search_spaces import get_space

Maker = Callable[..., Any]
CHECKPOINTS = (50, 100, 200)
TESTED = 80
"""The queries after which the best by fitness is tested."""


def evolution(space: Any, asked: Any, *, model: str | None = "auto", features: str = "default", **options: Any) -> Any:
    prescreen = Prescreen(space, model, features) if model else None
    return Evolution(space, asked, prescreen=prescreen, **options)


def paper(space: Any, asked: Any, *, model: str | None = "auto", **options: Any) -> Any:
    prescreen = Prescreen(space, model) if model else None
    return GenerationalEvolution(space, asked, prescreen=prescreen, **options)


CLAIM: Mapping[str, Maker] = {
    "evolution + surrogate": evolution,
    "evolution": partial(evolution, model=None),
    "paper profile": paper,
    "paper profile, fraction 0": partial(paper, model=None, estimation=0.0),
    "regularized evolution": RegularizedEvolution,
    "local search": LocalSearch,
    "random": RandomSearch,
}

ABLATION: Mapping[str, Maker] = {
    "default": evolution,
    "random forest": partial(evolution, model="random-forest"),
    "Gaussian process": partial(evolution, model="gp"),
    "boosted trees": partial(evolution, model="xgboost"),
    "the paper's 56 features": partial(evolution, features="cnn56"),
    "brood 64": partial(evolution, brood=64),
    "brood 400": partial(evolution, brood=400),
    "optimism 0": partial(evolution, optimism=0.0),
    "optimism .5": partial(evolution, optimism=0.5),
    "optimism 2": partial(evolution, optimism=2.0),
    "expected improvement": partial(evolution, acquisition="ei"),
    "Thompson": partial(evolution, acquisition="thompson"),
    "no newcomers": partial(evolution, newcomers=0.0),
    "a fifth newcomers": partial(evolution, newcomers=0.2),
    "no crossover": partial(evolution, crossover=0.0),
    "crossover .2": partial(evolution, crossover=0.2),
    "population 10": partial(evolution, population=10),
    "population 40": partial(evolution, population=40),
    "initial 10": partial(evolution, initial=10),
    "initial 30": partial(evolution, initial=30),
    "exploration .25": partial(evolution, exploration=0.25),
}


def trajectory(make: Maker, table: str, fitness: str, seed: int, queries: int) -> list[str]:
    """The text of every query, in order; after the best of the table, which ends the search, that one again."""
    space = get_space("nasbench201")
    best = pd.read_csv(table, usecols=[fitness])[fitness].max()
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "store.sqlite") as store:
        strategy = make(space, lambda key: store.was_asked(key, "search"))
        dispatcher = Dispatcher(InlineExecutor(TableEvaluator(table, fitness)))
        run = Run(
            *(space, strategy, dispatcher, store),
            seed=seed,
            evaluations=queries,
            asks_left=lambda in_flight: 0 if best in found else math.inf,
            on_result=lambda request, outcome: found.append(outcome.fitness),
        )
        with threadpool_limits(1, user_api="blas"):  # as in `nasgen search`: the same digits on every machine
            run()
        asked = [row.genotype for row in store.evaluations()]
    return asked + asked[-1:] * (queries - len(asked))


def job(name: str, makers: str, table: str, fitness: str, seed: int, queries: int) -> tuple[str, int, list[str]]:
    return name, seed, trajectory({"claim": CLAIM, "ablation": ABLATION}[makers][name], table, fitness, seed, queries)


def collect(args: argparse.Namespace, names: list[str], seeds: range) -> dict[str, list[list[str]]]:
    """Searches by strategy and seed: from the cache, or run now."""
    makers = "ablation" if args.ablation else "claim"
    done: dict[tuple[str, int], list[str]] = {}
    if args.cache.exists():
        for line in args.cache.read_text().splitlines():
            entry = json.loads(line)
            if entry["fitness"] == args.fitness and len(entry["queries"]) >= args.queries:
                done[entry["name"], entry["seed"]] = entry["queries"]
    open_jobs = [(name, seed) for name in names for seed in seeds if (name, seed) not in done]
    with ProcessPoolExecutor(args.processes) as pool, args.cache.open("a") as cache:
        futures = [
            pool.submit(job, name, makers, args.table, args.fitness, seed, args.queries) for name, seed in open_jobs
        ]
        for number, future in enumerate(futures, start=1):
            name, seed, asked = future.result()
            done[name, seed] = asked
            cache.write(json.dumps({"name": name, "fitness": args.fitness, "seed": seed, "queries": asked}) + "\n")
            cache.flush()
            print(f"\r{number}/{len(futures)} searches", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {name: [done[name, seed] for seed in seeds] for name in names}


def report(args: argparse.Namespace, searches: dict[str, list[list[str]]], table: pd.DataFrame) -> None:
    points = [point for point in CHECKPOINTS if point <= args.queries] or [args.queries]
    best = table[args.fitness].max()
    values = {
        name: np.array([table[args.fitness].loc[asked[: args.queries]] for asked in lists])
        for name, lists in searches.items()
    }
    regret = {name: best - np.maximum.accumulate(found, axis=1) for name, found in values.items()}
    n = len(next(iter(regret.values())))
    print(f"{args.fitness}, n = {n} seeds, {platform.machine()}, Python {platform.python_version()}")
    print(
        f"{'':28}{'queries to the optimum':>24}{'found':>7}{args.test + ' @' + str(TESTED):>21}   mean regret (error)"
    )
    for name, rows in regret.items():
        found = np.where((rows <= 0).any(axis=1), (rows <= 0).argmax(axis=1) + 1, args.queries + 1)
        low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
        chosen = values[name][:, :TESTED].argmax(axis=1)  # by the fitness, as a search would
        tested = table[args.test].loc[[asked[place] for asked, place in zip(searches[name], chosen, strict=True)]]
        cells = [rows[:, point - 1] for point in points]
        print(
            f"{name:28}{middle:5.0f} ({low:.0f} to {high:.0f}), all by {found.max():.0f}{'':3}"
            f"{(found <= args.queries).mean():7.0%}"
            f"{tested.mean():12.3f} ({tested.std() / np.sqrt(n):.3f})"
            + "".join(
                f"  @{point} {cell.mean():.3f} ({cell.std(ddof=1) / np.sqrt(n):.3f})"
                for point, cell in zip(points, cells, strict=True)
            )
        )
    first = next(iter(regret))
    pairs = [(first, name) for name in regret if name != first]
    further = [("evolution", "random"), ("paper profile", "paper profile, fraction 0"), ("paper profile", "random")]
    pairs += [pair for pair in further if set(pair) <= set(regret)]
    for point in points:
        for better, worse in pairs:
            difference = regret[worse][:, point - 1] - regret[better][:, point - 1]
            p = wilcoxon(difference, alternative="greater").pvalue if np.any(difference) else 1.0
            print(f"@{point}: {better} beats {worse} by {difference.mean():+.3f} points, Wilcoxon p = {p:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--fitness", default="cifar10_valid")
    parser.add_argument("--test", default="cifar10_test", help="column of the accuracy that is reported")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--only", nargs="*", help="names of variants")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path("nasbench201_search.jsonl"))
    args = parser.parse_args()
    names = args.only or list(ABLATION if args.ablation else CLAIM)
    seeds = range(100, 100 + args.seeds) if args.ablation else range(args.seeds)
    report(args, collect(args, names, seeds), pd.read_csv(args.table, index_col="arch_str"))


if __name__ == "__main__":
    main()
