"""How well surrogates rank NAS-Bench-201 from a few rows: ours beside a random forest on the features of GRAF.

    NASGEN_DATA=FOLDER python benchmarks/nasbench201_surrogate.py --out runs/ranking.jsonl [--rows reachable|all]
        [--sizes 32,128,1024] [--seeds 0:20] [--proxies] [--by-class] [--target cifar10_valid] [--models auto,graf-rf]
        [--features default]

Of every seed s, the rows ``default_rng(s).permutation(rows)[:n]`` are learned from and all others ranked (with
--by-class: those whose isomorphism class is not among them). Printed is Kendall's tau, the mean over seeds with its
95 % interval, the share of the others that the 90 % intervals hold, and the seconds of fit and prediction, on features
that stand ready. Results are appended to --out, and what stands there is not measured again.

GRAF: Kadlecova et al. 2024, "Surprisingly Strong Performance Prediction with Neural Graph Features", sec. 3, with
scikit-learn's random forest as it comes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictors import Surrogate, get_features
from predictors.metrics import coverage, kendall_tau
from search_spaces import get_space
from search_spaces.nasbench201 import EDGES, OPS

Floats = NDArray[np.float64]
RIVAL = "graf-rf"
NO_PATH = 5


def graf_row(ops: tuple[str, ...]) -> list[float]:
    """The 191 features of one cell: counts, and for every set of ops path lengths and degrees."""
    row: list[float] = [float(ops.count(op)) for op in OPS]
    for size in range(1, len(OPS) + 1):
        for allowed in combinations(OPS, size):
            edges = [edge for edge, op in zip(EDGES, ops, strict=True) if op in allowed]
            graph: nx.DiGraph[int] = nx.DiGraph(edges)
            graph.add_nodes_from(range(4))
            joined = nx.has_path(graph, 0, 3)
            paths = [len(path) - 1 for path in nx.all_simple_paths(graph, 0, 3)] if joined else []
            out, into = [graph.out_degree(node) for node in range(4)], [graph.in_degree(node) for node in range(4)]
            row += [min(paths, default=NO_PATH), max(paths, default=-1)]
            row += [out[0], into[3], sum(out) / 4, sum(into) / 4]
    return row


def table(folder: Path, rows: str, proxies: bool) -> tuple[pd.DataFrame, list[str]]:
    """The cells that are judged, and the names of the columns of proxies, none unless they are asked for."""
    cells = pd.read_csv(folder / "nb201.csv.gz")
    if rows == "reachable":
        cells = cells[cells["reachable"].astype(bool)]
    if not proxies:
        return cells.reset_index(drop=True), []
    scores = pd.read_csv(folder / "nb201_zc_proxies_c10.csv.gz").drop(columns="net")
    names = [name for name in scores if name != "arch_index"]
    return cells.merge(scores, on="arch_index").reset_index(drop=True), names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", choices=("reachable", "all"), default="reachable")
    parser.add_argument("--sizes", default="32,128,1024")
    parser.add_argument("--seeds", default="0:20")
    parser.add_argument("--proxies", action="store_true")
    parser.add_argument("--by-class", action="store_true")
    parser.add_argument("--target", default="cifar10_valid")
    parser.add_argument("--models", default=f"auto,{RIVAL}")
    parser.add_argument("--features", default="default")
    args = parser.parse_args()
    if "NASGEN_DATA" not in os.environ:
        raise SystemExit("NASGEN_DATA must name the folder that holds nb201.csv.gz")
    cells, proxies = table(Path(os.environ["NASGEN_DATA"]), args.rows, args.proxies)
    print(f"{platform.machine()}, Python {platform.python_version()}, {len(cells)} {args.rows} cells, {args.target}")
    judge = Judge(cells, proxies, args)
    low, high = map(int, args.seeds.split(":"))
    for size in map(int, args.sizes.split(",")):
        for model in args.models.split(","):
            rows = [judge.measured(model, size, seed) for seed in range(low, high)]
            columns = [summary(name, [row[name] for row in rows]) for name in rows[0]]
            print(f"n = {size:5}  {model:16} {'  '.join(columns)}", flush=True)


def summary(name: str, values: list[float]) -> str:
    """Mean and 95 % interval of the mean."""
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{name} {np.mean(values):.3f} +- {half:.3f}"


class Judge:
    """The rows with their features, and what has been measured on them."""

    def __init__(self, cells: pd.DataFrame, proxies: list[str], args: argparse.Namespace) -> None:
        self.args = args
        self.y = cells[args.target].to_numpy(dtype=np.float64)
        self.classes = cells["rep_index"].to_numpy()
        space = get_space("nasbench201")
        genotypes = [space.decode(text) for text in cells["arch_str"]]
        graphs = [space.to_graph(genotype) for genotype in genotypes]
        self.features = get_features(args.features).fit(graphs)
        self.values = self.features.compute(graphs)
        self.extra = {name: cells[name].to_numpy(dtype=np.float64) for name in proxies}
        self.graf: Floats | None = None
        self.genotypes = genotypes
        self.known: dict[str, dict[str, float]] = {}
        if args.out.exists():
            lines = [json.loads(line) for line in args.out.read_text(encoding="utf-8").splitlines()]
            self.known = {line["what"]: line["result"] for line in lines}

    def measured(self, model: str, size: int, seed: int) -> dict[str, float]:
        """The result of one fit, from the file if it stands there."""
        shown = [self.args.rows, self.args.target, self.args.features, self.args.proxies, self.args.by_class]
        what = json.dumps([model, size, seed, *shown])
        if what not in self.known:
            order = np.random.default_rng(seed).permutation(len(self.y))
            train, test = order[:size], order[size:]
            if self.args.by_class:
                test = test[~np.isin(self.classes[test], self.classes[train])]
            if model == RIVAL and self.graf is None:
                self.graf = np.array([graf_row(genotype.ops) for genotype in self.genotypes])
                self.graf = np.hstack([self.graf, *(values[:, None] for values in self.extra.values())])
            started = time.perf_counter()
            mean, std = self.rival(train, test, seed) if model == RIVAL else self.ours(model, train, test)
            seconds = time.perf_counter() - started
            result = {"tau": kendall_tau(self.y[test], mean)}
            if std is not None:
                result["coverage"] = coverage(self.y[test], mean, std)
            self.known[what] = result | {"seconds": seconds}
            self.args.out.parent.mkdir(parents=True, exist_ok=True)
            with self.args.out.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"what": what, "result": self.known[what]}) + "\n")
        return self.known[what]

    def ours(self, model: str, train: NDArray[np.intp], test: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Mean and spread of a surrogate."""
        some = {name: values[train] for name, values in self.extra.items()}
        surrogate = Surrogate(model, self.args.features)
        surrogate.fit_features(self.features, self.values[train], self.y[train], some)
        rows = np.hstack([self.values[test], *(values[test, None] for values in self.extra.values())])
        return surrogate.model_.predict(rows)

    def rival(self, train: NDArray[np.intp], test: NDArray[np.intp], seed: int) -> tuple[Floats, None]:
        """A random forest on GRAF, and on the proxies where they are there."""
        from sklearn.ensemble import RandomForestRegressor

        assert self.graf is not None
        forest = RandomForestRegressor(random_state=seed, n_jobs=1).fit(self.graf[train], self.y[train])
        return forest.predict(self.graf[test]), None


if __name__ == "__main__":
    main()
