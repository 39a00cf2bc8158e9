"""``nasgen reproduce``: the tables of the source papers, theirs beside ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nasgen.cli.options import Json
from nasgen.cli.surrogates import say
from nasgen.reproduce import REPORTS, make_report


def reproduce(
    name: Annotated[str, typer.Argument(help=" ".join(f"{name}: {it.subject}." for name, it in REPORTS.items()))],
    data: Annotated[str, typer.Option(help="Folder of the data: mnist.npz, the authors' tables.")],
    state_dicts: Annotated[
        str | None,
        typer.Option(
            help="Folder of the authors' trained networks: rnn-pruning needs it; without, rnn-priors leaves tables out."
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option(help="Folder of the page and of tables.json. [default: reproduce/NAME]")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every cell of bogp's tables, in twice the time; what is known is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a source paper's tables, theirs beside ours, as a page; exit 1 if a figure does not hold."""
    from nasgen.reproduce.page import text_lines, write_report
    from nasgen.storage.disks import check_folder

    folder = Path(out or f"reproduce/{name}")
    check_folder(folder)
    report = make_report(name, data, state_dicts, folder, say, full)
    write_report(report, folder)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        for line in text_lines(report):
            print(line)
    for row in report.failed:
        say(f"does not hold: {row.item}")
    say(f"page and tables in {folder}")
    if report.failed:
        raise typer.Exit(1)
