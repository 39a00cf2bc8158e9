"""Pictures of what two benchmarks have measured: how well surrogates rank, and how soon searches find the best.

    python benchmarks/surrogate_plots.py nb201.csv.gz --ranking runs/ranking.jsonl --searches nasbench201_search.jsonl
        --out docs/surrogate

Reads what ``nasbench201_surrogate.py`` (without proxies, target cifar10_valid) and ``nasbench201_search.py`` have
written, and writes ``ranking.png`` and ``searches.png``. Bars are 95 % intervals of the mean over seeds.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")

from matplotlib import pyplot as plt  # after the backend is chosen

ROWS = {"reachable": "9,445 cells whose output hangs on the input", "all": "all 15,625 cells"}
MODELS = {"auto": "nasgen", "graf-rf": "random forest on GRAF"}
TARGETS = {"cifar10_valid": "CIFAR-10, validation", "cifar100_test": "CIFAR-100, test"}
COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:gray")


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plot_ranking(path: Path, out: Path) -> None:
    """Kendall's tau by the number of trained cells."""
    taus: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines_of(path):
        model, size, _, rows, target, features, proxies, by_class = json.loads(line["what"])
        if (target, features, proxies, by_class) == ("cifar10_valid", "default", False, False):
            taus[rows, model][size].append(line["result"]["tau"])
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, (rows, title) in zip(panels, ROWS.items(), strict=True):
        for colour, (model, label) in zip(COLOURS, MODELS.items(), strict=False):
            sizes = sorted(taus[rows, model])
            found = [np.array(taus[rows, model][size]) for size in sizes]
            errors = [1.96 * one.std(ddof=1) / np.sqrt(len(one)) for one in found]
            panel.errorbar(
                sizes, [one.mean() for one in found], errors, label=label, color=colour, marker="o", capsize=3
            )
        panel.set(title=title, xscale="log", xlabel="cells whose accuracy is known")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("Kendall's tau on all others")
    panels[0].legend()
    figure.savefig(out, dpi=150)


def plot_searches(path: Path, table: pd.DataFrame, out: Path) -> None:
    """The share of searches that have found the best cell, by the number of queries."""
    lines = lines_of(path)
    names = list(dict.fromkeys(line["name"] for line in sorted(lines, key=lambda line: line["name"] == "random")))
    names.sort(key=lambda name: "surrogate" not in name)
    figure, panels = plt.subplots(1, len(TARGETS), figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, (fitness, title) in zip(panels, TARGETS.items(), strict=True):
        values = table[fitness]
        for colour, name in zip(COLOURS, names, strict=False):
            searches = [line["queries"] for line in lines if (line["name"], line["fitness"]) == (name, fitness)]
            queries = min(map(len, searches))
            there = np.array([np.maximum.accumulate(values.loc[one[:queries]]) >= values.max() for one in searches])
            panel.step(np.arange(1, queries + 1), 100 * there.mean(axis=0), where="post", label=name, color=colour)
        panel.set(title=title, xlabel="cells queried")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("searches that have found the best, %")
    panels[1].legend()
    figure.savefig(out, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--ranking", type=Path, required=True)
    parser.add_argument("--searches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    plot_ranking(args.ranking, args.out / "ranking.png")
    plot_searches(args.searches, pd.read_csv(args.table, index_col="arch_str"), args.out / "searches.png")


if __name__ == "__main__":
    main()
