"""Checks of the options that spaces are made with; each raises a ValueError that names the option."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

INITS = ("dense", "fan-in")
"""Initial weights of sparse perceptrons."""


def positive_integers(option: str, values: Sequence[int], length: int) -> tuple[int, ...]:
    """So many positive integers, as a tuple."""
    found = tuple(values) if isinstance(values, list | tuple) else ()
    if len(found) != length or not all(type(value) is int and value > 0 for value in found):
        expected = "a positive integer" if length == 1 else f"{length} positive integers"
        raise ValueError(f"{option} must be {expected}, found {values[0] if length == 1 else values!r}")
    return found


def known_names(option: str, names: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """One name or more, each a known one, as a tuple."""
    if isinstance(names, str) or not names or not set(names) <= set(known):
        raise ValueError(f"{option} must be some of {', '.join(known)}, found {names!r}")
    return tuple(names)


def perceptron_layers(
    input_shape: Sequence[int], hidden: Sequence[int], n_classes: int, init: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape of the inputs and the widths of the hidden layers, as tuples; the other two are checked alone."""
    shape, widths = (
        positive_integers(option, values, len(values) if isinstance(values, list | tuple) else 0)
        for option, values in (("input_shape", input_shape), ("hidden", hidden))
    )
    if not shape or not widths:
        raise ValueError(f"input_shape and hidden must have a number or more, found {input_shape!r} and {hidden!r}")
    positive_integers("n_classes", [n_classes], 1)
    if init not in INITS:
        raise ValueError(f"init must be one of {', '.join(map(repr, INITS))}, found {init!r}")
    return shape, widths
