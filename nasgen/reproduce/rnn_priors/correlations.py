"""Pearson correlations of graph properties with test accuracy (Stier, Darji, Granitzer 2021, sec. 4.3, Table 1)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.plots import plot_correlations
from nasgen.reproduce.rnn_priors.stored_tables import CELLS, GENERATORS, Floats, Networks
from nasgen.reproduce.tables import Row, Table, within
from predictors.features.properties import NAMES

PUBLISHED: Mapping[str, tuple[float, float, float, float]] = {
    "layers": (0.25, 0.30, 0.28, 0.34),
    "nodes": (0.40, 0.44, 0.44, 0.49),
    "edges": (0.38, 0.43, 0.42, 0.49),
    "source_nodes": (0.35, 0.47, 0.57, 0.74),
    "diameter": (-0.23, -0.27, -0.32, -0.20),
    "density": (0.29, 0.15, 0.29, 0.34),
    "average_shortest_path_length": (-0.27, -0.25, -0.36, -0.23),
    "eccentricity_var": (-0.22, -0.24, -0.30, -0.21),
    "degree_var": (-0.28, -0.26, -0.39, -0.58),
    "closeness_var": (-0.46, -0.39, -0.51, -0.67),
    "nodes_betweenness_var": (-0.49, -0.41, -0.56, -0.52),
    "edge_betweenness_var": (-0.34, -0.30, -0.44, -0.26),
}
"""Of Tanh, ReLU, LSTM and GRU."""

ROUNDING = 0.005

RESAMPLES = 2000
SEED = 0

COLUMNS = [NAMES.index(name) for name in PUBLISHED]


def correlation_tables(context: Context) -> list[Table]:
    """The published correlations beside ours, and the same within each generator."""
    rng = np.random.default_rng(SEED)
    overall: list[Row] = []
    alone: list[Row] = []
    for networks in context.networks.values():
        overall += correlation_rows(rng, networks)
        for generator in GENERATORS:
            alone += correlation_rows(rng, networks, generator)
    note = f"Intervals: 95 %, percentiles of {RESAMPLES:,} bootstrap samples of the networks."
    return [
        Table(
            "Pearson correlation with test accuracy (Table 1)",
            tuple(overall),
            f"Held to two decimals, as published. {note}",
            plot_correlations(overall, alone),
        ),
        Table(
            "Pearson correlation with test accuracy within each generator",
            tuple(alone),
            f"Not in the paper. {note} A constant property has no correlation.",
        ),
    ]


def correlation_rows(rng: np.random.Generator, networks: Networks, generator: str | None = None) -> list[Row]:
    """A row for each published property: of all networks beside the published figure, or of one generator's alone."""
    called, more = networks.called, {"cell": networks.called}
    some = np.ones(len(networks), dtype=bool)
    if generator is not None:
        some = networks.generators == generator
        called, more = f"{called}, {GENERATORS[generator]} alone", {**more, "generator": GENERATORS[generator]}
    found = bootstrapped(rng, networks.properties[some][:, COLUMNS], networks.accuracies[some])
    place = list(CELLS).index(networks.cell)
    rows = []
    for (name, published), (value, low, high) in zip(PUBLISHED.items(), found, strict=True):
        paper = published[place] if generator is None else None
        holds = None if paper is None else within(paper, value, ROUNDING)
        rows.append(Row(f"{called}: {name}", paper, value, holds, low, high, {**more, "property": name}))
    return rows


def bootstrapped(rng: np.random.Generator, X: Floats, y: Floats) -> list[tuple[float, float, float]]:
    """The correlation of each column with the targets, and its 95 % interval over rows drawn with replacement.

    Parameters
    ----------
    rng
        Draws the rows.
    X, y
        Shape (n, d) and (n,).

    Returns
    -------
    Value, lower and upper end of each column; nan for one that does not vary.
    """
    n = len(y)
    value = weighted_correlations(np.ones((1, n)), X, y)[0]
    drawn = weighted_correlations(rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES), X, y)
    ends = np.full((2, len(value)), np.nan)
    known = np.isfinite(value)  # a sample may lack all variation where the rows have some
    ends[:, known] = np.nanpercentile(drawn[:, known], [2.5, 97.5], axis=0)
    return [(float(one), float(low), float(high)) for one, low, high in zip(value, *ends, strict=True)]


def weighted_correlations(weights: NDArray[np.integer] | Floats, X: Floats, y: Floats) -> Floats:
    """Pearson's correlation of each column with the targets where row i counts so many times, shape (k, d).

    Parameters
    ----------
    weights
        Shape (k, n), each row with the sum n.
    X, y
        Shape (n, d) and (n,).
    """
    n = len(y)
    Z, t = X - X.mean(axis=0), y - y.mean()
    mean_z, mean_t = weights @ Z / n, weights @ t / n
    covariance = weights @ (Z * t[:, None]) / n - mean_z * mean_t[:, None]
    spread_z = weights @ Z**2 / n - mean_z**2
    spread_t = weights @ t**2 / n - mean_t**2
    scale = np.ptp(X, axis=0) ** 2 * np.ptp(y) ** 2
    spread = spread_z * spread_t[:, None]
    varies = (spread > 1e-12 * scale) & (scale > 0)
    return np.where(varies, covariance / np.sqrt(np.where(varies, spread, 1.0)), np.nan)
