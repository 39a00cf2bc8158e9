"""What a surrogate makes of the masks of the five methods."""

from __future__ import annotations

from collections.abc import Mapping

from nasgen.reproduce.predicted import (
    MEASURES,
    Measure,
    Networks,
    by_density,
    by_mask,
    by_method_and_density,
    held_out,
    spearman_within,
)
from nasgen.reproduce.tables import Table
from predictors.metadataset import MetaDataset

MEASURES_OF_SEEDS: Mapping[str, Measure] = {**MEASURES, "Spearman among networks of one density": spearman_within}
"""Networks of one method and density differ by their seed alone: there are no ranks among them."""


def predicted_table(rows: MetaDataset) -> Table:
    """How far a surrogate predicts the networks of a seed, and then of a method, that it has not seen."""
    networks = Networks.of(rows, "seed", "method")
    shown = [
        *held_out(networks, "seed", (by_mask, by_density, by_method_and_density), MEASURES_OF_SEEDS),
        *held_out(networks, "method", (by_mask, by_density), MEASURES, ", methods held out in turn"),
    ]
    note = (
        f"Validation accuracy after retraining of {len(rows)} networks, those of the five methods. The surrogate "
        "learns from the networks of all seeds but one and predicts those of that one; means and intervals are over "
        "seeds. Beside it: the mean of the known networks of as many weights, which ranks none of these among each "
        "other, and that of the same method with as many weights. Where the surrogate is no better than the latter, "
        "all that it reads of a mask may be who made it. So last, the networks of one method are predicted from those "
        "of the others; means and intervals are over methods there."
    )
    return Table("Accuracy predicted from the mask alone", tuple(shown), note)
