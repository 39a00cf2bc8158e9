"""Query: what the body of a request asks for, or why it asks for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from nasgen.errors import InputError, one_line

EXPLANATION = 100
"""An explanation is as much work as so many predictions in a batch (22 ms and 0.2 ms, trees on digits, one core)."""

FORM = '{"genotype": TEXT} or {"genotypes": [TEXT, ...]}, with "explain": true if wanted'


class MalformedError(InputError):
    """The body is not JSON."""


class TooManyError(InputError):
    """More genotypes are asked about than one request may."""


@dataclass(frozen=True, slots=True)
class Query:
    """Genotypes to predict.

    Attributes
    ----------
    texts
        The genotypes.
    explain
        Whether contributions are wanted.
    single
        Whether a lone genotype was asked about rather than a list.
    """

    texts: Sequence[str]
    explain: bool
    single: bool


def most_explained(max_batch: int) -> int:
    """How many genotypes one request may have explained."""
    return max(1, max_batch // EXPLANATION)


def read_query(body: bytes, max_batch: int) -> Query:
    """The query of a body.

    Read by hand: a validator would make an error for each of a hundred thousand wrong fields.

    Raises
    ------
    MalformedError
        If the body is not JSON: nan, text that is not Unicode and very deep nesting are not.
    TooManyError
        If more genotypes are listed than ``max_batch``, or than may be explained at once.
    InputError
        If it is JSON of another form.
    """
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedError(f"expected JSON, {FORM}: {one_line(error)}") from error
    if not isinstance(values, dict):
        raise InputError(f"expected {FORM}, found {_kind(values)}")
    if unknown := next((name for name in values if name not in ("genotype", "genotypes", "explain")), ""):
        raise InputError(f"expected {FORM}, found the field {unknown[:60]!r}")
    if ("genotype" in values) == ("genotypes" in values):
        raise InputError(f"expected {FORM}, found {'both' if 'genotype' in values else 'neither'}")
    explain = values.get("explain", False)
    if not isinstance(explain, bool):
        raise InputError(f"explain must be true or false, found {_kind(explain)}")
    if "genotype" in values:
        if not isinstance(values["genotype"], str):
            raise InputError(f"genotype must be a text, found {_kind(values['genotype'])}: JSON goes in as a text too")
        return Query([values["genotype"]], explain, single=True)
    return Query(_texts(values["genotypes"], explain, max_batch), explain, single=False)


def _texts(values: Any, explain: bool, max_batch: int) -> list[str]:
    if not isinstance(values, list):
        raise InputError(f"genotypes must be a list of texts, found {_kind(values)}")
    most = most_explained(max_batch) if explain else max_batch
    if len(values) > most:
        raise TooManyError(
            f"one request may list {most:,} genotypes{' to explain' if explain else ''}, found {len(values):,}: "
            "send several"
        )
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(f"genotypes must be a list of texts, found {_kind(value)} at place {number}")
    return values


def _kind(value: object) -> str:
    """What JSON calls a value."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
