"""The options of the command line, and what each says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from nasgen.errors import InputError

INTERRUPTED = 130  # what typer itself returns on Ctrl-C

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, last, on stdout.")]
Out = Annotated[
    str | None, typer.Option(help="Folder of the run; must not hold one. [default: runs/DATA-TIME]", show_default=False)
]
Space = Annotated[str, typer.Option(help="cnn, rnn, mask, sparse, nasbench201 or FILE.py:NAME.")]
SpaceOptions = Annotated[
    list[str] | None,
    typer.Option("--space-option", help="NAME=VALUE in JSON for the search space, as in hidden=[300,100]; repeatable."),
]
TaskName = Annotated[
    str | None,
    typer.Option(
        help="digits, FILE.npz, openml:NAME, or reber (:edited, :embedded, :FOLDER). [default: what the space reads]",
        show_default=False,
    ),
]
Table = Annotated[str | None, typer.Option(help="CSV table to look fitness up in, by its column arch_str.")]
Fitness = Annotated[str | None, typer.Option(help="Column of --table that is maximised.")]
Evaluations = Annotated[
    int | None, typer.Option(help="Candidates to evaluate, failures included; with --minutes, whichever ends first.")
]
Minutes = Annotated[
    float | None,
    typer.Option(help="Wall time, the winner's final training included; gives up exact repeatability."),
]
Seed = Annotated[int, typer.Option(help="Random seed of the whole run.")]
StrategyName = Annotated[
    str,
    typer.Option(
        help="evolution, random, irwin-harris, regularized-evolution, local-search, bayesian, nsga2 or FILE.py:NAME."
    ),
]
StrategyOptions = Annotated[
    list[str] | None,
    typer.Option("--strategy-option", help="NAME=VALUE in JSON for the strategy, as in kappa=2; repeatable."),
]
DatabaseFile = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="Meta-dataset whose genotypes --strategy bayesian chooses among; it reads nothing else there.",
    ),
]
Profile = Annotated[str, typer.Option(help="default, or paper: the hyper-parameters of the source paper.")]
Window = Annotated[int | None, typer.Option(help="Asks under way at once; changes the result, unlike --workers.")]
Population = Annotated[int | None, typer.Option(help="Individuals a strategy keeps.")]
SurrogateName = Annotated[str, typer.Option(help="auto, off, the name of a model, or the folder of a saved one.")]
ObjectiveNames = Annotated[
    str | None, typer.Option(help="As in accuracy,parameters: all but the first are minimised, +NAME is maximised.")
]
Bonus = Annotated[
    list[str] | None,
    typer.Option(
        "--bonus", help="NAME=WEIGHT, as in sparsity=0.5: adds so many times that number of the graph to the fitness."
    ),
]
Augment = Annotated[str, typer.Option(help="none, shift, flip+shift, or auto: what helps a small network.")]
Baseline = Annotated[
    str | None, typer.Option(help="random: then a random search of as many evaluations, on top of --minutes.")
]
Workers = Annotated[int | None, typer.Option(help="Worker processes; default one a core.")]
Executor = Annotated[str, typer.Option(help="auto, inline, processes or ray.")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="HOST:PORT of a Ray cluster, auto for the one that runs here, or local. [default: RAY_ADDRESS, or local]",
        show_default=False,
    ),
]
MirrorUrl = Annotated[
    str | None,
    typer.Option(help="URL of a copy that is kept up and can be resumed elsewhere, as in s3://bucket/run."),
]
CpusPerEvaluation = Annotated[
    float | None, typer.Option(help="CPUs that an evaluation reserves. [default: its threads]", show_default=False)
]
GpusPerEvaluation = Annotated[
    float | None,
    typer.Option(help="GPUs that an evaluation reserves; 0.25 puts four on one. [default: 1 where there are GPUs]"),
]
Threads = Annotated[
    int | None, typer.Option(help="Threads of one evaluation. [default: the whole CPUs it reserves, or 1]")
]
Deadline = Annotated[
    float | None, typer.Option(help="Seconds an evaluation may take. [default: ten times the longest so far]")
]
HalvingFlag = Annotated[
    bool | None,
    typer.Option("--halving/--no-halving", help="Train the best third for longer. [default: evolution with --minutes]"),
]
CurveStopFlag = Annotated[
    bool, typer.Option("--curve-stop/--no-curve-stop", help="End trainings that fall behind the best.")
]
InheritFlag = Annotated[
    bool, typer.Option("--inherit/--no-inherit", help="Start children from their parents' weights.")
]
RunPath = Annotated[str, typer.Argument(help="Folder of a run.")]


def search_options(
    out: Out = None,
    space: Space = "cnn",
    space_options: SpaceOptions = None,
    task: TaskName = None,
    table: Table = None,
    fitness: Fitness = None,
    evaluations: Evaluations = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    strategy: StrategyName = "evolution",
    strategy_options: StrategyOptions = None,
    database: DatabaseFile = None,
    profile: Profile = "default",
    window: Window = None,
    population: Population = None,
    surrogate: SurrogateName = "auto",
    objectives: ObjectiveNames = None,
    bonus: Bonus = None,
    augment: Augment = "auto",
    baseline: Baseline = None,
    workers: Workers = None,
    executor: Executor = "auto",
    ray_address: RayAddress = None,
    mirror: MirrorUrl = None,
    cpus_per_evaluation: CpusPerEvaluation = None,
    gpus_per_evaluation: GpusPerEvaluation = None,
    threads: Threads = None,
    deadline: Deadline = None,
    halving: HalvingFlag = None,
    curve_stop: CurveStopFlag = False,
    inherit: InheritFlag = False,
    as_json: Json = False,
) -> None:
    """The options that ``search`` and ``plan`` share; typer reads them off this signature."""


POINT = re.compile(r"(?<![\w.])\.(?=\d)")
"""Where a number begins with one, as people write it and JSON does not."""


def _from_json(text: str) -> Any:
    return json.loads(text if '"' in text else POINT.sub("0.", text))


def named_values(option: str, texts: Sequence[str] | None) -> dict[str, Any]:
    """The values of ``NAME=VALUE``, in JSON, where numbers may begin with a point, or else as text, by name.

    Raises
    ------
    InputError
        If one has no name, or two have the same.
    """
    values: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--{option} expects NAME=VALUE, found {text!r}")
        if name in values:
            raise InputError(f"--{option} expects each name once, found {name} twice")
        try:
            values[name] = _from_json(value)
        except ValueError:
            values[name] = value
    return values
