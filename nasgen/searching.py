"""Search: from a data set or a table to the best structure found, in one call; and going on after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasgen.clock import Clock
from nasgen.errors import InputError
from nasgen.folder import FORMAT_VERSION, RunFolder
from nasgen.result import SearchResult, result_of
from nasgen.settings import Arguments, Settings, read_arguments
from nasgen.store import Store

if TYPE_CHECKING:
    from nasgen.resolve import Resolved
    from nasgen.view import View

BASELINE_ARGUMENTS = {"strategy": "random", "surrogate": "off", "baseline": None}
FIRST_DEADLINE = 600.0  # seconds for an evaluation while none has ended yet
DEADLINE_FACTOR = 10.0  # later, times the longest that ended, but at least a minute


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
        ``cnn``, ``nasbench201`` or ``FILE.py:NAME``.
    task
        ``digits`` (default), ``FILE.npz``, ``openml:NAME``, or arrays ``(x, y, x_test, y_test)`` with images of
        shape (n, H, W) or (n, H, W, C).
    out
        Folder of the run; must not hold one.
    evaluations, minutes
        The budget; either may stand alone.
    seed
        Of everything.
    objectives
        ``("accuracy", "parameters")`` and the like, with ``strategy="nsga2"``.
    options
        The other options of ``nasgen search``, with underscores: ``strategy``, ``workers``, ``surrogate``, ...

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
    """Start a search anew in its folder."""
    folder = RunFolder.create(arguments.out, arguments.model_dump(mode="json"))
    try:
        return _start_in(folder, arguments, arrays)
    finally:
        folder.unlock()


def _start_in(folder: RunFolder, arguments: Arguments, arrays: Sequence[Any] | None) -> SearchResult:
    """Resolve the arguments, complete ``run.json``, and run; bad input leaves nothing behind."""
    from nasgen.view import View

    started = time.monotonic()
    view = View()
    try:
        if arrays is not None:
            from nasgen.tasks import get_task, save_task

            save_task(get_task(arrays), folder.data)
        resolved = _settle(folder, arguments, view.say)
    except InputError:
        folder.discard()
        raise
    return _run(folder, resolved, started)


def _settle(folder: RunFolder, arguments: Arguments, say: Callable[[str], None]) -> Resolved:
    """Resolve, check that space and strategy can be made, and bind the run to what it was started with."""
    import numpy as np

    from nasgen.assembly import make_space, make_strategy
    from nasgen.fingerprint import identity
    from nasgen.numerics import environment
    from nasgen.objectives import check_objectives
    from nasgen.resolve import resolve

    resolved = resolve(arguments, folder, say)
    settings, space = resolved.settings, make_space(resolved.settings)
    if settings.trains and len(settings.objectives) > 1:
        graph = space.to_graph(space.sample(np.random.default_rng(0)))
        check_objectives(settings.objectives, {*graph.info, "parameters"})
    make_strategy(settings, space, asked=lambda key: False)
    folder.write(
        {
            "version": FORMAT_VERSION,
            "provisional": False,
            "arguments": arguments.model_dump(mode="json"),
            "settings": settings.model_dump(mode="json"),
            "identity": identity(settings, resolved.data_hash),
            "environment": environment(),
        }
    )
    return resolved


def resume(
    path: str | Path,
    *,
    evaluations: int | None = None,
    minutes: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    accept_environment: bool = False,
) -> SearchResult:
    """Go on with a run from where its store stands.

    Budgets may grow, and workers may change; everything that decides a row stays.

    Raises
    ------
    InputError
        If the folder holds no run, another process writes to it, the data or a file of the user's own has
        changed, or the environment has (unless accepted).
    """
    folder = RunFolder.open(path)
    folder.lock()
    try:
        values = folder.read()
        asked = {"evaluations": evaluations, "minutes": minutes, "workers": workers, "executor": executor}
        changed = {name: value for name, value in asked.items() if value is not None}
        if executor == "inline":
            changed.setdefault("workers", 1)
        arguments = read_arguments(**{**values["arguments"], **changed})
        if values["provisional"]:  # it had asked for nothing yet
            kept = folder.data.read_bytes() if folder.data.exists() else None
            folder.clear()
            if kept is not None:
                folder.data.write_bytes(kept)
            folder.write(values)
            Store(folder.store_path).close()
            return _start_in(folder, arguments, None)
        started = time.monotonic()
        settings = _grown(Settings(**values["settings"]), arguments, changed)
        resolved = _reopen(settings, values, accept_environment)
        folder.write({**values, "settings": settings.model_dump(mode="json")})
        return _run(folder, resolved, started)
    finally:
        folder.unlock()


def _grown(settings: Settings, arguments: Arguments, changed: Mapping[str, Any]) -> Settings:
    """The settings with larger budgets and other workers, of what ``changed`` in the arguments."""
    from nasgen.resolve import executor_for, n_workers

    update: dict[str, Any] = {}
    for name in changed.keys() & {"evaluations", "minutes"}:
        before, update[name] = getattr(settings, name), changed[name]
        if before is not None and changed[name] < before:
            raise InputError(f"--{name} may grow on resume, from {before}, found {changed[name]}")
    if changed.keys() & {"workers", "executor"}:
        update |= {"workers": n_workers(arguments), "executor": executor_for(arguments)}
    return settings.model_copy(update=update)


def _reopen(settings: Settings, values: dict[str, Any], accept_environment: bool) -> Resolved:
    """Read the data again and refuse to mix."""
    from nasgen.fingerprint import check_environment, check_identity, identity
    from nasgen.numerics import environment
    from nasgen.plugins import file_hash
    from nasgen.resolve import Resolved
    from nasgen.tasks import get_task

    if settings.table is not None and not Path(settings.table).is_file():
        raise InputError(f"the run looks fitness up in {settings.table}, which is not there: put it back")
    task = get_task(settings.task) if settings.task is not None else None
    data_hash = task.data_hash if task is not None else file_hash(Path(str(settings.table)))
    check_identity(values["identity"], identity(settings, data_hash))
    if not accept_environment:
        check_environment(values["environment"], environment())
    return Resolved(settings, task, data_hash)


def _run(folder: RunFolder, resolved: Resolved, started: float) -> SearchResult:
    """The search itself, the winner's final training, and the baseline beside it."""
    from nasgen.assembly import make_space
    from nasgen.final import train_final
    from nasgen.view import View

    settings = resolved.settings
    space = make_space(settings)
    with Store(folder.store_path) as store:
        clock = Clock(store, settings, started)
        best = store.best()
        view = View(
            settings.evaluations,
            clock.left(),
            done=store.n_results,
            failures=store.failure_counts(),
            best=best[0].fitness if best else None,
        )
        try:
            _evaluate(folder, settings, space, store, view, clock)
            if resolved.task is not None:
                train_final(settings, resolved.task, space, store, folder, view.say, clock.left())
        finally:
            clock.keep()
        baseline = _run_baseline(folder, settings, resolved, store, view) if settings.baseline else None
        return result_of(folder, settings, store, baseline)


def _evaluate(folder: RunFolder, settings: Settings, space: Any, store: Store, view: View, clock: Clock) -> None:
    """Ask, evaluate, record and tell until the budget is spent."""
    from threadpoolctl import threadpool_limits

    from nasgen.assembly import make_executor, make_strategy
    from nasgen.faults import Dispatcher
    from nasgen.run import Run

    strategy = make_strategy(settings, space, lambda key: store.was_asked(key, "search"))
    if settings.executor == "processes" and settings.workers > settings.window and not strategy.generational:
        view.say(f"--workers {settings.workers} exceeds the window of {settings.window}: the others will be idle")
    longest = 0.0

    def on_result(request: Any, outcome: Any) -> None:
        nonlocal longest
        longest = max(longest, outcome.seconds)
        clock.keep()
        view.result(request, outcome)

    def deadline() -> float:
        if settings.deadline is not None:
            return settings.deadline
        return max(60.0, DEADLINE_FACTOR * longest) if longest else FIRST_DEADLINE

    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1, user_api="blas"))  # sums of the driver's models, cut up by threads
        executor = stack.enter_context(make_executor(settings, folder.log))
        stack.enter_context(view)

        def on_lost(request: Any, attempt: int, failure: Any) -> None:
            store.record_loss(request.number, attempt, failure)

        dispatcher = Dispatcher(executor, deadline=deadline, on_lost=on_lost)
        Run(
            space=space,
            strategy=strategy,
            dispatcher=dispatcher,
            store=store,
            seed=settings.seed,
            evaluations=settings.evaluations,
            window=settings.window,
            may_ask=clock.may_ask,
            on_result=on_result,
        )()


def _run_baseline(folder: RunFolder, settings: Settings, resolved: Resolved, store: Store, view: View) -> SearchResult:
    """A random search of as many trainings, in a run folder of its own inside this one."""
    from nasgen.fingerprint import identity
    from nasgen.resolve import Resolved

    view.say("baseline: a random search of equal trainings")
    theirs = settings.model_copy(
        update={
            **BASELINE_ARGUMENTS,
            "evaluations": store.n_results,
            "minutes": None,
            "strategy_options": {},
            "objectives": settings.objectives[:1],
        }
    )
    baseline = folder.baseline
    values = folder.read()
    if baseline.run_json.exists():
        baseline.lock()
    else:
        baseline = RunFolder.create(baseline.path, values["arguments"])
    try:
        # anew on every resume: the budget may have grown
        chosen = {"settings": theirs.model_dump(mode="json"), "identity": identity(theirs, resolved.data_hash)}
        baseline.write({**values, **chosen})
        return _run(baseline, Resolved(theirs, resolved.task, resolved.data_hash), time.monotonic())
    finally:
        baseline.unlock()
