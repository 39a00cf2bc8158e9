"""How well accuracy follows from the mask: the surrogate on groups of networks that it has not seen.

Stier, Darji, Granitzer 2021, sec. 4.4, predict accuracy from structure; there of CNNs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasgen.reproduce.tables import Row
from nasgen.statistics import mean_interval
from predictors import Surrogate
from predictors.metadataset import MetaDataset
from search_spaces import LabelledGraph, get_space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Networks:
    """Sparse networks: their graphs, and by name of a column what is known of them, shape (n,).

    ``fitness`` and ``density`` are among the columns.
    """

    graphs: Sequence[LabelledGraph]
    columns: Mapping[str, Floats]

    @classmethod
    def of(cls, rows: MetaDataset, *names: str) -> Networks:
        """Those of a meta-dataset's rows, with some more of its columns."""
        space = get_space(rows.space["name"], **rows.space["options"])
        graphs = [space.to_graph(space.decode(text)) for text in rows.columns["genotype"]]
        return cls(graphs, {name: rows.numbers(name) for name in ("fitness", "density", *names)})

    def __getitem__(self, name: str) -> Floats:
        """A column."""
        return self.columns[name]

    def where(self, chosen: Bools) -> Networks:
        """Some of them; ``chosen`` has the shape (n,)."""
        graphs = [self.graphs[place] for place in np.flatnonzero(chosen).tolist()]
        return Networks(graphs, {name: values[chosen] for name, values in self.columns.items()})


Predictor = Callable[[Networks, Networks], Floats]
"""From known networks to the fitness of others, shape (n,)."""

Measure = Callable[[Networks, Floats], float]
"""From networks and predictions of their fitness to a figure."""


def by_mask(known: Networks, asked: Networks) -> Floats:
    """What the surrogate predicts of the asked networks, from the features of masks."""
    return Surrogate().fit(known.graphs, known["fitness"]).predict(asked.graphs)


def by_density(known: Networks, asked: Networks) -> Floats:
    """The mean of the known networks of the same density; between densities, on a line over their logarithm."""
    levels, level = np.unique(known["density"], return_inverse=True)
    means = np.bincount(level, known["fitness"]) / np.bincount(level)
    return np.asarray(np.interp(np.log(asked["density"]), np.log(levels), means))


def by_method_and_density(known: Networks, asked: Networks) -> Floats:
    """The mean of the known networks of the same method and density; where there are none, as by density alone."""
    predicted = by_density(known, asked)
    for place, (method, density) in enumerate(zip(asked["method"], asked["density"], strict=True)):
        alike = known["fitness"][(known["method"] == method) & (known["density"] == density)]
        if len(alike):
            predicted[place] = alike.mean()
    return predicted


def held_out(
    networks: Networks,
    group: str,
    predictors: Sequence[Predictor],
    measures: Mapping[str, Measure],
    where: str = "",
) -> Iterator[Row]:
    """Measures of each predictor on one group after the other, from what it learned of the rest: mean and interval.

    ``group`` is a column; ``where`` is put behind each item.
    """
    groups = networks[group]
    folds = [(networks.where(groups != one), networks.where(groups == one)) for one in np.unique(groups)]
    predictions = {predictor: [predictor(known, asked) for known, asked in folds] for predictor in predictors}
    for measure, score in measures.items():
        for predictor, by_fold in predictions.items():
            values = [score(asked, found) for (_, asked), found in zip(folds, by_fold, strict=True)]
            mean, low, high = mean_interval(values)
            item = f"{measure}, {NAMES[predictor]}{where}"
            yield Row(item, None, mean, None, low, high, {"folds": len(values)})


def r2(asked: Networks, predicted: Floats) -> float:
    """The share of the variance that is explained, below 0 where the mean would be nearer."""
    from sklearn.metrics import r2_score

    return float(r2_score(asked["fitness"], predicted))


def error(asked: Networks, predicted: Floats) -> float:
    """The mean distance of predictions from fitness."""
    return float(np.abs(asked["fitness"] - predicted).mean())


def spearman(asked: Networks, predicted: Floats) -> float:
    """The correlation of ranks, from -1 to 1; 0 where either is constant."""
    from scipy.stats import spearmanr

    if len(predicted) < 2 or np.ptp(asked["fitness"]) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(spearmanr(asked["fitness"], predicted).statistic)


def spearman_within(asked: Networks, predicted: Floats) -> float:
    """The mean over densities of the correlation of ranks among the networks of one."""
    alike = [asked["density"] == density for density in np.unique(asked["density"])]
    return float(np.mean([spearman(asked.where(one), predicted[one]) for one in alike]))


MEASURES: Mapping[str, Measure] = {"R2": r2, "mean absolute error": error, "Spearman": spearman}

NAMES: Mapping[Predictor, str] = {
    by_mask: "surrogate on masks",
    by_density: "density alone",
    by_method_and_density: "method and density",
}
