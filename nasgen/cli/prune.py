"""``nasgen prune``: the network of a search, smaller."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from nasgen.cli.options import INTERRUPTED, Json
from nasgen.cli.surrogates import say


def prune(
    source: Annotated[
        str, typer.Argument(help="Folder of a finished run, or exported weights.", metavar="RUN|WEIGHTS")
    ],
    rate: Annotated[
        list[float] | None,
        typer.Option(
            help="Share of weights or channels that goes; repeatable, 0 only trains on. [default: 0 .5 .8 .9 .95]",
            show_default=False,
        ),
    ] = None,
    granularity: Annotated[
        str, typer.Option(help="weight: zeros in the same network; channel: a smaller and faster one.")
    ] = "weight",
    method: Annotated[
        str | None,
        typer.Option(
            help="magnitude, obd, activation or random. [default: magnitude; of channels activation]",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option(
            help="global, uniform, amount, distributed or gate; of channels global or uniform. "
            "[default: global; of channels uniform]",
            show_default=False,
        ),
    ] = None,
    schedule: Annotated[str, typer.Option(help="geometric or cubic: how much goes at each step.")] = "geometric",
    steps: Annotated[int, typer.Option(help="Steps to each rate.")] = 1,
    retrain: Annotated[
        int | None,
        typer.Option(help="Epochs after each step. [default: a fifth of its training's plan]", show_default=False),
    ] = None,
    spare: Annotated[
        list[str] | None, typer.Option(help="Weights that stay, as in 'head.*'; repeatable. Not by channels.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="The data, for weights without their run.")] = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="Folder of the curve and the networks. [default: in the run, or beside the folder of the weights]",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the trainings.")] = 0,
    seeds: Annotated[int, typer.Option(help="Trainings of each rate: a mean with its interval.")] = 1,
    as_json: Json = False,
) -> None:
    """Prune an exported network to several rates, train each on, and say what it is worth."""
    from nasgen.compression.curve import prune as compress
    from nasgen.compression.curve import table_lines

    try:
        pruned = compress(
            source,
            rate,
            granularity=granularity,
            method=method,
            scope=scope,
            schedule=schedule,
            steps=steps,
            retrain=retrain,
            spare=spare or (),
            task=task,
            out=out,
            seed=seed,
            seeds=seeds,
            say=say,
        )
    except KeyboardInterrupt:
        say("nasgen: interrupted; the rates that are done are kept, and the same command goes on")
        raise typer.Exit(INTERRUPTED) from None
    for line in table_lines(pruned):
        print(line, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(pruned.values))
    if all("failure" in row and row.get("over_seeds", {"mean": None})["mean"] is None for row in pruned.rows):
        raise typer.Exit(1)
