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
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import r2_score

from nasgen.reproduce.rnn_priors.correlations import bootstrapped, correlation_rows
from nasgen.reproduce.rnn_priors.folds import Regression, Rows, by_surrogate, predicted_on_folds
from nasgen.reproduce.rnn_priors.plots import COLOURS, plot_correlations
from nasgen.reproduce.rnn_priors.stored_tables import CELLS, GENERATORS, Floats, Networks
from nasgen.reproduce.tables import Row
from predictors.features.properties import NAMES
from predictors.metrics import kendall_tau
from predictors.models import get_model
from search_spaces import LabelledGraph
from search_spaces.rnn.genotype import decode

Interval = tuple[float, float, float]
"""A value with the ends of its 95 % interval."""

Trainings = tuple[Networks, Networks]
"""The networks of a cell with the accuracies of their first and of their second training."""

TABLE = Path(__file__).resolve().with_name("rnn_priors.parquet")

TRAININGS = ("first", "second")

GUESSED = 0.5
"""Accuracy of a network that always says the same: half of the strings are Reber strings."""

LEARNED, FAILED = 0.99, 0.55
RESAMPLES = 2000
SEED = 0


def read_table() -> pd.DataFrame:
    """The trainings, a row each, with the columns cell, generator, training and accuracy."""
    rows = pd.read_parquet(TABLE)
    rows["cell"] = pd.Categorical([_cell(decode(text).cell) for text in rows["genotype"]], CELLS)
    rows["training"] = rows.groupby("genotype_id").cumcount()
    m = rows["nodes"] // 10
    grown = rows["edges"] == m * (rows["nodes"] - m)  # a Watts-Strogatz graph has m * nodes
    rows["generator"] = np.where(grown, "barabasi_albert", "watts_strogatz")
    rows["accuracy"] = rows["fitness"].fillna(GUESSED)
    return rows


def _cell(kind: str) -> str:
    """As the authors' files call it."""
    return {"tanh": "rnn_tanh", "relu": "rnn_relu"}.get(kind, kind)


def trainings_of(rows: pd.DataFrame) -> Trainings:
    """The networks of one cell's rows."""
    once = rows[rows["training"] == 0]
    genotypes = [decode(text) for text in once["genotype"]]
    accuracies = rows.pivot(index="genotype_id", columns="training", values="accuracy").loc[once["genotype_id"]]
    first = Networks(
        once["cell"].iloc[0],
        tuple(LabelledGraph(("neuron",) * one.size, one.edges) for one in genotypes),
        once["generator"].to_numpy(),
        once.groupby("generator").cumcount().to_numpy(),
        once[list(NAMES)].to_numpy(),
        accuracies[0].to_numpy(),
    )
    return first, replace(first, accuracies=accuracies[1].to_numpy())


def mean_of(trainings: Trainings) -> Networks:
    """The networks with the mean accuracies of both trainings."""
    first, second = trainings
    return replace(first, accuracies=(first.accuracies + second.accuracies) / 2)


def show_accuracies(rows: pd.DataFrame) -> None:
    """What the networks came to in each training, by generator."""
    print("| cell | generator | training | networks | mean | quartiles | learned | guess | diverged |")
    for (cell, generator, training), some in rows.groupby(["cell", "generator", "training"], observed=True):
        values = some["accuracy"]
        quartiles = ", ".join(f"{value:.4f}" for value in values.quantile([0.25, 0.5, 0.75]))
        counts = [(values >= LEARNED).sum(), (values < FAILED).sum(), some["fitness"].isna().sum()]
        figures = [TRAININGS[training], len(values), f"{values.mean():.4f}", quartiles, *counts]
        print(f"| {CELLS[cell]} | {GENERATORS[generator]} | {' | '.join(map(str, figures))} |")


def show_correlations(cells: Mapping[str, Trainings]) -> None:
    """Those of every property: published, of each training, and within each generator those of the mean accuracy."""
    for cell, trainings in cells.items():
        columns = [correlations(networks) for networks in trainings]
        columns += [correlations(mean_of(trainings), generator) for generator in GENERATORS]
        heads = [*(f"{one} training" for one in TRAININGS), *(f"{one} alone, mean" for one in GENERATORS.values())]
        print(f"\n| {CELLS[cell]} | published | {' | '.join(heads)} |")
        for row in zip(*columns, strict=True):
            values = (written((one.ours, one.low, one.high)) for one in row)
            print(f"| {row[0].more['property']} | {row[0].paper:.2f} | {' | '.join(values)} |")


def correlations(networks: Networks, generator: str | None = None) -> list[Row]:
    """Of each published property, the same whatever else was drawn before."""
    return correlation_rows(np.random.default_rng(SEED), networks, generator)


def show_predictions(cells: Mapping[str, Trainings]) -> None:
    """What the surrogate predicts of networks that it has not learned from, and what a second training does."""
    firsts = {cell: first for cell, (first, _) in cells.items()}
    predicted = predicted_on_folds(firsts, SEEN, lambda line: print(line, file=sys.stderr))
    heads = [f"{score}, {seen}" for score in ("R2", "tau") for seen in SEEN]
    print(f"\n| cell | correlation of two trainings | {' | '.join(heads)} |")
    for cell, (first, second) in cells.items():
        y = first.accuracies
        agreement = bootstrapped(np.random.default_rng(SEED), second.accuracies[:, None], y)
        scores = [over_networks(score, y, predicted[cell, seen]) for score in (r2_score, kendall_tau) for seen in SEEN]
        print(f"| {CELLS[cell]} | {' | '.join(written(value) for value in (*agreement, *scores))} |")


def _by_size(networks: Networks, rows: Rows, others: Rows, _: int) -> Floats:
    """The surrogate's model of structure, told of the numbers of neurons and edges alone."""
    size = networks.properties[:, [NAMES.index("nodes"), NAMES.index("edges")]]
    return get_model("structure").fit(size[rows], networks.accuracies[rows]).predict(size[others])[0]


SEEN = {"all of the graph": Regression(by_surrogate, 1.0), "neurons and edges alone": Regression(_by_size, 1.0)}
"""What the surrogate is told of a network."""


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


def plot_errors(cells: Mapping[str, Trainings], out: Path) -> None:
    """How often each network errs after its first training, by the number of its neurons in the first layer."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    panels = figure.subplots(1, len(CELLS), sharey=True)
    column = NAMES.index("source_nodes")
    for panel, (first, _) in zip(panels, cells.values(), strict=True):
        for generator, short in GENERATORS.items():
            mine = first.generators == generator
            errors = 1 - first.accuracies[mine]
            panel.scatter(first.properties[mine, column], errors, s=14, alpha=0.7, lw=0, c=COLOURS[short])
        panel.set(title=first.called, xlabel="neurons in the first layer")
        panel.set_yscale("symlog", linthresh=1e-3)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("share of validation strings misread")
    shorts = GENERATORS.values()
    figure.legend([panels[0].scatter([], [], c=COLOURS[one]) for one in shorts], shorts, loc="outside right upper")
    figure.savefig(out, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = read_table()
    show_accuracies(rows)
    cells = {cell: trainings_of(some) for cell, some in rows.groupby("cell", observed=True)}
    show_correlations(cells)
    show_predictions(cells)
    means = [mean_of(trainings) for trainings in cells.values()]
    alone = [row for one in means for generator in GENERATORS for row in correlations(one, generator)]
    picture = plot_correlations([row for one in means for row in correlations(one)], alone)
    (args.out / "correlations.png").write_bytes(picture.png)
    plot_errors(cells, args.out / "accuracies.png")


if __name__ == "__main__":
    main()
