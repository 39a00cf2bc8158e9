"""How well accuracy follows from the mask: the surrogate on networks of a seed that it has not seen.

Stier, Darji, Granitzer 2021, sec. 4.4, predict accuracy from structure; there of CNNs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasgen.reproduce.statistics import mean_interval
from nasgen.reproduce.tables import Row, Table
from predictors import Surrogate
from predictors.metadataset import MetaDataset
from search_spaces import LabelledGraph, get_space

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Networks:
    """Pruned networks: their graphs, and by name of a column what is known of them, shape (n,)."""

    graphs: Sequence[LabelledGraph]
    seed: Floats
    density: Floats
    fitness: Floats

    @classmethod
    def of(cls, rows: MetaDataset) -> Networks:
        """Those of a meta-dataset's rows."""
        space = get_space(rows.space["name"], **rows.space["options"])
        graphs = [space.to_graph(space.decode(text)) for text in rows.columns["genotype"]]
        return cls(graphs, *(rows.numbers(name) for name in ("seed", "density", "fitness")))

    def where(self, chosen: Bools) -> Networks:
        """Some of them; ``chosen`` has the shape (n,)."""
        graphs = [self.graphs[place] for place in np.flatnonzero(chosen).tolist()]
        return Networks(graphs, self.seed[chosen], self.density[chosen], self.fitness[chosen])


def by_mask(known: Networks, asked: Networks) -> Floats:
    """What the surrogate predicts of the asked networks, from the features of masks."""
    return Surrogate().fit(known.graphs, known.fitness).predict(asked.graphs)


def by_density(known: Networks, asked: Networks) -> Floats:
    """The mean of the known networks of the same density; between densities, on a line over their logarithm."""
    levels, level = np.unique(known.density, return_inverse=True)
    means = np.bincount(level, known.fitness) / np.bincount(level)
    return np.asarray(np.interp(np.log(asked.density), np.log(levels), means))


PREDICTORS = {"surrogate on masks": by_mask, "density alone": by_density}


def predicted_table(rows: MetaDataset) -> Table:
    """R2 and rank correlation on each seed's networks, of a surrogate that learned from those of the others."""
    networks = Networks.of(rows)
    seeds = np.unique(networks.seed)
    folds = [(networks.where(networks.seed != seed), networks.where(networks.seed == seed)) for seed in seeds]
    predictions = {name: [predict(*fold) for fold in folds] for name, predict in PREDICTORS.items()}
    shown = [
        _row(f"{measure}, {name}", [score(asked, one) for (_, asked), one in zip(folds, predicted, strict=True)])
        for measure, score in MEASURES.items()
        for name, predicted in predictions.items()
    ]
    note = (
        f"Validation accuracy after retraining of {len(rows)} networks, those of the five methods. The surrogate "
        "learns from the networks of all seeds but one and predicts those of that one; means and intervals are over "
        f"the {len(seeds)} seeds. Density alone is the mean of the known networks of as many weights, and ranks none "
        "of these among each other. Methods and numbers of weights are the same for all seeds: nothing is said of "
        "others."
    )
    return Table("Accuracy predicted from the mask alone", tuple(shown), note)


def r2(asked: Networks, predicted: Floats) -> float:
    """The share of the variance that is explained, below 0 where the mean would be nearer."""
    from sklearn.metrics import r2_score

    return float(r2_score(asked.fitness, predicted))


def spearman(asked: Networks, predicted: Floats) -> float:
    """The correlation of ranks, from -1 to 1; 0 where either is constant."""
    from scipy.stats import spearmanr

    if len(predicted) < 2 or np.ptp(asked.fitness) == 0 or np.ptp(predicted) == 0:
        return 0.0
    return float(spearmanr(asked.fitness, predicted).statistic)


def spearman_within(asked: Networks, predicted: Floats) -> float:
    """The mean over densities of the correlation of ranks among the networks of one."""
    alike = [asked.density == density for density in np.unique(asked.density)]
    return float(np.mean([spearman(asked.where(one), predicted[one]) for one in alike]))


MEASURES: Mapping[str, Callable[[Networks, Floats], float]] = {
    "R2": r2,
    "Spearman": spearman,
    "Spearman among networks of one density": spearman_within,
}


def _row(item: str, values: list[float]) -> Row:
    mean, low, high = mean_interval(values)
    return Row(item, None, mean, None, low, high, {"seeds": len(values)})
