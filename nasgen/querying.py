"""Queries: the fitness of genotypes as a run, or a saved surrogate, predicts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.evaluation import fitness_or_worst
from nasgen.evaluators import build_space
from nasgen.folder import RunFolder
from nasgen.settings import is_saved
from predictors import Surrogate, load_surrogate
from search_spaces import LabelledGraph

BATCH = 1000
EXPLAINED = 8
FEWEST_ROWS = 5


def answer_queries(source: str, files: Sequence[str], *, explain: bool = False, as_json: bool = False) -> bool:
    """Print one answer a genotype on stdout, in order.

    A malformed one is answered by nan, and its line number and the reason go to stderr.

    Parameters
    ----------
    source
        Folder of a run or of a saved surrogate.
    files
        One genotype a line each; ``-`` is stdin.

    Returns
    -------
    Whether every line was a genotype.
    """
    surrogate, reader = open_source(source)
    all_well = True
    lines = ((name, number, text) for name in files for number, text in _lines(name))
    while batch := list(islice(lines, BATCH)):
        graphs: list[LabelledGraph | None] = []
        for name, number, text in batch:
            try:
                graphs.append(reader(text))
            except ValueError as error:
                print(f"nasgen: {name}, line {number}: {error}", file=sys.stderr)
                graphs.append(None)
                all_well = False
        _print_answers(surrogate, [text for _, _, text in batch], graphs, explain, as_json)
    return all_well


def _lines(name: str) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, numbered from 1."""
    if name != "-" and not Path(name).is_file():
        raise InputError(f"expected a file with one genotype a line, or - for stdin, found no file {name}")
    with nullcontext(sys.stdin) if name == "-" else Path(name).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line.strip()


def _print_answers(
    surrogate: Surrogate, texts: list[str], graphs: list[LabelledGraph | None], explain: bool, as_json: bool
) -> None:
    known = [graph for graph in graphs if graph is not None]
    answers = iter(zip(known, *surrogate.predict(known, return_std=True), strict=True))
    for text, graph in zip(texts, graphs, strict=True):
        if graph is None:
            error = {"genotype": text, "error": "not a genotype of this space"}
            print(json.dumps(error) if as_json else "nan\tnan")
            continue
        _, mean, spread = next(answers)
        contributions = surrogate.explain(graph) if explain else {}
        if as_json:
            answer: dict[str, Any] = {"genotype": text, "fitness": float(mean), "std": float(spread)}
            print(json.dumps({**answer, "contributions": contributions} if explain else answer))
        else:
            print(f"{mean:.6f}\t{spread:.6f}")
            for name, value in islice(contributions.items(), EXPLAINED):
                print(f"  {value:+.6f}  {name}")


def open_source(source: str) -> tuple[Surrogate, Any]:
    """The surrogate of a folder, and a function from the text of a genotype to its graph.

    Raises
    ------
    InputError
        If the folder is neither a run with rows enough nor a saved surrogate.
    """
    if (Path(source) / "run.json").is_file():
        return surrogate_of_run(source)
    try:
        return load_surrogate(source), _graph_of_any_space
    except ValueError as error:
        raise InputError(f"{source}: {error}") from error


def surrogate_of_run(path: str) -> tuple[Surrogate, Any]:
    """A surrogate fitted on every row of a run that has a fitness."""
    from nasgen.summary import open_store

    values = RunFolder.open(path).read()
    if values["provisional"]:
        raise InputError(f"{path}: expected a run with results, found one that has asked for nothing yet")
    settings = values["settings"]
    space = build_space(settings["space"], settings["space_options"])

    def graph_of(text: str) -> LabelledGraph:
        genotype = space.decode(text)
        violations = space.validate(genotype)
        if violations:
            raise ValueError(f"not a valid genotype of this run: {violations[0]}")
        graph: LabelledGraph = space.to_graph(genotype)
        return graph

    with open_store(path) as store:
        rows = [row for row in store.evaluations() if row.fitness is not None]
    if len(rows) < FEWEST_ROWS:
        raise InputError(f"{path}: expected at least {FEWEST_ROWS} rows with a fitness, found {len(rows)}")
    model = settings["surrogate"]
    if is_saved(model):
        return load_surrogate(model), graph_of
    surrogate = Surrogate("xgboost" if model in ("auto", "off") else model)
    graphs = [space.to_graph(space.decode(row.genotype)) for row in rows]
    return surrogate.fit(graphs, [fitness_or_worst(row) for row in rows]), graph_of


def _graph_of_any_space(text: str) -> LabelledGraph:
    """The graph of a text that names its space, as every genotype in the box does."""
    from search_spaces import get_space

    name = "nasbench201" if text.startswith("|") else _named_space(text)
    space = get_space(name)
    graph: LabelledGraph = space.to_graph(space.decode(text))
    return graph


def _named_space(text: str) -> str:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ValueError(f"a genotype is one line of JSON that names its space, found {text[:60]!r}") from error
    if not isinstance(values, dict) or not isinstance(values.get("space"), str):
        raise ValueError(f"a genotype names its space, found {text[:60]!r}")
    return str(values["space"])
