"""What a report is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a report is made from.

    Attributes
    ----------
    data
        The folder of the data.
    state_dicts
        That of trained networks; None without one.
    out
        That of the page, where long reports keep what they have computed.
    say
        Takes lines of progress.
    full
        Whether cells of tables are computed too that are left out unless asked for.
    """

    data: Path
    state_dicts: Path | None
    out: Path
    say: Say
    full: bool = False
