"""The command line: ``nasgen search`` and what goes with it.

Machine-readable output goes to stdout, everything else to stderr. Exit codes: 0 done, 1 the job failed, 2 bad input,
130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from nasgen.cli.options import (
    INTERRUPTED,
    Evaluations,
    Json,
    Minutes,
    MirrorUrl,
    RayAddress,
    RunPath,
    Workers,
    named_values,
    search_options,
)
from nasgen.cli.prune import prune
from nasgen.cli.reproduce import reproduce
from nasgen.cli.surrogates import fit, metadataset, predict, say, serve
from nasgen.errors import ExecutorError, InputError

if TYPE_CHECKING:
    from nasgen.settings import Arguments

UsageError: Any = typer.BadParameter.__base__  # typer brings its own click, and gives this class no public name

app = typer.Typer(
    name="nasgen",
    help="Find neural network structures: search, train, and query what was learned.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _search_command(command: Callable[[Arguments, bool], None]) -> None:
    """Register a command that takes the options of a search, checked, and whether it prints JSON."""

    @wraps(search_options)
    def with_options(*, as_json: bool, objectives: str | None, **values: Any) -> None:
        from nasgen.planning.kinds import default_task
        from nasgen.settings import read_arguments

        source = values["table"] or values["task"] or default_task(values["space"])
        values["out"] = values["out"] or _default_out(source)
        names = tuple(name.strip() for name in objectives.split(",")) if objectives else ()
        for part in ("space", "strategy"):
            values[f"{part}_options"] = named_values(f"{part}-option", values[f"{part}_options"])
        values["bonus"] = named_values("bonus", values["bonus"])
        command(read_arguments(**values, objectives=names), as_json)

    app.command(command.__name__, help=command.__doc__)(with_options)


def _default_out(source: str) -> str:
    """``runs/digits-20261121-064500`` and the like: what the fitness comes from, and the time."""
    name = Path(source.removeprefix("openml:").replace(":", "-")).name.split(".")[0]
    return f"runs/{name}-{time.strftime('%Y%m%d-%H%M%S')}"


@_search_command
def search(arguments: Arguments, as_json: bool) -> None:
    """Search for a structure, train it, and leave it in OUT/best."""
    from nasgen.engine.searching import start

    with _resumable(arguments.out), _stdout_kept():
        result = start(arguments)
    _finish(result, as_json)


@_search_command
def plan(arguments: Arguments, as_json: bool) -> None:
    """Rehearse shortly and say what a search would do; nothing is written."""
    from nasgen.planning.plan import plan_search

    with _stdout_kept():
        planned = plan_search(arguments, say)
    if as_json:
        print(json.dumps(planned))
    else:
        for name, value in planned.items():
            print(f"{name.replace('_', ' '):24} {value}")


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Folder of a run, or the URL of its mirror.")],
    out: Annotated[
        str | None, typer.Option(help="Folder for a run that comes from its mirror. [default: runs/NAME]")
    ] = None,
    evaluations: Evaluations = None,
    minutes: Minutes = None,
    workers: Workers = None,
    executor: Annotated[str | None, typer.Option(help="auto, inline, processes or ray.")] = None,
    ray_address: RayAddress = None,
    mirror: MirrorUrl = None,
    accept_environment: Annotated[
        bool, typer.Option("--accept-environment", help="Go on although versions or CPU differ.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Go on with an interrupted search; budgets may grow."""
    from nasgen.engine.searching import resume as go_on

    with _resumable(out or run), _stdout_kept():
        result = go_on(
            run,
            out=out,
            evaluations=evaluations,
            minutes=minutes,
            workers=workers,
            executor=executor,
            ray_address=ray_address,
            mirror=mirror,
            accept_environment=accept_environment,
        )
    _finish(result, as_json)


@app.command()
def status(run: RunPath) -> None:
    """Say where a run stands."""
    from nasgen.results.summary import status_lines

    for line in status_lines(run):
        print(line)


@app.command()
def table(
    run: RunPath,
    csv: Annotated[bool, typer.Option("--csv", help="Every row asked, in order, as CSV on stdout.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write the rows to a Parquet file.")] = None,
) -> None:
    """Print the rows of a run, the best first; or all of them in order with --csv."""
    from nasgen.results.summary import open_store, print_best, write_csv, write_parquet

    with open_store(run) as store:
        if parquet is not None:
            write_parquet(store, parquet)
        if csv:
            write_csv(store, sys.stdout)
        elif parquet is None:
            print_best(store)


@app.command()
def export(
    run: RunPath,
    format: Annotated[str, typer.Option(help="genotype, weights or python.")] = "genotype",
    rank: Annotated[int, typer.Option(help="1 for the winner; others have a genotype and code alone.")] = 1,
) -> None:
    """Print the genotype or the code of a network on stdout, or the path of its weights."""
    from nasgen.winner.export import export_text

    print(export_text(run, format, rank))


for other_command in (fit, metadataset, predict, prune, reproduce, serve):
    app.command()(other_command)


def _finish(result: Any, as_json: bool) -> None:
    """Say what a search came to; exit 1 if every candidate failed."""
    from nasgen.results.summary import result_lines

    for line in result_lines(result):
        say(line)
    if as_json:
        print(json.dumps(result.to_json()))
    if result.best is None or (result.final is None and result.trained > 0):
        raise typer.Exit(1)


@contextmanager
def _resumable(run: str) -> Iterator[None]:
    """Say how to go on where the user interrupts."""
    try:
        yield
    except KeyboardInterrupt:
        if Path(run, "run.json").is_file():
            say(f"nasgen: interrupted; nothing finished is lost, go on with `nasgen resume {run}`")
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _stdout_kept() -> Iterator[None]:
    """Keep stdout for the answer: what Ray, libraries and candidates write there meanwhile goes to stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _forget_stdout() -> None:
    """Whoever read our output has seen enough; what is left in the buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the command line and exit."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        code = 0
    except SystemExit as error:  # typer makes one of a closed pipe
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        _forget_stdout()
        code = 0
    except InputError as error:
        say(f"nasgen: {error}")
        code = 2
    except UsageError as error:
        say(f"nasgen: {error.format_message()}; see `nasgen COMMAND --help`")
        code = 2
    except (ExecutorError, OSError) as error:
        say(f"nasgen: {error}")
        code = 1
    except sqlite3.Error as error:
        say(f"nasgen: the run's store cannot be written: {error}; nothing finished is lost, `nasgen resume` goes on")
        code = 1
    except (KeyboardInterrupt, typer.Abort):
        say("nasgen: interrupted")
        code = INTERRUPTED
    sys.exit(code)
