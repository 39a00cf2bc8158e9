"""Reports by name: the tables of a source paper, made from a folder of data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.reproduce import bogp, ff_pruning, rnn_priors, rnn_pruning
from nasgen.reproduce.request import Request, Say
from nasgen.reproduce.tables import Row, Table


@dataclass(frozen=True)
class Source:
    """How the tables of a paper are made.

    Attributes
    ----------
    title
        The paper, with the section.
    make
        Its tables, in the order in which they are shown.
    has_full
        Whether there are cells of them that are left out unless asked for.
    """

    title: str
    make: Callable[[Request], list[Table]]
    has_full: bool = False

    @property
    def subject(self) -> str:
        """The title without the paper."""
        return self.title.partition(" (")[0]


#: The reports by name.
REPORTS: Mapping[str, Source] = {
    "bogp": Source(bogp.TITLE, bogp.make_tables, has_full=True),
    "ff-pruning": Source(ff_pruning.TITLE, ff_pruning.make_tables),
    "rnn-priors": Source(rnn_priors.TITLE, rnn_priors.make_tables),
    "rnn-pruning": Source(rnn_pruning.TITLE, rnn_pruning.make_tables),
}


@dataclass(frozen=True)
class Report:
    """The tables of a source paper.

    Attributes
    ----------
    name, title
        Its name among the reports, and the paper.
    tables
        Theirs beside ours.
    full
        Whether cells are among them that are left out unless asked for.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    full: bool = False

    @property
    def failed(self) -> list[Row]:
        """The rows that do not hold."""
        return [row for table in self.tables for row in table.rows if row.holds is False]

    def to_json(self) -> dict[str, Any]:
        """The object that ``nasgen reproduce --json`` prints."""
        return {"name": self.name, "tables": [table.to_json() for table in self.tables]}


def make_report(name: str, data: str, state_dicts: str | None, out: Path, say: Say, full: bool = False) -> Report:
    """Make the tables of one source paper.

    Parameters
    ----------
    name
        A name of ``REPORTS``.
    data
        The folder of the data.
    state_dicts
        The folder of trained networks; without it, tables that need them are skipped, or the report is refused.
    out
        The folder of the page, where long reports keep what they have computed.
    say
        Takes lines of progress.
    full
        Compute cells of tables too that are left out unless asked for.

    Raises
    ------
    InputError
        If there is no such report or folder, a file of the data is missing or malformed, or the report leaves no cells
        out.
    """
    if name not in REPORTS:
        raise InputError(f"expected the name of a report, one of {', '.join(REPORTS)}, found {name!r}")
    for option, folder in (("--data", data), ("--state-dicts", state_dicts)):
        if folder is not None and not Path(folder).is_dir():
            raise InputError(f"{option} expects a folder, found no folder {folder}")
    source = REPORTS[name]
    if full and not source.has_full:
        fuller = ", ".join(name for name, one in REPORTS.items() if one.has_full)
        raise InputError(f"--full is for reports that leave cells out ({fuller}), found {name}, which leaves none out")
    request = Request(Path(data), None if state_dicts is None else Path(state_dicts), out, say, full)
    return Report(name, source.title, tuple(source.make(request)), full)
