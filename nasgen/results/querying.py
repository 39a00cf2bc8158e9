"""Queries: the fitness of genotypes as a run, or a saved surrogate, predicts it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from nasgen.errors import InputError, one_line
from nasgen.evaluation import fitness_or_worst
from nasgen.settings import is_saved
from nasgen.storage.folder import RunFolder
from nasgen.training.evaluators import build_space
from predictors import Surrogate, load_surrogate
from search_spaces import LabelledGraph, SearchSpace, get_space
from search_spaces.texts import valid_genotype

BATCH = 1000
EXPLAINED = 8
FEWEST_ROWS = 5

WEAK = 0.2
"""Kendall's tau of held-out rows below which the answers of a surrogate come with a warning."""

GraphOf = Callable[[str], LabelledGraph]
"""From the text of a genotype to its graph; ValueError, OverflowError or RecursionError where it is malformed."""


class Source(NamedTuple):
    """What answers: a surrogate, how texts become graphs, and their space, None where each text names its own."""

    surrogate: Surrogate
    graph_of: GraphOf
    space: SearchSpace[Any] | None


def answer_queries(source: str, files: Sequence[str], *, explain: bool = False, as_json: bool = False) -> bool:
    """Print one answer a genotype on stdout, in order.

    A malformed one is answered by nan, and its line number and the reason go to stderr; so does a warning, if the
    surrogate ranked rows badly that were held out.

    Parameters
    ----------
    source
        Folder of a run or of a saved surrogate.
    files
        One genotype a line each; ``-`` is stdin.

    Returns
    -------
    Whether every line was a genotype.

    Raises
    ------
    InputError
        If a file is not there, the source cannot answer, or no line asks anything; before there is any answer.
    """
    for file in files:
        if file != "-" and not Path(file).is_file():
            raise InputError(f"expected a file with one genotype a line, or - for stdin, found no file {file}")
    surrogate, graph_of, _ = open_source(source)
    choice = surrogate.choice_
    if choice is not None and choice.tau is not None and choice.tau < WEAK:
        print(
            f"nasgen: warning: little is known of which genotypes are better: of {len(surrogate.y_)} rows held out in "
            f"turn Kendall tau is {choice.tau:.2f}",
            file=sys.stderr,
        )
    all_well = True
    lines, asked = graphs_of_lines(files, graph_of), 0
    while batch := list(islice(lines, BATCH)):
        asked += len(batch)
        for name, number, _, graph in batch:
            if isinstance(graph, str):
                print(f"nasgen: {name}, line {number}: {graph}", file=sys.stderr)
                all_well = False
        texts, graphs = [text for _, _, text, _ in batch], [graph for _, _, _, graph in batch]
        _print_answers(answers_of(surrogate, texts, graphs, [explain] * len(batch)), as_json)
    if not asked:
        raise InputError(f"expected genotypes, one a line, found none in {' '.join(files)}")
    return all_well


def graphs_of_lines(files: Sequence[str], graph_of: GraphOf) -> Iterator[tuple[str, int, str, LabelledGraph | str]]:
    """Of each line that is not blank: its file, its number, the text, and its graph or the reason why it has none."""
    for file in files:
        for name, number, text in _lines(file):
            yield name, number, text, graph_or_reason(graph_of, text)


def graph_or_reason(graph_of: GraphOf, text: str) -> LabelledGraph | str:
    """The graph of a text, or in one line why it has none."""
    try:
        return graph_of(text)
    except (ValueError, OverflowError, RecursionError) as error:
        return one_line(error)


def _lines(name: str) -> Iterator[tuple[str, int, str]]:
    """The lines of a file that are not blank, after its name and their number from 1."""
    if name == "-" and isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    with nullcontext(sys.stdin) if name == "-" else Path(name).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield name, number, line.strip()


def answers_of(
    surrogate: Surrogate, texts: Sequence[str], graphs: Sequence[LabelledGraph | str], explain: Sequence[bool]
) -> list[dict[str, Any]]:
    """What is predicted of each text's graph, ``genotype, fitness, std``, or the ``error`` why there is none.

    Those to ``explain`` have their ``contributions`` too. The last digits hang on what is predicted together: a
    product of matrices rounds by their number of rows.
    """
    known = [graph for graph in graphs if isinstance(graph, LabelledGraph)]
    try:
        predictions = iter(zip(*surrogate.predict(known, return_std=True), strict=True))
    except ValueError as error:  # a graph of a space of one's own, with a number that is too large for the model
        if len(texts) == 1:
            return [{"genotype": texts[0], "error": one_line(error)}]
        alone = zip(texts, graphs, explain, strict=True)
        return [answers_of(surrogate, [text], [graph], [explained])[0] for text, graph, explained in alone]
    answers: list[dict[str, Any]] = []
    for text, graph, explained in zip(texts, graphs, explain, strict=True):
        if isinstance(graph, str):
            answers.append({"genotype": text, "error": graph})
            continue
        mean, spread = next(predictions)
        answers.append({"genotype": text, "fitness": float(mean), "std": float(spread)})
        if explained:
            answers[-1]["contributions"] = surrogate.explain(graph)
    return answers


def _print_answers(answers: list[dict[str, Any]], as_json: bool) -> None:
    for answer in answers:
        if as_json:
            print(json.dumps(answer))
        elif "error" in answer:
            print("nan\tnan")
        else:
            print(f"{answer['fitness']:.6f}\t{answer['std']:.6f}")
            for name, value in islice(answer.get("contributions", {}).items(), EXPLAINED):
                print(f"  {value:+.6f}  {name}")


def open_source(source: str) -> Source:
    """The surrogate of a folder, and what reads genotypes for it.

    Raises
    ------
    InputError
        If the folder is neither a run with rows enough nor a saved surrogate whose columns come from graphs alone.
    """
    if (Path(source) / "run.json").is_file():
        return surrogate_of_run(source)
    surrogate = _load(source)
    if surrogate.space_ is None:
        return Source(surrogate, graph_of_named_space(source), None)
    try:
        space = build_space(surrogate.space_["name"], surrogate.space_["options"])
    except InputError as error:
        raise InputError(f"{source}: the surrogate was saved with a space that cannot be made: {error}") from error
    return Source(surrogate, graphs_of_space(space), space)


def _load(folder: str) -> Surrogate:
    try:
        surrogate = load_surrogate(folder)
    except ValueError as error:
        raise InputError(f"expected the folder of a run or of a saved surrogate: {error}") from error
    if surrogate.extra_names_:
        names = ", ".join(surrogate.extra_names_)
        raise InputError(f"{folder}: expected a surrogate fitted on graphs alone, found the extra columns {names}")
    return surrogate


def surrogate_of_run(path: str) -> Source:
    """A surrogate fitted on every row of a run that has a fitness."""
    from nasgen.results.summary import open_store

    values = RunFolder.open(path).read()
    if values["provisional"]:
        raise InputError(f"{path}: expected a run with results, found one that has asked for nothing yet")
    settings = values["settings"]
    space = build_space(settings["space"], settings["space_options"])
    with open_store(path) as store:
        rows = [row for row in store.evaluations() if row.fitness is not None]
    if len(rows) < FEWEST_ROWS:
        raise InputError(f"{path}: expected at least {FEWEST_ROWS} rows with a fitness, found {len(rows)}")
    model = settings["surrogate"]
    if is_saved(model):
        return Source(_load(model), graphs_of_space(space), space)
    surrogate = Surrogate("auto" if model == "off" else model)
    graphs = [space.to_graph(space.decode(row.genotype)) for row in rows]
    return Source(surrogate.fit(graphs, [fitness_or_worst(row) for row in rows]), graphs_of_space(space), space)


def graphs_of_space(space: SearchSpace[Any]) -> GraphOf:
    """The graphs of valid genotypes of one space."""

    def graph_of(text: str) -> LabelledGraph:
        return space.to_graph(valid_genotype(space, text))

    return graph_of


def graph_of_named_space(source: str) -> GraphOf:
    """The graphs of valid genotypes of whatever space in the box a text names, which is said once for each."""
    known: dict[str, GraphOf] = {}

    def graph_of(text: str) -> LabelledGraph:
        name = named_space(text)
        if name not in known:
            known[name] = graphs_of_space(get_space(name))
            print(
                f"nasgen: {source}: the surrogate was saved without its space (save(folder, space=space)), "
                f'so genotypes are read as those of get_space("{name}")',
                file=sys.stderr,
            )
        return known[name](text)

    return graph_of


def named_space(text: str) -> str:
    """The space in the box that a text names, or is written as; ValueError if it names none."""
    if text.startswith("|"):
        return "nasbench201"
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a genotype is one line of JSON that names its space, found {text[:60]!r}") from error
    if not isinstance(values, dict) or not isinstance(values.get("space"), str):
        raise ValueError(f"a genotype names its space, found {text[:60]!r}")
    return str(values["space"])
