"""What the tables of recurrent networks are made from, and who makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nasgen.reproduce.request import Say
from nasgen.reproduce.rnn_priors.stored_tables import Networks
from nasgen.reproduce.tables import Table


@dataclass(frozen=True)
class Context:
    """What there is to make tables from.

    Attributes
    ----------
    networks
        The authors' trained networks by cell.
    state_dicts
        The folder of their weights; None without one.
    say
        Takes lines of progress.
    data
        The folder of the data.
    """

    networks: Mapping[str, Networks]
    state_dicts: Path | None
    say: Say
    data: Path


@dataclass(frozen=True)
class Maker:
    """Some tables in the making.

    Attributes
    ----------
    what
        What they tell, for the line that says what is being made.
    make
        The tables of a context.
    needs_state_dicts
        Whether there are none without the folder of weights.
    needs_strings
        Whether there are none without the authors' strings among the data.
    """

    what: str
    make: Callable[[Context], Sequence[Table]]
    needs_state_dicts: bool = False
    needs_strings: bool = False
