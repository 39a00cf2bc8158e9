"""Tables of a reproduction: what a paper says beside what we found, and whether it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes
    ----------
    item
        What it is, and what is asked of it where that is not plain equality.
    paper
        What the source says; None where it says nothing.
    ours
        What was found; None where it is undefined, such as the correlation with a constant.
    holds
        Whether they agree; None where nothing is asked.
    low, high
        The interval of ``ours``; None without one.
    more
        Other values by name: which cell, which property, how many seeds.
    """

    item: str
    paper: float | None
    ours: float | None
    holds: bool | None = None
    low: float | None = None
    high: float | None = None
    more: Mapping[str, float | str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values, its own four first."""
        own = {"item": self.item, "paper": self.paper, "ours": _finite(self.ours), "holds": self.holds}
        interval = {} if self.low is None else {"low": _finite(self.low), "high": _finite(self.high)}
        return {**own, **interval, **self.more}


@dataclass(frozen=True)
class Picture:
    """A plot of a table: a PNG, and what it shows in words."""

    png: bytes
    caption: str

    @classmethod
    def of(cls, figure: Figure, caption: str) -> Picture:
        """What a figure shows."""
        png = BytesIO()
        figure.savefig(png, format="png", dpi=130)
        return cls(png.getvalue(), caption)


@dataclass(frozen=True)
class Table:
    """Rows of one kind.

    Attributes
    ----------
    title
        What they are, with n and the source.
    rows
        The figures.
    note
        How they were found.
    picture
        A plot of them.
    """

    title: str
    rows: tuple[Row, ...]
    note: str = ""
    picture: Picture | None = None

    def to_json(self) -> dict[str, Any]:
        """Title, note and rows as JSON values."""
        note = {"note": self.note} if self.note else {}
        return {"title": self.title, **note, "rows": [row.to_json() for row in self.rows]}


def within(paper: float, ours: float, tolerance: float) -> bool:
    """Whether a figure lies no farther from the published one; not if it is undefined.

    Published figures are rounded decimals: what lies on the edge holds, whatever its last binary digit.
    """
    return abs(ours - paper) <= tolerance + 1e-12


def _finite(value: float | None) -> float | None:
    """JSON has no numbers that are not finite."""
    return None if value is None or not math.isfinite(value) else value
