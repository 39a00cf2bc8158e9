"""Is accuracy predicted by structure? What the table of recurrent networks beside this file says, with intervals.

    python benchmarks/rnn_priors_structure.py --out docs/rnn-priors

Printed are, for each kind of cell: the accuracies; the Pearson correlation of graph properties with accuracy,
among all networks and within each generator, beside the published one (Stier, Darji, Granitzer 2021, sec. 4.3, Table
1); how far two trainings of one network agree; R2 and Kendall's tau of networks that the surrogate has not learned
from, told of the whole graph or of its size alone. A network that diverged counts as one that guesses. Into --out go
two plots.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from nasgen.reproduce.rnn_correlations import COLUMNS, PUBLISHED, bootstrapped
from nasgen.reproduce.units import each_unit
from predictors import Surrogate
from predictors.features.properties import NAMES
from predictors.metrics import kendall_tau
from predictors.models import get_model
from search_spaces import LabelledGraph
from search_spaces.rnn.genotype import decode

Floats = NDArray[np.float64]
Interval = tuple[float, float, float]
"""A value with the ends of its 95 % interval."""

TABLE = Path(__file__).resolve().with_name("rnn_priors.parquet")

CELLS: Mapping[str, str] = {"tanh": "Tanh", "relu": "ReLU", "lstm": "LSTM", "gru": "GRU"}
GENERATORS = ("WS", "BA")
COLOURS = {"WS": "tab:blue", "BA": "tab:orange"}

GUESSED = 0.5
"""Accuracy of a network that always says the same: half of the strings are Reber strings."""

LEARNED, FAILED = 0.99, 0.55
FOLDS = 10
SHUFFLES = range(10)
RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True)
class Networks:
    """The n networks of one cell.

    ``properties`` has the shape (n, 23); ``accuracies`` the shape (n, 2), one column a training, and ``diverged`` says
    which of these are guesses; ``generators`` names that of each graph.
    """

    graphs: tuple[LabelledGraph, ...]
    properties: Floats
    accuracies: Floats
    diverged: NDArray[np.bool_]
    generators: NDArray[np.str_]

    @property
    def first(self) -> Floats:
        """The accuracies of the first training, shape (n,)."""
        return self.accuracies[:, 0]

    @property
    def mean(self) -> Floats:
        """The mean accuracies of both trainings, shape (n,)."""
        return self.accuracies.mean(axis=1)


SEEN = ("all of the graph", "neurons and edges alone")
"""What the surrogate is told of a network."""


class Fold(NamedTuple):
    """A tenth of the networks of one cell, to be predicted from what is seen of the others."""

    cell: str
    seen: str
    shuffle: int
    fold: int


def read_table() -> dict[str, Networks]:
    """The networks by cell."""
    rows = pd.read_parquet(TABLE)
    rows["cell"] = [decode(text).cell for text in rows["genotype"]]
    rows["training"] = rows.groupby("genotype_id").cumcount()
    return {cell: _networks(rows[rows["cell"] == cell]) for cell in CELLS}


def _networks(rows: pd.DataFrame) -> Networks:
    once = rows[rows["training"] == 0]
    fitness = rows.pivot(index="genotype_id", columns="training", values="fitness").loc[once["genotype_id"]].to_numpy()
    genotypes = [decode(text) for text in once["genotype"]]
    m = once["nodes"] // 10
    grown = once["edges"] == m * (once["nodes"] - m)  # a Watts-Strogatz graph has m * nodes
    return Networks(
        tuple(LabelledGraph(("neuron",) * one.size, one.edges) for one in genotypes),
        once[list(NAMES)].to_numpy(),
        np.where(np.isnan(fitness), GUESSED, fitness),
        np.isnan(fitness),
        np.where(grown, "BA", "WS"),
    )


def show_accuracies(cells: Mapping[str, Networks]) -> None:
    """What the networks came to in their first training, by generator."""
    print("| cell | generator | networks | mean | quartiles | learned | guess | diverged |")
    for cell, networks in cells.items():
        for generator in GENERATORS:
            mine = networks.generators == generator
            values = networks.first[mine]
            quartiles = ", ".join(f"{value:.4f}" for value in np.quantile(values, [0.25, 0.5, 0.75]))
            counts = [(values >= LEARNED).sum(), (values < FAILED).sum(), networks.diverged[mine, 0].sum()]
            figures = [len(values), f"{values.mean():.4f}", quartiles, *counts]
            print(f"| {CELLS[cell]} | {generator} | {' | '.join(map(str, figures))} |")


def show_correlations(cells: Mapping[str, Networks]) -> None:
    """Those of every property: published, of each training, and within each generator those of the mean accuracy."""
    for place, (cell, networks) in enumerate(cells.items()):
        everyone = np.ones(len(networks.graphs), dtype=bool)
        columns = [correlations(networks, accuracies, everyone) for accuracies in networks.accuracies.T]
        columns += [correlations(networks, networks.mean, networks.generators == one) for one in GENERATORS]
        heads = ["first training", "second training", *(f"{generator} alone, mean" for generator in GENERATORS)]
        print(f"\n| {CELLS[cell]} | published | {' | '.join(heads)} |")
        for name, published in PUBLISHED.items():
            print(f"| {name} | {published[place]:.2f} | {' | '.join(written(one[name]) for one in columns)} |")


def show_predictions(cells: Mapping[str, Networks]) -> None:
    """What the surrogate predicts of networks that it has not learned from, and what a second training does."""
    told = predicted(cells)
    heads = [f"{score}, {seen}" for score in ("R2", "tau") for seen in SEEN]
    print(f"\n| cell | correlation of two trainings | {' | '.join(heads)} |")
    for cell, networks in cells.items():
        agreement = bootstrapped(np.random.default_rng(SEED), networks.accuracies[:, 1:], networks.first)
        scores = [
            over_networks(score, networks.first, told[cell, seen]) for score in (r2_score, kendall_tau) for seen in SEEN
        ]
        print(f"| {CELLS[cell]} | {' | '.join(written(value) for value in (*agreement, *scores))} |")


def correlations(networks: Networks, accuracies: Floats, rows: NDArray[np.bool_]) -> dict[str, Interval]:
    """Of the properties of some of the networks with accuracies of shape (n,), by property."""
    found = bootstrapped(np.random.default_rng(SEED), networks.properties[rows][:, COLUMNS], accuracies[rows])
    return dict(zip(PUBLISHED, found, strict=True))


def predicted(cells: Mapping[str, Networks]) -> dict[tuple[str, str], Floats]:
    """Each network's accuracy as it is told from the other folds, by cell and what is seen, shape (shuffles, n)."""
    told = {(cell, seen): np.empty((len(SHUFFLES), len(cells[cell].graphs))) for cell in cells for seen in SEEN}
    folds = [Fold(*key, shuffle, fold) for key in told for shuffle in SHUFFLES for fold in range(FOLDS)]
    for unit, values in each_unit(_predict, cells, folds, "folds", lambda line: print(line, file=sys.stderr)):
        row = told[unit[:2]][SHUFFLES.index(unit.shuffle)]
        row[_split(len(row), unit)[1]] = values
    return told


def _split(n: int, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return list(KFold(FOLDS, shuffle=True, random_state=fold.shuffle).split(np.empty(n)))[fold.fold]


def _predict(cells: Mapping[str, Networks], fold: Fold) -> Floats:
    networks = cells[fold.cell]
    rows, others = _split(len(networks.graphs), fold)
    if fold.seen == SEEN[0]:
        surrogate = Surrogate().fit([networks.graphs[row] for row in rows], networks.first[rows])
        return surrogate.predict([networks.graphs[row] for row in others])
    size = networks.properties[:, [NAMES.index("nodes"), NAMES.index("edges")]]
    return get_model("structure").fit(size[rows], networks.first[rows]).predict(size[others])[0]


def over_networks(score: Callable[[Floats, Floats], float], y: Floats, told: Floats) -> Interval:
    """The mean score over shuffles, with an interval over networks drawn with replacement."""
    rng = np.random.default_rng(SEED)
    drawn = [rng.integers(len(y), size=len(y)) for _ in range(RESAMPLES)]
    values = [np.mean([score(y[rows], one[rows]) for one in told]) for rows in drawn if np.ptp(y[rows])]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(np.mean([score(y, one) for one in told])), float(low), float(high)


def written(interval: Interval) -> str:
    """An interval for a table."""
    value, low, high = (f"{number:.2f}".replace("0.", ".", 1) for number in interval)
    return f"{value} ({low} to {high})"


def plot_correlations(cells: Mapping[str, Networks], out: Path) -> None:
    """The correlations of all networks with the mean of both trainings, and as published."""
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, len(CELLS), sharex=True, sharey=True)
    y = -np.arange(len(PUBLISHED))
    for place, (panel, (cell, networks)) in enumerate(zip(panels, cells.items(), strict=True)):
        found = correlations(networks, networks.mean, np.ones(len(networks.graphs), dtype=bool))
        values, low, high = np.array(list(found.values())).T
        errors = [values - low, high - values]
        panel.errorbar(values, y, xerr=errors, ls="", marker="o", ms=3.5, lw=1, color="black", label="mean of two")
        published = [values[place] for values in PUBLISHED.values()]
        panel.plot(published, y, "x", color="tab:red", label="published", zorder=3)
        panel.axvline(0, color="gray", lw=0.8)
        panel.set(title=CELLS[cell], xlabel="Pearson correlation")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(y, [name.replace("_", " ") for name in PUBLISHED])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.savefig(out, dpi=130)


def plot_accuracies(cells: Mapping[str, Networks], out: Path) -> None:
    """How often each network errs, by the number of its neurons in the first layer."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, len(CELLS), sharey=True)
    column = NAMES.index("source_nodes")
    for panel, (cell, one) in zip(panels, cells.items(), strict=True):
        for generator in GENERATORS:
            mine = one.generators == generator
            errors = 1 - one.first[mine]
            panel.scatter(one.properties[mine, column], errors, s=14, alpha=0.7, lw=0, c=COLOURS[generator])
        panel.set(title=CELLS[cell], xlabel="neurons in the first layer")
        panel.set_yscale("symlog", linthresh=1e-3)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("share of validation strings misread")
    figure.legend(
        [panels[0].scatter([], [], c=COLOURS[one]) for one in GENERATORS], GENERATORS, loc="outside right upper"
    )
    figure.savefig(out, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cells = read_table()
    show_accuracies(cells)
    show_correlations(cells)
    show_predictions(cells)
    plot_correlations(cells, args.out / "correlations.png")
    plot_accuracies(cells, args.out / "accuracies.png")


if __name__ == "__main__":
    main()
