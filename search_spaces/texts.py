"""The door for texts of genotypes: one line of JSON that names its space, bounded in length and read strictly."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from search_spaces.space import SearchSpace

G = TypeVar("G")

MAX_TEXT = 1_000_000  # characters; the largest valid genotypes have some thousands


def read_fields(text: Any, space: str, names: Sequence[str]) -> dict[str, Any]:
    """The values of a genotype's text by name, ``space`` and ``names`` and no others.

    Raises
    ------
    ValueError
        One line that says what was expected and what was found.
    """
    values = _parse_json(text)
    found = values.get("space")
    if found != space:
        raise ValueError(f'a genotype of this space must have "space":"{space}", found {shortened(found)}')
    if set(values) != {"space", *names}:
        expected = f"{', '.join(['space', *names[:-1]])} and {names[-1]}"
        raise ValueError(f"a genotype must have {expected}, found {shortened(sorted(values))}")
    return values


def read_edges(values: Any) -> tuple[tuple[int, int], ...]:
    """The pairs of vertex indices of a list; ValueError on anything else."""
    if not isinstance(values, list):
        raise ValueError(f"edges must be a list of pairs, found {shortened(values)}")
    for edge in values:
        if not isinstance(edge, list) or [type(vertex) for vertex in edge] != [int, int]:
            raise ValueError(f"an edge must be a pair of vertex indices, found {shortened(edge)}")
    return tuple((tail, head) for tail, head in values)


def read_bytes(name: str, value: Any) -> bytes:
    """The bytes of a base64 text, of which each has one alone; ValueError on anything else."""
    try:
        found = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):  # the latter on letters beyond ASCII
        found = None
    if found is None or base64.b64encode(found).decode() != value:
        raise ValueError(f"{name} must be bytes in base64, found {shortened(value)}")
    return found


def shortened(value: object) -> str:
    """The value as a message may repeat it: on one line, in about 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"


def valid_genotype(space: SearchSpace[G], text: str) -> G:
    """The genotype of a text; ValueError if the text is malformed or the genotype not valid in the space."""
    genotype = space.decode(text)
    if violations := space.validate(genotype):
        raise ValueError(f"not a valid genotype of the space {space.name}: {violations[0]}")
    return genotype


def _parse_json(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        raise ValueError(f"a genotype must be one line of JSON, found {shortened(text)}")
    if len(text) > MAX_TEXT:
        raise ValueError(f"a genotype must have at most {MAX_TEXT} characters, found {len(text)}")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a genotype must be one line of JSON, found {shortened(text)}") from error
    if not isinstance(values, dict):
        raise ValueError(f"a genotype must be a JSON object, found {shortened(text)}")
    return values
