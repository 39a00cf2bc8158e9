"""Figures of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; without pyplot there is no state and no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
