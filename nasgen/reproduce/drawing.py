"""Figures as PNG."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from nasgen.reproduce.tables import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; without pyplot there is no state and no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def as_picture(figure: Figure, caption: str) -> Picture:
    """What a page shows."""
    png = BytesIO()
    figure.savefig(png, format="png", dpi=130)
    return Picture(png.getvalue(), caption)
