"""The networks that the five methods came to, as a meta-dataset: masks, their features, and accuracies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nasgen.reproduce.ff_pruning.experiments import METHODS, SMALL
from nasgen.reproduce.ff_pruning.trainings import Results, methods_units
from predictors.metadataset import MetaDataset
from search_spaces import get_space

FILE = "pruned.parquet"
SOURCE = "prune"

SPACE: Mapping[str, Any] = {
    "input_shape": [1, 28, 28],
    "n_classes": SMALL[-1],
    "hidden": list(SMALL[1:-1]),
    "sparsities": None,
}
"""Options of the space ``sparse``, in which masks of any number of weights are valid."""


def pruned_rows(results: Results) -> MetaDataset:
    """One row a network, after each step of pruning and the retraining that follows it.

    ``fitness`` is the accuracy on validation rows then, and ``seed`` that of the dense network. Further columns are
    ``step``, from 0, ``method``, its place in ``METHODS`` from 0, ``density`` of all weights, ``test_accuracy``, and
    ``test_accuracy_before`` the retraining.
    """
    space = get_space("sparse", **SPACE)
    rows: list[dict[str, Any]] = []
    graphs = []
    for unit in methods_units():
        for step, found in enumerate(results[unit]):
            genotype = space.decode(found["mask"])
            graph = space.to_graph(genotype)
            graphs.append(graph)
            rows.append(
                {
                    "genotype": found["mask"],
                    "genotype_id": space.key(genotype),
                    "source": SOURCE,
                    "seed": unit.dense.seed,
                    "fitness": found["validation"],
                    "parameters": graph.info["parameters"],
                    "macs": graph.info["macs"],
                    "step": step,
                    "method": list(METHODS).index(unit.method),
                    "density": found["kept"] / found["total"],
                    "test_accuracy": found["test"],
                    "test_accuracy_before": found["before"],
                }
            )
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return MetaDataset.of(graphs, columns, {"name": space.name, "options": space.options()})
