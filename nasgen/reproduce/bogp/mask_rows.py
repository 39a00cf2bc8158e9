"""The masks that searches trained, as a meta-dataset, and what a surrogate makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasgen.planning.space_options import input_spread
from nasgen.reproduce.bogp.plan import UNION, Plan
from nasgen.reproduce.bogp.searches import HIDDEN
from nasgen.reproduce.bogp.trainings import Results
from nasgen.reproduce.predicted import MEASURES, Networks, by_density, by_mask, held_out
from nasgen.reproduce.tables import Table
from nasgen.tasks import get_task
from predictors.metadataset import MetaDataset
from search_spaces import get_space

FILE = "masks.parquet"
SOURCE = "search"


def mask_rows(results: Results, plan: Plan, mnist: Path) -> MetaDataset:
    """One row a mask, that of the first search that trained it.

    ``fitness`` is the accuracy on validation rows, ``seed`` that of the search. Further columns are ``database``, the
    number of the one that the search drew from, and the ``density`` of all weights, the dense classifier's among them.
    """
    task = get_task(mnist)
    space = get_space(
        "mask",
        input_shape=task.input_shape,
        n_classes=task.n_classes,
        hidden=[HIDDEN],
        sparsities=UNION,
        input_spread=input_spread(task),
    )
    rows: dict[str, dict[str, Any]] = {}
    graphs = {}
    databases: dict[Any, int] = {}
    for unit in plan.searches:
        drawn_from = unit.space, unit.sparsities, unit.size, unit.seed
        database = databases.setdefault(drawn_from, len(databases))
        for found in results[unit]["rows"]:
            genotype = space.decode(found["genotype"])
            key = space.key(genotype)
            if key in rows:
                continue
            graphs[key] = graph = space.to_graph(genotype)
            rows[key] = {
                "genotype": found["genotype"],
                "genotype_id": key,
                "source": SOURCE,
                "seed": unit.seed,
                "fitness": found["accuracy"],
                "parameters": graph.info["parameters"],
                "macs": graph.info["macs"],
                "database": database,
                "density": 1 - found["sparsity"],
            }
    columns = {name: [row[name] for row in rows.values()] for name in next(iter(rows.values()))}
    return MetaDataset.of(list(graphs.values()), columns, {"name": space.name, "options": space.options()})


def predicted_table(rows: MetaDataset) -> Table:
    """How far a surrogate predicts the masks of a database from those of the others."""
    networks = Networks.of(rows, "database")
    note = (
        f"Validation accuracy of the {len(rows)} masks that the searches trained. Several searches draw from one "
        "database; the surrogate learns from the masks of all but one of these, and predicts those of that one. Means "
        "and intervals are over databases. Beside it: the mean of the known masks of as many weights, which ranks none "
        "of these among each other."
    )
    shown = held_out(networks, "database", (by_mask, by_density), MEASURES)
    return Table("Accuracy predicted from the mask", tuple(shown), note)
