"""The bonus: numbers of a candidate's graph that count beside its validation accuracy, each times a weight."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nasgen.errors import InputError


def bonus_of(weights: Mapping[str, float], info: Mapping[str, float]) -> float:
    """The sum of weight times number, of what the graph of a genotype holds in ``info``; KeyError if it lacks one."""
    return sum(weight * info[name] for name, weight in weights.items())


def check_bonus(weights: Mapping[str, float], info: Mapping[str, float]) -> None:
    """Refuse names that the graphs of a space do not hold, and weights that make a bonus infinite, by one's ``info``.

    Raises
    ------
    InputError
        Naming those that they hold, or the weight.
    """
    for name in weights:
        if name not in info:
            known = ", ".join(sorted(info)) or "no numbers: leave it out"
            raise InputError(f"--bonus: the graphs of this space hold {known}, found {name!r}")
        if not math.isfinite(weights[name] * info[name]):
            found = f"{name}={weights[name]:g}, and graphs with {name} {info[name]:g}"
            raise InputError(f"--bonus: expected a product of weight and number that is finite, found {found}")
