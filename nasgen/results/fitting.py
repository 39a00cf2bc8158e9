"""A surrogate from stored rows: of runs, of meta-datasets, and of tables that somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasgen.errors import InputError
from nasgen.results.querying import FEWEST_ROWS
from nasgen.results.stored_rows import Table, check_one_fitness, one_space, read_source
from predictors import Surrogate, get_features
from predictors.models import get_model

FIDELITY = "fidelity"


def fit_surrogate(
    sources: Sequence[str],
    target: str,
    out: str,
    model: str = "auto",
    features: str = "default",
    fidelity: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Surrogate:
    """Fit a surrogate on the rows of some sources that have the target, and save it with their search space.

    Parameters
    ----------
    sources
        Folders of runs, Parquet files, or CSV files with a column ``genotype`` (or ``arch_str``).
    target
        A column of the tables; of a run ``fitness``, ``accuracy`` (the same without a bonus), or a metric
        (``parameters``, ``seconds``, ...).
    out
        The folder of the surrogate.
    model, features
        Names, as for ``Surrogate``.
    fidelity
        The budget whose rows are read, where there are several; None for a run's highest that has enough of them.
    say
        Told, in a line each, what was fitted and how good it is.

    Raises
    ------
    InputError
        If a source cannot be read, lacks the column or holds a malformed genotype, the sources are of several search
        spaces or bonuses, too few rows have a target, or the surrogate cannot be made or saved. Nothing is written
        then.
    """
    _check_names(model, features)
    _check_folder(out)
    tables = [read_source(source) for source in sources]
    if target == "fitness":
        check_one_fitness(tables)
    numbers = [table.numbers(target) for table in tables]
    rows = [_chosen(table, values, target, fidelity) for table, values in zip(tables, numbers, strict=True)]
    total = sum(map(len, rows))
    if total < FEWEST_ROWS:
        raise InputError(
            f"expected at least {FEWEST_ROWS} rows with a number in {target!r}, found {total} in {', '.join(sources)}"
        )
    known, genotypes = one_space(tables, rows)
    graphs = [known.space.to_graph(genotype) for part in genotypes for genotype in part]
    targets = np.concatenate([values[chosen] for values, chosen in zip(numbers, rows, strict=True)])
    try:
        surrogate = Surrogate(model, features).fit(graphs, targets)
        surrogate.space_ = known.record
        surrogate.save(out)
    except ValueError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"--out must be a folder that can be written to, found {out}: {error.strerror}") from error
    left_out = sum(map(len, numbers)) - total
    others = f" ({left_out} others left out: no number, or another fidelity)" if left_out else ""
    say(f"{total} rows{others} of the space {known.name}, {len(surrogate.names_)} columns, in {out}")
    say(_quality(surrogate))
    return surrogate


def _check_names(model: str, features: str) -> None:
    try:
        get_model(model)
        get_features(features)
    except ValueError as error:
        raise InputError(f"--{error}") from error


def _check_folder(out: str) -> None:
    path = Path(out)
    if (path / "run.json").exists():
        raise InputError(f"--out must be a folder of its own, found the run {out}: choose another one")
    if path.resolve() == Path.cwd():
        raise InputError("--out must be a folder of its own, found the working directory: choose another one")
    there = next(one for one in (path, *path.absolute().parents) if one.exists())
    if not there.is_dir():
        raise InputError(f"--out must be a folder, found the file {there}: choose another one")


def _chosen(table: Table, targets: NDArray[np.float64], target: str, fidelity: str | None) -> list[int]:
    """The positions of the rows to learn from: those with a target, of one fidelity."""
    rows: list[int] = np.flatnonzero(np.isfinite(targets)).tolist()
    if not rows:
        raise InputError(f"{table.path}: expected rows with a number in {target!r}, found none among {len(targets)}")
    if FIDELITY not in table.columns and fidelity is None:
        return rows
    by_fidelity: dict[str, list[int]] = {name: [] for name in table.fidelities}
    names = table.column(FIDELITY)
    for row in rows:
        by_fidelity.setdefault(str(names[row]), []).append(row)
    found = [name for name, own in by_fidelity.items() if own]
    if fidelity is not None:
        if fidelity not in found:
            raise InputError(
                f"{table.path}: expected rows of the fidelity {fidelity!r} with a number in {target!r}, found "
                f"{', '.join(found)}"
            )
        return by_fidelity[fidelity]
    if len(found) > 1 and not table.fidelities:
        raise InputError(f"{table.path}: expected rows of one fidelity, found {', '.join(found)}: choose by --fidelity")
    enough = [name for name in found if len(by_fidelity[name]) >= FEWEST_ROWS]
    return by_fidelity[enough[-1] if enough else max(found, key=lambda name: len(by_fidelity[name]))]


def _quality(surrogate: Surrogate) -> str:
    """What cross-validation chose, and how well that ranks rows which it has not seen."""
    choice = surrogate.choice_
    if choice is None:
        return f"{surrogate.model}: the same prediction for every genotype"
    members, ranks = choice.candidate.members, choice.candidate.ranks
    chosen = f"{surrogate.model}: {' and '.join(members)}, learning from {'ranks' if ranks else 'the targets'}"
    return chosen if choice.tau is None else f"{chosen}; Kendall tau {choice.tau:.2f} on rows held out in turn"
