"""Resolve: from what a user said to settings with nothing left open, and to the data behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasgen.errors import InputError
from nasgen.executors.deadline import DEADLINE_FACTOR, LEAST_DEADLINE
from nasgen.executors.workers import Workers, where_the_gpus_are
from nasgen.planning.space_options import space_options
from nasgen.plugins import is_plugin, plugin_path
from nasgen.settings import FIRST_DEADLINE, Arguments, Fidelity, Settings, is_saved
from nasgen.storage.folder import RunFolder
from nasgen.strategies.irwin_harris import RETRAINED, samples_for
from search_spaces import NarrowingSpace, PerceptronSpace, ResizingSpace, TrainableSpace

if TYPE_CHECKING:
    from nasgen.executors.ray_cluster import Cluster
    from nasgen.planning.budget import Regime, TrainingBudget
    from nasgen.planning.rates import Rates
    from nasgen.tasks import Task
    from nasgen.tasks.augmentation import Augmentation

ACCURACY = "accuracy"
RELATIONAL = "relational5"

KEPT = ("openml", "reber")
"""Data of which the run keeps a copy: what takes a network, or a while, is had once."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings with the data they were resolved against (None for look-ups) and the data's hash.

    Of trainings also the ``regime`` and the ``budget``, and ``rates`` are those of the rehearsal, where there was one.
    ``cluster`` is the connection to Ray, where the evaluations run there.
    """

    settings: Settings
    task: Task | None
    data_hash: str
    regime: Regime | None = None
    budget: TrainingBudget | None = None
    rates: Rates | None = None
    cluster: Cluster | None = None


def resolve(
    arguments: Arguments, folder: RunFolder, say: Callable[[str], None], cluster: Cluster | None = None
) -> Resolved:
    """Load and check the data, and choose whatever the user left open.

    Parameters
    ----------
    arguments
        The user's words.
    folder
        Takes a copy of data that came from OpenML, so that a resume needs no network, and of Reber strings.
    say
        Told what takes a while.
    cluster
        Where the evaluations run, if that is on Ray.

    Raises
    ------
    InputError
        If the data, the table, the space, the database or the surrogate is unusable.
    """
    _check_surrogate(arguments)
    if arguments.database is not None:
        from nasgen.planning.stored_genotypes import read_metadataset

        read_metadataset(arguments.database)  # before the data, which may take a while
    workers = Workers.of(arguments, cluster)
    if arguments.table is not None:
        return _resolve_lookup(arguments, workers, cluster)
    return _resolve_training(arguments, folder, say, workers, cluster)


def _check_surrogate(arguments: Arguments) -> None:
    from nasgen.planning.assembly import WITH_SURROGATE

    if arguments.surrogate in ("auto", "off"):
        return
    if arguments.strategy not in WITH_SURROGATE:
        names = " and ".join(WITH_SURROGATE)
        raise InputError(f"--surrogate goes with --strategy {names}, found --strategy {arguments.strategy}")
    from nasgen.strategies.prescreen import check_surrogate

    check_surrogate(arguments.surrogate, _absolute(arguments.space))


def _resolve_lookup(arguments: Arguments, workers: Workers, cluster: Cluster | None) -> Resolved:
    from nasgen.plugins import file_hash
    from nasgen.training.lookup import read_lookup

    assert arguments.table is not None  # _consistent in Arguments: the two go together
    assert arguments.fitness is not None
    others = tuple(name.removeprefix("+") for name in arguments.objectives[1:])
    read_lookup(arguments.table, arguments.fitness, others)
    settings = _settings(
        arguments,
        workers,
        task=None,
        space_options=dict(arguments.space_options),
        budget=None,
        augment="none",
        first_deadline=FIRST_DEADLINE,
        expected=arguments.evaluations,
    )
    return Resolved(settings, None, file_hash(Path(arguments.table)), cluster=cluster)


def _resolve_training(
    arguments: Arguments, folder: RunFolder, say: Callable[[str], None], workers: Workers, cluster: Cluster | None
) -> Resolved:
    from nasgen.planning.assembly import check_space
    from nasgen.planning.budget import longest_training, training_budget
    from nasgen.planning.kinds import check_kind, default_task
    from nasgen.planning.probe import choose_augmentation
    from nasgen.tasks import get_task, save_task
    from nasgen.training.bonus import check_bonus

    started = time.monotonic()
    spec = arguments.task or default_task(arguments.space)
    kept = spec.partition(":")[0] in KEPT
    if kept:
        say(f"fetching {spec}" if spec.startswith("openml:") else f"making {spec}")
    task = get_task(spec)
    if kept:
        save_task(task, folder.data)
        spec = str(folder.data.resolve())
    elif spec.endswith(".npz"):
        spec = str(Path(spec).resolve())
    space = _trainable(arguments, task)
    check_kind(arguments.space, space, task)
    if arguments.bonus:
        check_bonus(arguments.bonus, check_space(arguments.space, space))
    if "auto" == arguments.augment == task.augmentation:
        say("trying augmentations on a small network")
    augment = choose_augmentation(task, arguments.augment, arguments.seed, arguments.threads)
    rows = len(task.split(arguments.seed)[0])
    regime = regime_of(space, task, augment, published=arguments.profile == "paper")
    rates, expected = None, arguments.evaluations
    if arguments.minutes is None:
        samples = samples_for(arguments.evaluations) if arguments.strategy == "irwin-harris" else 0
        budget = training_budget(task.input_shape, rows, len(task.y_train), regime, arguments.on_a_ladder, samples)
        search_share = budget.search_share  # for a resume that is given minutes
    else:
        from nasgen.planning.rehearsal import measure_rates
        from nasgen.planning.time_budget import KEPT_BACK, budget_for, candidate_seconds, expected_evaluations
        from nasgen.training.numerics import final_cores

        say("rehearsing: how fast is this machine on this data (a time budget gives up exact repeatability)")
        rates = measure_rates(task, arguments, regime, say, where_the_gpus_are(cluster, workers.gpus))
        before = time.monotonic() - started
        left = max(1.0, 60 * arguments.minutes - before)
        narrows = arguments.profile != "paper" and isinstance(space, NarrowingSpace)
        budget = budget_for(rates, task, arguments, workers.number, final_cores(), rows, regime, left, narrows)
        fitting = expected_evaluations(rates, budget, rows, left, workers.number)
        if budget.weights:  # the strategy ends by itself
            fitting = min(samples_for(int(KEPT_BACK * fitting)) + RETRAINED, round(sum(budget.weights)))
        expected = min(expected or fitting, fitting)
        search_share = (before + budget.search_share * left) / (before + left)
    options = space_options(arguments, task, budget.max_macs)
    if rates is None:
        longest = max(longest_training(one, rows, budget.max_macs) for one in budget.fidelities.values())
        first_deadline = max(FIRST_DEADLINE, longest)
    else:
        longest = max(candidate_seconds(rates, one, rows, budget.max_macs) for one in budget.fidelities.values())
        first_deadline = max(LEAST_DEADLINE, DEADLINE_FACTOR * longest)
    settings = _settings(arguments, workers, spec, options, budget, augment, first_deadline, expected, search_share)
    return Resolved(settings, task, task.data_hash, regime, budget, rates, cluster)


def regime_of(space: TrainableSpace[Any], task: Task, augment: Augmentation, published: bool = False) -> Regime:
    """What trainings of a space's networks on a task have in common; ``published`` for the source papers' protocols."""
    from nasgen.planning.budget import PerceptronRegime, Regime, SequenceRegime

    if task.kind == "sequences":
        return SequenceRegime(published=published)
    if isinstance(space, PerceptronSpace) and space.perceptrons:
        return PerceptronRegime(augment, published=published)
    return Regime.for_images(task.input_shape, augment, isinstance(space, ResizingSpace) and space.resizes)


def _trainable(arguments: Arguments, task: Task) -> TrainableSpace[Any]:
    """The space, whatever its cap will be: what its networks can do follows from its class."""
    from nasgen.planning.budget import default_max_macs
    from nasgen.training.evaluators import build_space

    space: TrainableSpace[Any] = build_space(
        arguments.space, space_options(arguments, task, default_max_macs(task.input_shape))
    )
    return space


def strategy_options(arguments: Arguments, expected: int | None) -> dict[str, Any]:
    """Options of the strategy that the budget, of so many ``expected`` evaluations, or the user decides."""
    options: dict[str, Any] = {}
    if arguments.strategy == "bayesian":
        options |= {"features": RELATIONAL if arguments.space == "mask" else "default"}
        options |= {"within": "box", "similarity": "cosine"} if arguments.profile == "paper" else {}
    if arguments.strategy == "irwin-harris":
        options["samples"] = samples_for(arguments.evaluations if arguments.minutes is None else expected)
    if arguments.population is not None and arguments.strategy not in (
        "random",
        "local-search",
        "irwin-harris",
        "bayesian",
    ):
        options["population"] = arguments.population
    return {**options, **arguments.strategy_options}


def _settings(
    arguments: Arguments,
    workers: Workers,
    task: str | None,
    space_options: dict[str, Any],
    budget: TrainingBudget | None,
    augment: str,
    first_deadline: float,
    expected: int | None,
    search_share: float = 1.0,
) -> Settings:
    from nasgen.planning.budget import window_for

    fidelities: dict[str, Fidelity] = dict(budget.fidelities) if budget else {}
    return Settings(
        space=_absolute(arguments.space),
        space_options=space_options,
        task=task,
        table=str(Path(arguments.table).resolve()) if arguments.table else None,
        fitness=arguments.fitness or ACCURACY,
        objectives=arguments.objectives or (arguments.fitness or ACCURACY,),
        bonus=arguments.bonus,
        evaluations=arguments.evaluations,
        minutes=arguments.minutes,
        seed=arguments.seed,
        strategy=_absolute(arguments.strategy),
        profile=arguments.profile,
        strategy_options=strategy_options(arguments, expected),
        database=str(Path(arguments.database).resolve()) if arguments.database is not None else None,
        expected=expected,
        window=arguments.window or window_for(expected, trains=task is not None),
        surrogate=str(Path(arguments.surrogate).resolve()) if is_saved(arguments.surrogate) else arguments.surrogate,
        augment=augment,
        baseline=arguments.baseline,
        **workers.settings(),
        mirror=arguments.mirror,
        threads=arguments.threads,
        deadline=arguments.deadline,
        first_deadline=first_deadline,
        fidelities=fidelities,
        final=budget.final if budget else None,
        search_share=search_share,
        curve_stop=arguments.curve_stop,
        inherit=arguments.inherit,
    )


def _absolute(name: str) -> str:
    return f"{plugin_path(name)}:{name.rpartition(':')[2]}" if is_plugin(name) else name
