"""The database of masks, looked at: what its properties span, how they go together, and what is fetched from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasgen.jobs.journal import Unit
from nasgen.reproduce.bogp.searches import SPACES, Place
from nasgen.reproduce.mnist import mnist
from nasgen.training import numerics
from predictors import get_features
from predictors.features.relational import NAMES
from search_spaces import get_space

Floats = NDArray[np.float64]

MASKS = 1_000
SPREAD_ROWS = 10_000


@dataclass(frozen=True)
class Masks(Unit):
    """Random masks of one sparsity, of a space of ``SPACES``."""

    space: str
    sparsity: float
    count: int = MASKS


def draw_masks(place: Place, unit: Masks) -> dict[str, Any]:
    """The five properties of the masks, and how many weights each keeps in all."""
    numerics.prepare(1)  # a search in the same process may have left another number of threads
    pixels = mnist(place.mnist, 0).training.pixels[:SPREAD_ROWS].float()
    space = get_space(
        "mask",
        input_shape=(1, 28, 28),
        sparsities=[unit.sparsity],
        input_spread=pixels.std(dim=0).flatten().tolist(),
        **SPACES[unit.space],
    )
    rng = np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(unit.count)]
    graphs = [space.to_graph(genotype) for genotype in genotypes]
    rows = get_features("relational5").compute(graphs)
    kept = [sum(int(mask.sum()) for mask in space.masks(genotype)) + space.limits.head for genotype in genotypes]
    return {"properties": rows.tolist(), "kept": sorted(set(kept))}


def correlations(rows: Floats) -> Floats:
    """Of every two properties, shape (5, 5); 0 with one that does not vary."""
    deviations = rows.std(axis=0)
    scaled = (rows - rows.mean(axis=0)) / np.where(deviations > 0, deviations, 1)
    return np.asarray(scaled.T @ scaled / len(rows))


def screened(rows: Floats, limit: float = 0.9) -> list[str]:
    """The properties in their order, without those that go with an earlier one by more than ``limit``."""
    matrix = np.abs(correlations(rows))
    kept: list[int] = []
    for place in range(len(NAMES)):
        if all(matrix[place, earlier] <= limit for earlier in kept):
            kept.append(place)
    return [NAMES[place] for place in kept]
