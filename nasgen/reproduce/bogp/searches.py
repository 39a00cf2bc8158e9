"""Searches for masks, each a run of its own that is gone on with if it was cut off."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasgen.jobs.journal import Unit
from nasgen.planning.space_options import PAPER_MASKS
from search_spaces.masks.generators import GENERATORS

HIDDEN = 128
EVALUATIONS = 25
"""Five at random, and the paper's twenty iterations."""

PLACED: Mapping[str, Any] = {"placements": ["spread"], "generators": [*GENERATORS], "focus": [0, 2]}

SPACES: Mapping[str, Mapping[str, Any]] = {"as published": PAPER_MASKS, "placed": PLACED}
"""Uniformly random masks on pixels in random order, as the paper has them; and diverse ones, local in the image."""

STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "BoGP": {"within": "box", "similarity": "cosine"},
    "BoGP, standardised cosine": {"within": "box", "similarity": "standardised cosine"},
    "Bayesian": {"within": "database", "features": "default"},
}
"""Options of Bayesian optimisation; what is not among them is as published."""

RANDOM = "random"
"""As many random masks of the same space."""


@dataclass(frozen=True)
class Place:
    """Where the data lie, and where runs are kept."""

    mnist: Path
    runs: Path


@dataclass(frozen=True)
class Search(Unit):
    """A search for masks of some sparsities.

    Attributes
    ----------
    space, strategy
        Names in ``SPACES`` and ``STRATEGIES``, or ``RANDOM``.
    sparsities
        Of all weights, the dense classifier's included.
    sparsity_weight
        Of the second objective: accuracy plus so many times the sparsity; the run's bonus.
    size
        Masks in the database; all of them are trained where the search is random.
    """

    space: str
    strategy: str
    sparsities: tuple[float, ...]
    sparsity_weight: float = 0.0
    size: int = 1_000
    seed: int = 0


def run_search(place: Place, unit: Search) -> dict[str, Any]:
    """The rows of a search, the place of its winner among them, and what that comes to on test when trained again."""
    import nasgen

    folder = place.runs / hashlib.sha256(unit.name.encode()).hexdigest()[:16]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        if folder.exists():
            result = nasgen.resume(folder, evaluations=EVALUATIONS)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
            result = nasgen.search(
                space="mask",
                task=str(place.mnist),
                out=folder,
                evaluations=EVALUATIONS,
                seed=unit.seed,
                profile="paper",
                strategy=RANDOM if unit.strategy == RANDOM else "bayesian",
                strategy_options={} if unit.strategy == RANDOM else {**STRATEGIES[unit.strategy], "size": unit.size},
                space_options={**SPACES[unit.space], "hidden": [HIDDEN], "sparsities": list(unit.sparsities)},
                bonus={"sparsity": unit.sparsity_weight} if unit.sparsity_weight else {},
                augment="none",
                executor="inline",
                window=1,
            )
    with nasgen.Store(folder / "store.sqlite") as store:
        trained = [row for row in store.evaluations() if not row.failed]
    rows = [
        {"genotype": row.genotype, "accuracy": row.validation_accuracy, "sparsity": row.outcome.metrics["sparsity"]}
        for row in trained
    ]
    assert result.final is not None
    winner = [row.number for row in trained].index(result.final.number)
    return {"rows": rows, "winner": winner, "test": result.final.test_accuracy}
