"""Random choices that spaces share: one item of several, and one operator of several that can be applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from search_spaces.space import Offspring

T = TypeVar("T")
G = TypeVar("G")

LARGEST_SHARE = 0.05
"""Of the edges, inputs or weights that a mutation of masks moves at most."""


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """One item with equal odds (``rng.choice`` takes ten times as long)."""
    return items[int(rng.random() * len(items))]


def few_of(rng: np.random.Generator, number: int, most: int) -> int:
    """How many of a number to move: 1 up to a share of them and to ``most``, few as often as many."""
    return min(most, int(max(1.0, LARGEST_SHARE * number) ** rng.random()))


def first_applied(
    rng: np.random.Generator, operators: Sequence[Callable[[], Offspring[G]]], parents: tuple[G, ...], name: str
) -> Offspring[G]:
    """What a random operator returns; where it cannot be applied, another one.

    Where none can be applied, ``name`` returns the parents with the reasons of all.
    """
    reasons = []
    for place in rng.permutation(len(operators)):
        offspring = operators[int(place)]()
        if offspring.applied:
            return offspring
        reasons.append(f"{offspring.operator}: {offspring.reason}")
    return Offspring(parents, name, "; ".join(reasons))
