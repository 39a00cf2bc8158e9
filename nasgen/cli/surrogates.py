"""The commands around surrogates: ``nasgen fit``, ``nasgen metadataset``, ``nasgen predict`` and ``nasgen serve``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nasgen.cli.options import Json, SpaceOptions, named_values

FeatureNames = Annotated[str, typer.Option(help="A feature set by name; an unknown one lists them.")]


def say(text: object) -> None:
    """Print one line on stderr, whatever the text came from."""
    print(" ".join(str(text).split()), file=sys.stderr, flush=True)


def fit(
    sources: Annotated[list[str], typer.Argument(help="Folders of runs, or tables with a column of genotypes.")],
    target: Annotated[str, typer.Option(help="The column to predict; of a run fitness or a metric.")],
    out: Annotated[str, typer.Option(help="Folder of the surrogate.")],
    model: Annotated[str, typer.Option(help="auto, or a model by name.")] = "auto",
    features: FeatureNames = "default",
    fidelity: Annotated[
        str | None, typer.Option(help="Budget of the rows to read. [default: a run's highest]", show_default=False)
    ] = None,
) -> None:
    """Fit a surrogate on stored rows and save it, for predict and for search --surrogate."""
    from nasgen.results.fitting import fit_surrogate

    fit_surrogate(sources, target, out, model, features, fidelity, say)


def metadataset(
    out: Annotated[str, typer.Option(help="The Parquet file.")],
    runs: Annotated[list[str] | None, typer.Argument(help="Folders of runs whose rows to take.")] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="cnn (default), rnn, mask, sparse, nasbench201 or FILE.py:NAME, to draw from.", show_default=False
        ),
    ] = None,
    space_options: SpaceOptions = None,
    count: Annotated[int | None, typer.Option(help="Genotypes to draw, instead of the rows of runs.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of what is drawn and of the proxies.", min=0)] = 0,
    input_shape: Annotated[
        str | None, typer.Option(help="C,H,W of the images, as in 3,32,32, or the steps of sequences.")
    ] = None,
    proxies: Annotated[
        str | None, typer.Option(help="Add zero-cost proxies on a task: digits, FILE.npz or openml:NAME.")
    ] = None,
    features: FeatureNames = "default",
) -> None:
    """Write one Parquet table of structures: their features, and what runs found out about them."""
    from nasgen.results.metadata import write_metadataset

    write_metadataset(
        out,
        runs or (),
        space=space,
        space_options=named_values("space-option", space_options),
        count=count,
        seed=seed,
        input_shape=input_shape,
        proxies=proxies,
        features=features,
        say=say,
    )


def predict(
    source: Annotated[str, typer.Argument(help="Folder of a run, or of a saved surrogate.")],
    genotypes: Annotated[list[str], typer.Argument(help="Files with one genotype a line, or - for stdin.")],
    explain: Annotated[bool, typer.Option("--explain", help="Add what each feature contributes.")] = False,
    as_json: Json = False,
) -> None:
    """Predict the fitness of genotypes with what a run has learned: fitness and spread, one answer a line."""
    from nasgen.results.querying import answer_queries

    if not answer_queries(source, genotypes, explain=explain, as_json=as_json):
        raise typer.Exit(1)


def serve(
    source: Annotated[str, typer.Argument(help="Folder of a run, or of a saved surrogate.", metavar="SURROGATE")],
    host: Annotated[str, typer.Option(help="Where to listen; others than loopback need a proxy.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 is any that is free.", min=0, max=65535)] = 8000,
    max_body: Annotated[int, typer.Option(help="Bytes that a request may have.", min=1)] = 1 << 20,
    max_batch: Annotated[int, typer.Option(help="Genotypes that a request may list.", min=1)] = 1000,
) -> None:
    """Answer queries over HTTP with what a run has learned: POST /predict, GET /health, and /docs says how."""
    from nasgen.serving.server import serve as run

    run(source, host=host, port=port, max_body=max_body, max_batch=max_batch, say=say)
