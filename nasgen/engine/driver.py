"""Driver: one search from its settings to its result, over whatever its store already holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nasgen.executors.deadline import Deadline
from nasgen.executors.workers import where_the_gpus_are
from nasgen.planning.resolve import Resolved
from nasgen.planning.space_options import PAPER_RANDOM_DEPTH
from nasgen.results.result import SearchResult, result_of
from nasgen.settings import Fidelity, Settings
from nasgen.storage.clock import Clock
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store
from nasgen.winner.final import stored_final, train_final

if TYPE_CHECKING:
    from nasgen.evaluation import Failure, Outcome, Request
    from nasgen.view import View

BASELINE_ARGUMENTS = {"strategy": "random", "database": None, "surrogate": "off", "baseline": None}


def run_search(
    folder: RunFolder, resolved: Resolved, started: float, check: Callable[[], None] = lambda: None
) -> SearchResult:
    """The search itself, the winner's final training, and the baseline beside it.

    ``check`` is called after every result; what it raises ends the search.
    """
    from nasgen.planning.assembly import fidelities_of, make_space
    from nasgen.view import View

    settings = resolved.settings
    space = make_space(settings)
    with Store(folder.store_path) as store:
        fidelities = fidelities_of(settings)
        store.set_fidelities(fidelities)
        clock = Clock(store, settings, started)
        best, at_once = store.best(), min(settings.workers, settings.window)
        view = View(
            settings.evaluations,
            clock.left(),
            log=folder.say,
            workers=at_once,
            done=store.n_results,
            failures=store.failure_counts(),
            best=best[0].fitness if best else None,
            best_level=best[0].request.fidelity if best else None,
            fidelities=fidelities,
        )
        of = "" if settings.evaluations is None else f" of {settings.evaluations}"
        view.say(
            f"{settings.strategy} on {settings.space}, seed {settings.seed}: {store.n_results}{of} evaluations so far, "
            f"{at_once} at a time"
        )
        try:
            _evaluate(folder, resolved, space, store, view, clock, check)
            if resolved.task is not None:
                with clock.finishing():
                    there = where_the_gpus_are(resolved.cluster, settings.gpus_per_evaluation)
                    train_final(settings, resolved.task, space, store, folder, view.say, clock.left, there)
        finally:
            clock.keep()
        baseline = _run_baseline(folder, settings, resolved, store, view, check) if settings.baseline else None
        return result_of(folder, settings, store, baseline)


def _evaluate(
    folder: RunFolder,
    resolved: Resolved,
    space: Any,
    store: Store,
    view: View,
    clock: Clock,
    check: Callable[[], None],
) -> None:
    """Ask, evaluate, record and tell until the budget is spent."""
    from threadpoolctl import threadpool_limits

    from nasgen.engine.run import Run
    from nasgen.executors.faults import Dispatcher
    from nasgen.planning.assembly import fidelities_of, make_executor, make_strategy
    from nasgen.training.inheritance import Inheritance, WeightStore
    from nasgen.training.stopping import CurveStop

    settings = resolved.settings
    strategy = make_strategy(settings, space, store.was_asked)
    most = None if strategy.generational else settings.window
    if most is not None and settings.workers > most and not settings.elastic:
        view.say(f"{settings.workers} workers exceed the window of {settings.window}: the others will be idle")
    deadline = Deadline(settings, clock.patience)

    def on_result(request: Request, outcome: Outcome) -> None:
        deadline.note(request, outcome)
        clock.note(outcome.seconds)
        view.result(request, outcome)
        check()

    with ExitStack() as stack:
        stack.enter_context(threadpool_limits(1, user_api="blas"))  # sums of the driver's models, cut up by threads
        executor = stack.enter_context(make_executor(settings, folder, resolved.cluster, most))
        stack.enter_context(view)

        def on_lost(request: Request, attempt: int, failure: Failure) -> None:
            store.record_loss(request.number, attempt, failure)

        dispatcher = Dispatcher(executor, deadline=deadline, on_lost=on_lost)
        run = Run(
            space=space,
            strategy=strategy,
            dispatcher=dispatcher,
            store=store,
            seed=settings.seed,
            evaluations=settings.evaluations,
            window=settings.window,
            fidelity=fidelities_of(settings)[0],
            stopping=CurveStop() if settings.curve_stop else None,
            inheritance=Inheritance(WeightStore(folder.weights), fidelities_of(settings)) if settings.inherit else None,
            asks_left=lambda in_flight: clock.asks_left(in_flight, executor.capacity),
            on_result=on_result,
        )
        run()
        if run.exhausted:
            view.say(f"{run.exhausted}: the search ends after {store.n_asked} evaluations")


def _run_baseline(
    folder: RunFolder, settings: Settings, resolved: Resolved, store: Store, view: View, check: Callable[[], None]
) -> SearchResult:
    """A random search of as many evaluations at the same fidelities, in a run folder of its own inside this one.

    Where the search promotes its best, so does the baseline, by its results alone.
    """
    from nasgen.planning.assembly import identity_of

    view.say("baseline: a random search of equal trainings, on top of any time budget")
    theirs = settings.model_copy(
        update={
            **BASELINE_ARGUMENTS,
            "evaluations": store.n_results,
            "minutes": None,
            "strategy_options": {},
            "objectives": settings.objectives[:1],
            "final": _final_of(settings, store),
            "space_options": _random_options(settings),
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
        chosen = {"settings": theirs.model_dump(mode="json"), "identity": identity_of(theirs, resolved.data_hash)}
        baseline.write({**values, **chosen})
        return run_search(baseline, replace(resolved, settings=theirs), time.monotonic(), check)
    finally:
        baseline.unlock()


def _random_options(settings: Settings) -> Mapping[str, Any]:
    """The space of the baseline: in the paper's profile random genotypes start deeper.

    See docs/decisions/0005-depth-of-random-search.md.
    """
    if settings.profile == "paper" and settings.space == "cnn":
        return {**settings.space_options, "depth": list(PAPER_RANDOM_DEPTH)}
    return settings.space_options


def _final_of(settings: Settings, store: Store) -> Fidelity | None:
    """The final training that the winner had, which a clock may have cut."""
    done = stored_final(store)
    if settings.final is None or done is None:
        return settings.final
    return settings.final.model_copy(update={"recipe": {**settings.final.recipe, "epochs": done.epochs}})
