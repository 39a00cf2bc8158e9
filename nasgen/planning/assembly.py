"""Assembly: the space, the strategy and the executor that settings name."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasgen.errors import InputError
from nasgen.executors import Executor, InlineExecutor, ProcessExecutor
from nasgen.plugins import check_options, is_plugin, load_plugin
from nasgen.settings import Settings
from nasgen.storage.fingerprint import identity
from nasgen.storage.folder import RunFolder
from nasgen.strategies.halving import Halving
from nasgen.strategies.irwin_harris import IrwinHarris
from nasgen.strategies.protocol import Strategy
from nasgen.training.evaluators import build_space

if TYPE_CHECKING:
    from nasgen.executors.ray_cluster import Cluster

WITH_SURROGATE = ("evolution", "nsga2")


def fidelities_of(settings: Settings) -> list[str]:
    """Names of the fidelities, from the lowest to the highest; look-ups have one."""
    return list(settings.fidelities) or ["search"]


def make_space(settings: Settings) -> Any:
    """The search space."""
    return build_space(settings.space, settings.space_options)


def identity_of(settings: Settings, data_hash: str) -> dict[str, Any]:
    """What a run is bound to: everything that decides a row."""
    return identity(settings, data_hash, getattr(make_space(settings), "networks", ""))


def check_space(name: str, space: Any) -> Mapping[str, float]:
    """Draw a genotype and take it through everything the driver calls; returns what the space knows of it.

    Raises
    ------
    InputError
        If a method of a space of the user's own raises, or the text does not lead back to the genotype.
    """
    rng = np.random.default_rng(0)
    try:
        genotype = space.sample(rng)
        text = space.encode(genotype)
        again = space.decode(text)
        same = space.encode(again) == text and space.key(again) == space.key(genotype)
        info: Mapping[str, float] = space.to_graph(genotype).info
        space.mutate(rng, genotype)
        space.crossover(rng, genotype, again)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.name}, line {frame.lineno}"
        raise InputError(f"{name}: a first genotype failed in {where}: {type(error).__name__}: {error}") from error
    if not same:
        raise InputError(f"{name}: a genotype's text must lead back to it, with the same key; found another: {text}")
    return info


def make_strategy(settings: Settings, space: Any, asked: Callable[[str, str], bool]) -> Strategy[Any]:
    """The strategy, with its surrogate where it has one, and on a ladder where there is more than one fidelity.

    ``asked`` says whether a key was asked at a fidelity.

    Raises
    ------
    InputError
        If a strategy of the user's own cannot be made, or a database has a genotype that the space has not.
    """
    fidelities = fidelities_of(settings)
    inner = _make_one(settings, space, lambda key: asked(key, fidelities[0]))
    climbs = len(fidelities) > 1 and settings.strategy != "irwin-harris"
    return Halving(space, asked, inner, fidelities, forecasts=settings.surrogate != "off") if climbs else inner


def _make_one(settings: Settings, space: Any, asked: Callable[[str], bool]) -> Strategy[Any]:
    options = dict(settings.strategy_options)
    if is_plugin(settings.strategy):
        return _own_strategy(settings.strategy, space, asked, options)
    make = _maker(settings)
    check_options(f"--strategy {settings.strategy}", make, options)
    if settings.strategy in WITH_SURROGATE and settings.surrogate != "off":
        from nasgen.strategies.prescreen import make_prescreen

        options["prescreen"] = make_prescreen(space, settings.surrogate)
    if settings.database is not None:
        from nasgen.planning.stored_genotypes import stored_genotypes

        options["genotypes"] = stored_genotypes(settings.database, settings.space, space)
    if settings.strategy == "nsga2":
        from nasgen.strategies.objectives import Objectives

        options["objectives"] = Objectives(settings.objectives)
    if settings.strategy == "evolution" and settings.profile != "paper" and settings.fidelities:
        options["fidelities"] = list(settings.fidelities)
    try:
        strategy: Strategy[Any] = make(space, asked, **options)
    except (TypeError, ValueError) as error:
        raise InputError(f"--strategy {settings.strategy}: {error}") from error
    return strategy


def _own_strategy(name: str, space: Any, asked: Callable[[str], bool], options: Mapping[str, Any]) -> Strategy[Any]:
    """A strategy of the user's own."""
    make = load_plugin(name)
    try:
        own: Strategy[Any] = make(space, asked, **options)
    except Exception as error:
        made_from = ", ".join(("space", "asked", *options))
        raise InputError(f"{name}: cannot be made from ({made_from}): {type(error).__name__}: {error}") from error
    if not isinstance(own, Strategy):
        raise InputError(
            f"{name}: a strategy needs generational, ask, tell, state and restore; "
            "nasgen.HistoryStrategy brings all but ask and tell"
        )
    return own


def _maker(settings: Settings) -> Callable[..., Strategy[Any]]:
    """The class of a strategy in the box."""
    from nasgen.strategies.baselines import LocalSearch, RandomSearch, RegularizedEvolution
    from nasgen.strategies.bayesian import Bayesian
    from nasgen.strategies.evolution import Evolution
    from nasgen.strategies.generational import GenerationalEvolution
    from nasgen.strategies.nsga2 import NSGA2

    makers: Mapping[str, Callable[..., Strategy[Any]]] = {
        "evolution": GenerationalEvolution if settings.profile == "paper" else Evolution,
        "random": RandomSearch,
        "irwin-harris": IrwinHarris,
        "regularized-evolution": RegularizedEvolution,
        "local-search": LocalSearch,
        "bayesian": Bayesian,
        "nsga2": NSGA2,
    }
    return makers[settings.strategy]


def make_executor(
    settings: Settings, folder: RunFolder, cluster: Cluster | None = None, most: int | None = None
) -> Executor:
    """Where the evaluations run.

    Parameters
    ----------
    cluster
        The connection to Ray, where they run there.
    most
        How many can be under way at once, whatever room an elastic cluster has; None for no limit.
    """
    spec = settings.evaluator_spec()
    if settings.inherit:
        spec["weights"] = str(folder.weights.resolve())
    if settings.executor == "inline":
        return InlineExecutor(spec)
    if settings.executor == "ray":
        from nasgen.executors.ray_cluster import Share
        from nasgen.executors.ray_executor import RayExecutor

        assert cluster is not None  # Workers.of: whoever chose Ray has it
        return RayExecutor(
            spec,
            cluster,
            None if settings.elastic else settings.workers,
            most=most,
            share=Share(settings.cpus_per_evaluation, settings.gpus_per_evaluation),
            threads=settings.threads,
            log=folder.log,
            say=folder.say,
        )
    return ProcessExecutor(spec, settings.workers, threads=settings.threads, log=folder.log)
