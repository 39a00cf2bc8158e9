"""The bonus: numbers of a candidate's graph that count beside its validation accuracy, each times a weight."""

from __future__ import annotations

from collections.abc import Mapping

from nasgen.errors import InputError


def bonus_of(weights: Mapping[str, float], info: Mapping[str, float]) -> float:
    """The sum of weight times number, of what the graph of a genotype holds in ``info``; KeyError if it lacks one."""
    return sum(weight * info[name] for name, weight in weights.items())


def check_bonus(weights: Mapping[str, float], info: Mapping[str, float]) -> None:
    """Refuse names that the graphs of a space do not hold, judged by the ``info`` of one of them.

    Raises
    ------
    InputError
        Naming those that they hold.
    """
    for name in weights:
        if name not in info:
            known = ", ".join(sorted(info)) or "no numbers: leave it out"
            raise InputError(f"--bonus: the graphs of this space hold {known}, found {name!r}")
