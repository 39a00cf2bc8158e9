"""Assembly: the space, the strategy and the executor that settings name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nasgen.errors import InputError
from nasgen.evaluators import build_space
from nasgen.executors import Executor, InlineExecutor, ProcessExecutor
from nasgen.plugins import is_plugin, load_plugin
from nasgen.settings import Settings
from nasgen.strategy import Strategy

WITH_SURROGATE = ("evolution", "nsga2")


def make_space(settings: Settings) -> Any:
    """The search space."""
    return build_space(settings.space, settings.space_options)


def make_strategy(settings: Settings, space: Any, asked: Callable[[str], bool]) -> Strategy[Any]:
    """The strategy, with its surrogate where it has one.

    Raises
    ------
    InputError
        If a strategy of the user's own cannot be made.
    """
    options = dict(settings.strategy_options)
    if is_plugin(settings.strategy):
        make = load_plugin(settings.strategy)
        try:
            own: Strategy[Any] = make(space, asked, **options)
        except Exception as error:
            made_from = ", ".join(("space", "asked", *options))
            raise InputError(
                f"{settings.strategy}: cannot be made from ({made_from}): {type(error).__name__}: {error}"
            ) from error
        if not isinstance(own, Strategy):
            raise InputError(
                f"{settings.strategy}: a strategy needs generational, ask, tell, state and restore; "
                "nasgen.HistoryStrategy brings all but ask and tell"
            )
        return own
    if settings.strategy in WITH_SURROGATE and settings.surrogate != "off":
        from nasgen.prescreen import make_prescreen

        options["prescreen"] = make_prescreen(space, settings.surrogate)
    if settings.strategy == "nsga2":
        from nasgen.nsga2 import NSGA2
        from nasgen.objectives import Objectives

        return NSGA2(space, asked, objectives=Objectives(settings.objectives), **options)
    if settings.strategy == "evolution":
        from nasgen.evolution import Evolution
        from nasgen.generational import GenerationalEvolution

        made: type[Any] = GenerationalEvolution if settings.profile == "paper" else Evolution
        strategy: Strategy[Any] = made(space, asked, **options)
        return strategy
    from nasgen.baselines import LocalSearch, RandomSearch, RegularizedEvolution

    baselines: dict[str, type[Any]] = {
        "random": RandomSearch,
        "regularized-evolution": RegularizedEvolution,
        "local-search": LocalSearch,
    }
    baseline: Strategy[Any] = baselines[settings.strategy](space, asked, **options)
    return baseline


def make_executor(settings: Settings, log: Path) -> Executor:
    """Where the evaluations run."""
    if settings.executor == "inline":
        return InlineExecutor(settings.evaluator_spec())
    return ProcessExecutor(settings.evaluator_spec(), settings.workers, threads=settings.threads, log=log)
