"""The graphs and what the networks on them came to: properties recomputed, and accuracies by generator (Fig. 7)."""

from __future__ import annotations

import numpy as np

from nasgen.reproduce.rnn_priors.context import Context
from nasgen.reproduce.rnn_priors.plots import plot_accuracies
from nasgen.reproduce.rnn_priors.stored_tables import GENERATORS, Floats, Networks
from nasgen.reproduce.tables import Row, Table
from predictors import get_features
from predictors.features.properties import NAMES

CLOSE = 1e-9
"""Largest difference of a property: both are sums of doubles in another order."""

EXACT = ("layers", "source_nodes", "sink_nodes")


def property_tables(context: Context) -> list[Table]:
    """The 23 properties of every stored graph beside the stored values, and what the generators promise."""
    properties, counts = [], []
    for networks in context.networks.values():
        computed = get_features("graph23").compute(networks.graphs)
        worst = float(np.abs(computed - networks.properties).max())
        item = f"{networks.called}: largest difference of the 23 properties, at most {CLOSE:g}"
        properties.append(Row(item, 0.0, worst, worst <= CLOSE))
        for name in EXACT:
            column = NAMES.index(name)
            differing = int((computed[:, column] != networks.properties[:, column]).sum())
            item = f"{networks.called}: graphs of {len(networks)} whose {name} differ"
            properties.append(Row(item, 0, differing, differing == 0))
        counts += _counts(networks, computed)
    return [
        Table("Graph properties, recomputed from the stored graphs", tuple(properties)),
        Table(
            "Edges and sources of the stored graphs",
            tuple(counts),
            "BA: n vertices, m = n // 10, edges m (n - m); growth starts from m vertices without edges, which are then "
            "the sources. WS: every vertex with the k // 2 next ones on either side, k = n // 5.",
        ),
    ]


def _counts(networks: Networks, computed: Floats) -> list[Row]:
    """How many graphs do not have as many edges and sources as their generator gives."""
    n, edges, sources = (computed[:, NAMES.index(name)] for name in ("nodes", "edges", "source_nodes"))
    grown = networks.generators == "barabasi_albert"
    m = n // 10
    promised = {
        "BA graphs with other than m (n - m) edges": grown & (edges != m * (n - m)),
        "BA graphs with other than m sources": grown & (sources != m),
        "WS graphs with other than n (k // 2) edges": ~grown & (edges != n * (n // 5 // 2)),
    }
    found = {name: int(broken.sum()) for name, broken in promised.items()}
    return [Row(f"{networks.called}: {name}", 0, number, number == 0) for name, number in found.items()]


def accuracy_tables(context: Context) -> list[Table]:
    """Mean test accuracies by generator, and which is ahead."""
    from scipy.stats import ttest_ind

    rows = []
    for networks in context.networks.values():
        by_generator = {short: networks.accuracies[networks.generators == name] for name, short in GENERATORS.items()}
        rows += [
            Row(f"{networks.called}, {short}: mean test accuracy", None, float(values.mean()))
            for short, values in by_generator.items()
        ]
        ahead = by_generator["WS"].mean() - by_generator["BA"].mean()
        interval = ttest_ind(by_generator["WS"], by_generator["BA"], equal_var=False).confidence_interval()
        ends = float(interval.low), float(interval.high)
        rows.append(Row(f"{networks.called}: WS minus BA, above 0", None, float(ahead), bool(ahead > 0), *ends))
    return [
        Table(
            "Test accuracy by generator (Fig. 7)",
            tuple(rows),
            "The text of the paper has BA ahead of WS on LSTM and GRU and level on Tanh and ReLU; its data have WS "
            "ahead on all four, and that is what is held. Intervals of the difference: 95 %, Welch.",
            plot_accuracies(context.networks),
        )
    ]
