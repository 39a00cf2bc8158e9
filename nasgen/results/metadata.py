"""Meta-datasets: one typed table of structures, from the rows of runs or from genotypes that are drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nasgen.errors import InputError
from nasgen.planning.kinds import check_dimensions
from nasgen.plugins import is_plugin
from nasgen.results.stored_rows import COLUMNS, COSTS, KnownSpace, check_one_fitness, one_space, read_run
from nasgen.training.evaluators import build_space
from nasgen.view import SECONDS_BETWEEN_LINES
from predictors import get_features
from predictors.metadataset import MetaDataset
from search_spaces import LabelledGraph, TrainableSpace

if TYPE_CHECKING:
    from nasgen.tasks import Task

T = TypeVar("T")
Say = Callable[[str], None]
Columns = dict[str, list[Any]]

SUFFIX = ".parquet"
PROXIES_AT_ONCE = 10


def write_metadataset(
    out: str,
    runs: Sequence[str] = (),
    *,
    space: str | None = None,
    space_options: Mapping[str, Any] | None = None,
    count: int | None = None,
    seed: int = 0,
    input_shape: str | None = None,
    proxies: str | None = None,
    features: str = "default",
    say: Say = lambda line: None,
) -> MetaDataset:
    """Write the meta-dataset of some runs, or of genotypes drawn at random, as Parquet.

    Parameters
    ----------
    out
        The Parquet file; one that is there is replaced.
    runs
        Folders of runs, whose rows are read at every fidelity, those that failed without a fitness.
    space, count, seed
        Without runs: the name of a search space (``cnn`` unless told), how many genotypes are drawn from it, and the
        seed. A genotype drawn twice is there twice, under one ``genotype_id``.
    space_options
        Options of that space, but for those that ``input_shape`` or ``proxies`` says.
    input_shape
        C,H,W of the images, or the steps of the sequences, whose costs are counted, where the space has such; that of
        the proxies' task unless told.
    proxies
        A task of images, as for ``--task``, on which :func:`nasgen.training.proxies.zero_cost_proxies` are computed
        under ``seed``.
    features
        The feature set.
    say
        Told now and then how far it is.

    Raises
    ------
    InputError
        If the arguments contradict each other or name something that is not there. Nothing is written then.
    """
    _check(out, runs, space, space_options, count, input_shape, features)
    task = _task(proxies)
    if runs:
        known, genotypes, columns = _of_runs(runs)
    else:
        known = _space_to_draw_from(space or "cnn", _shape(input_shape), task, space_options or {})
        genotypes = _drawn(known, count or 0, seed, say)
        columns = {
            "genotype": [known.space.encode(one) for one in genotypes],
            "genotype_id": [known.space.key(one) for one in now_and_then(genotypes, "genotypes named", say)],
            "source": ["random"] * len(genotypes),
            "seed": [seed] * len(genotypes),
        }
    graphs = [known.space.to_graph(one) for one in genotypes]
    for name in COSTS:
        measured = columns.get(name) or [None] * len(graphs)
        columns[name] = [
            graph.info.get(name) if value is None else value for graph, value in zip(graphs, measured, strict=True)
        ]
    if task is not None:
        columns |= _proxies(known, genotypes, task, seed, say)
    table = MetaDataset.of(graphs, _with_own_names(columns, graphs, features), known.record, features)
    table.write(out)
    say(f"{len(table)} rows of the space {known.name}, {len(table.features.names)} features, in {out}")
    return table


def _check(
    out: str,
    runs: Sequence[str],
    space: str | None,
    space_options: Mapping[str, Any] | None,
    count: int | None,
    input_shape: str | None,
    features: str,
) -> None:
    path = Path(out)
    if path.suffix != SUFFIX or path.is_dir():
        raise InputError(f"--out must be a file NAME{SUFFIX}, found {out}")
    if not path.parent.is_dir():
        raise InputError(f"--out must be a file in a folder that exists, found no folder {path.parent}")
    if bool(runs) == (count is not None):
        found = "both" if runs else "neither"
        raise InputError(f"expected folders of runs or --count N genotypes to draw, found {found}")
    if count is not None and count < 1:
        raise InputError(f"--count must be at least 1, found {count}")
    of_a_space = {"--space": space, "--space-option": space_options or None, "--input-shape": input_shape}
    given = [option for option, value in of_a_space.items() if value is not None]
    if runs and given:
        raise InputError(f"a run has its own search space and shape, found {given[0]}: leave it out")
    try:
        get_features(features)
    except ValueError as error:
        raise InputError(f"--{error}") from error


def _task(name: str | None) -> Task | None:
    from nasgen.tasks import get_task

    if name is None:
        return None
    task = get_task(name)
    if task.kind != "images":
        raise InputError(f"--proxies must name a task of images, found {name} of {task.kind}: leave it out")
    return task


def _shape(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        shape = [int(part) for part in text.split(",")]
    except ValueError:
        shape = []
    if len(shape) not in (1, 3) or min(shape) < 1:
        raise InputError(
            "--input-shape must be three positive integers C,H,W (or one, the steps, for sequences) as in 3,32,32, "
            f"found {text!r}"
        )
    return shape


def _space_to_draw_from(
    name: str, shape: list[int] | None, task: Task | None, space_options: Mapping[str, Any]
) -> KnownSpace:
    """A space with some options, for images of a shape or for those of a task."""
    options: dict[str, Any] = {} if shape is None else {"input_shape": shape}
    if task is not None:
        if shape is not None and shape != list(task.input_shape):
            raise InputError(f"--input-shape must be that of --proxies, {list(task.input_shape)}, found {shape}")
        options = {"input_shape": list(task.input_shape), "n_classes": task.n_classes}
    option = "--proxies" if task is not None else "--input-shape"
    if options and not is_plugin(name) and not isinstance(build_space(name, {}), TrainableSpace):
        raise InputError(f"--space {name} has no networks that read images, found {option}: leave it out")
    for twice in sorted(options.keys() & space_options.keys()):
        raise InputError(f"{option} says {twice} already, found --space-option {twice}: leave one of them out")
    if options:
        check_dimensions(name, options["input_shape"])
    return KnownSpace.of(name, {**options, **space_options})


def _of_runs(runs: Sequence[str]) -> tuple[KnownSpace, list[Any], Columns]:
    """The search space of some runs, their genotypes in order, and the columns of their rows one below the other."""
    tables = [read_run(run) for run in runs]
    check_one_fitness(tables)
    for table in tables:
        if not table.columns["genotype"]:
            raise InputError(f"{table.path}: expected at least one row with an outcome, found none")
    known, genotypes = one_space(tables, [range(len(table.columns["genotype"])) for table in tables])
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns: Columns = {name: [] for name in names}
    for table in tables:
        rows = len(table.columns["genotype"])
        for name in names:
            columns[name] += table.columns.get(name, [None] * rows)
    return known, list(chain.from_iterable(genotypes)), columns


def _drawn(known: KnownSpace, count: int, seed: int, say: Say) -> list[Any]:
    rng = np.random.default_rng(seed)
    try:
        return [known.space.sample(rng) for _ in now_and_then(range(count), "genotypes drawn", say)]
    except ValueError as error:  # the limits of the space leave none
        raise InputError(f"the space {known.name} cannot be drawn from: {error}") from error


def _proxies(known: KnownSpace, genotypes: Sequence[Any], task: Task, seed: int, say: Say) -> Columns:
    """The proxies that graphs do not tell, a column each."""
    from nasgen.training.proxies import zero_cost_proxies

    if not isinstance(known.space, TrainableSpace):
        raise InputError(f"the space {known.name} has no networks, found --proxies: leave it out")
    found = known.options.get("input_shape", list(task.input_shape))
    if list(found) != list(task.input_shape):
        raise InputError(f"--proxies must name a task of images of shape {found}, found {list(task.input_shape)}")
    columns: Columns = {}
    parts = [genotypes[start : start + PROXIES_AT_ONCE] for start in range(0, len(genotypes), PROXIES_AT_ONCE)]
    for part in now_and_then(parts, f"parts of {PROXIES_AT_ONCE} networks judged by proxies", say):
        for name, values in zero_cost_proxies(known.space, part, task, seed).items():
            if name not in COSTS:
                columns.setdefault(name, []).extend(values.tolist())
    return columns


def _with_own_names(columns: Columns, graphs: Sequence[LabelledGraph], features: str) -> Mapping[str, list[Any]]:
    """The columns, with ``metric_`` before the name of one that is called as a feature."""
    taken = set(get_features(features).fit(graphs).names) - {*COLUMNS}
    return {f"metric_{name}" if name in taken else name: values for name, values in columns.items()}


def now_and_then(items: Sequence[T], what: str, say: Say) -> Iterator[T]:
    """The items, with a line on how many of them are done every few seconds."""
    last = time.monotonic()
    for number, item in enumerate(items):
        now = time.monotonic()
        if now - last > SECONDS_BETWEEN_LINES:
            last = now
            say(f"{number}/{len(items)} {what}")
        yield item
