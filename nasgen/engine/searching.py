"""Search: from a data set or a table to the best structure found, in one call; and going on after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasgen.engine.driver import run_search
from nasgen.errors import InputError
from nasgen.executors.workers import Workers, connected, where_the_gpus_are
from nasgen.planning.resolve import Resolved, resolve
from nasgen.results.result import SearchResult
from nasgen.settings import Arguments, Settings, read_arguments
from nasgen.storage.clock import Clock
from nasgen.storage.folder import FORMAT_VERSION, RunFolder
from nasgen.storage.mirror import Mirror, check_vacant, fetch, is_url
from nasgen.storage.store import Store
from search_spaces import InheritingSpace

if TYPE_CHECKING:
    from nasgen.executors.ray_cluster import Cluster


def search(
    space: str = "cnn",
    task: str | Path | Sequence[Any] | None = None,
    *,
    out: str | Path,
    evaluations: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    objectives: Sequence[str] = (),
    **options: Any,
) -> SearchResult:
    """Search a space for the structure of highest fitness, and train it.

    Parameters
    ----------
    space
        ``cnn``, ``rnn``, ``mask``, ``sparse``, ``nasbench201`` or ``FILE.py:NAME``.
    task
        ``digits`` (default for images), ``reber`` (default for sequences), ``FILE.npz``, ``openml:NAME``, or arrays
        ``(x, y, x_test, y_test)`` with images of shape (n, H, W) or (n, H, W, C), or sequences of integers of shape
        (n, steps); :func:`nasgen.tasks.get_task` lists all.
    out
        Folder of the run; must not hold one.
    evaluations, minutes
        The budget; either may stand alone.
    seed
        Of everything.
    objectives
        ``("accuracy", "parameters")`` and the like, with ``strategy="nsga2"``.
    options
        The other options of ``nasgen search``, with underscores: ``strategy``, ``workers``, ``surrogate``, ...;
        ``space_options``, ``strategy_options`` and ``bonus`` are mappings.

    Raises
    ------
    InputError
        If anything that came in is unusable; nothing is left on disk then.
    """
    arrays = None
    if task is not None and not isinstance(task, str | Path):
        # kept in the run's folder, where workers and a resume read them
        arrays, task = task, RunFolder(out).data.resolve()
    arguments = read_arguments(
        space=space,
        task=None if task is None else str(task),
        out=str(out),
        evaluations=evaluations,
        minutes=minutes,
        seed=seed,
        objectives=tuple(objectives),
        **options,
    )
    return start(arguments, arrays)


def start(arguments: Arguments, arrays: Sequence[Any] | None = None) -> SearchResult:
    """Start a search anew in its folder; bad input leaves nothing behind."""
    started = time.monotonic()
    folder = RunFolder.create(arguments.out, arguments.model_dump(mode="json"))
    with ExitStack() as stack:
        stack.callback(folder.unlock)
        try:
            if arguments.mirror is not None:
                check_vacant(arguments.mirror)
            if arrays is not None:
                from nasgen.tasks import get_task, save_task

                save_task(get_task(arrays), folder.data)
            resolved = _settle(folder, arguments, stack.enter_context(connected(arguments)))
        except InputError:
            folder.discard()
            raise
        return _run(folder, resolved, started)


def _run(folder: RunFolder, resolved: Resolved, started: float) -> SearchResult:
    """The search, with its mirror where it has one."""
    if resolved.settings.mirror is None:
        return run_search(folder, resolved, started)
    from nasgen.view import View

    with Mirror(resolved.settings.mirror, folder, View(log=folder.say).say) as mirror:
        return run_search(folder, resolved, started, mirror.check)


def _settle(folder: RunFolder, arguments: Arguments, cluster: Cluster | None) -> Resolved:
    """Resolve, check that space and strategy can be made, and bind the run to what it was started with."""
    from nasgen.planning.assembly import check_space, identity_of, make_space, make_strategy
    from nasgen.strategies.objectives import check_objectives
    from nasgen.view import View

    resolved = resolve(arguments, folder, View(log=folder.say).say, cluster)
    settings, space = resolved.settings, make_space(resolved.settings)
    info = check_space(settings.space, space)
    if settings.trains:
        check_objectives(settings.objectives, {*info, "parameters"})
    if settings.inherit and not isinstance(space, InheritingSpace):
        raise InputError(f"--inherit needs a space with the method inherit, found none in {settings.space}")
    make_strategy(settings, space, asked=lambda key, fidelity: False)
    folder.write(
        {
            "version": FORMAT_VERSION,
            "provisional": False,
            "arguments": arguments.model_dump(mode="json"),
            "settings": settings.model_dump(mode="json"),
            "identity": identity_of(settings, resolved.data_hash),
            "environment": environment_of(settings, cluster),
        }
    )
    return resolved


def resume(
    path: str | Path,
    *,
    out: str | Path | None = None,
    evaluations: int | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    ray_address: str | None = None,
    mirror: str | None = None,
    accept_environment: bool = False,
) -> SearchResult:
    """Go on with a run from where its store stands.

    Budgets may grow, and workers and where they run may change; everything that decides a row stays.

    Parameters
    ----------
    path
        Folder of the run, or the URL of its mirror; this process then owns the mirror.
    out
        Folder that the run of a mirror is put into; ``runs/NAME`` where it is left out.
    mirror
        URL of a mirror for a run that had none, or another one.

    Raises
    ------
    InputError
        If the folder holds no run, another process writes to it, the data or a file of the user's own has
        changed, or the environment has (unless accepted).
    """
    if is_url(str(path)):
        mirror = str(path)
        path = out if out is not None else Path("runs") / mirror.rstrip("/").rpartition("/")[2]
        fetch(mirror, Path(path))
    elif out is not None:
        raise InputError(f"--out goes with the URL of a mirror, found the folder {path}: leave it out")
    folder = RunFolder.open(path)
    folder.lock()
    with ExitStack() as stack:
        stack.callback(folder.unlock)
        values = folder.read()
        asked = {
            "evaluations": evaluations,
            "minutes": minutes,
            "workers": workers,
            "executor": executor,
            "ray_address": ray_address,
            "mirror": mirror,
        }
        changed = {name: value for name, value in asked.items() if value is not None}
        arguments = read_arguments(**{**values["arguments"], **_moved(changed)})
        started = time.monotonic()
        if values["provisional"]:  # it had asked for nothing yet: its store is empty
            if folder.data.exists():
                arguments = arguments.model_copy(update={"task": str(folder.data.resolve())})
            cluster = stack.enter_context(connected(arguments))
            return _run(folder, _settle(folder, arguments, cluster), started)
        settings = _grown(folder.settings(), changed)
        if folder.data.exists():  # the folder may have been moved
            settings = settings.model_copy(update={"task": str(folder.data.resolve())})
        _check_budget(folder, settings, changed)
        cluster = stack.enter_context(connected(arguments))
        if cluster is not None or settings.executor == "ray" or changed.keys() & MOVES:
            settings = settings.model_copy(update=Workers.of(arguments, cluster).settings())
        resolved = _reopen(settings, values, accept_environment, cluster)
        folder.write({**values, "settings": settings.model_dump(mode="json")})
        return _run(folder, resolved, started)


MOVES = {"workers", "executor", "ray_address"}


def _moved(changed: Mapping[str, Any]) -> dict[str, Any]:
    """What ``changed`` in the arguments, and what follows from it for those that were given at the start."""
    executor = changed.get("executor")
    if executor == "inline":
        return {"workers": 1, "ray_address": None, **changed}
    if executor in ("processes", "auto"):
        return {"ray_address": None, **changed}
    return dict(changed) if "ray_address" not in changed else {"executor": "ray", **changed}


def _grown(settings: Settings, changed: Mapping[str, Any]) -> Settings:
    """The settings with larger budgets and another mirror, of what ``changed`` in the arguments."""
    update: dict[str, Any] = {}
    for name in changed.keys() & {"evaluations", "minutes"}:
        before, update[name] = getattr(settings, name), changed[name]
        if before is not None and changed[name] < before:
            raise InputError(f"--{name} may grow on resume, from {before}, found {changed[name]}")
    if "mirror" in changed:
        update["mirror"] = changed["mirror"]
    return settings.model_copy(update=update)


def _check_budget(folder: RunFolder, settings: Settings, changed: Mapping[str, Any]) -> None:
    """Refuse a budget that grew while the other one is spent, or by too little."""
    with Store(folder.store_path, read_only=True) as store:
        clock = Clock(store, settings, time.monotonic())
        spent = {
            "evaluations": settings.evaluations is not None and store.n_asked >= settings.evaluations,
            "minutes": clock.asks_left(in_flight=0) < 1,
        }
        if "minutes" in changed and spent["minutes"] and store.meta("final") is not None:
            raise InputError(
                f"--minutes {settings.minutes:g} leave nothing to a run that has ended: a longer search and another "
                f"final training take more than {clock.least_minutes():.1f}"
            )
    for name, other in (("evaluations", "minutes"), ("minutes", "evaluations")):
        if name in changed and not spent[name] and spent[other]:
            raise InputError(
                f"--{name} {changed[name]} cannot be used: the run's --{other} {getattr(settings, other)} are spent; "
                f"give --{other} too"
            )


def environment_of(settings: Settings, cluster: Cluster | None) -> dict[str, Any]:
    """The environment in which the candidates are trained."""
    from nasgen.training.numerics import environment

    def found(trains: bool, *, say: Callable[[str], None]) -> dict[str, Any]:
        return environment(trains)

    there = where_the_gpus_are(cluster, settings.gpus_per_evaluation)
    values: dict[str, Any] = there(found, settings.trains, say=lambda line: None)
    return values


def _reopen(settings: Settings, values: dict[str, Any], accept_environment: bool, cluster: Cluster | None) -> Resolved:
    """Read the data again and refuse to mix."""
    from nasgen.planning.assembly import identity_of
    from nasgen.plugins import file_hash
    from nasgen.storage.fingerprint import check_fingerprint
    from nasgen.tasks import get_task

    if settings.table is not None and not Path(settings.table).is_file():
        raise InputError(f"the run looks fitness up in {settings.table}, which is not there: put it back")
    if settings.database is not None and not Path(settings.database).is_file():
        raise InputError(f"the run chooses among the genotypes of {settings.database}, which is not there: put it back")
    try:
        task = get_task(settings.task) if settings.task is not None else None
    except InputError as error:
        raise InputError(f"the run cannot read its data again, put it back as it was: {error}") from error
    data_hash = task.data_hash if task is not None else file_hash(Path(str(settings.table)))
    now = {"identity": identity_of(settings, data_hash), "environment": environment_of(settings, cluster)}
    check_fingerprint(values, now, accept_environment)
    return Resolved(settings, task, data_hash, cluster=cluster)
