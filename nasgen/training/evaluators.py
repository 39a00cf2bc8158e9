"""Evaluators: what turns a request into an outcome, by training or by looking up.

An evaluator is made in every worker from a *spec* of JSON values, so that the same spec serves this process,
other processes and other machines.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from nasgen.errors import InputError
from nasgen.evaluation import Failure, Outcome, Request
from nasgen.plugins import check_options, is_plugin, load_plugin
from nasgen.training.bonus import bonus_of
from nasgen.training.inheritance import WeightStore
from nasgen.training.stopping import hopeless
from search_spaces import InheritingSpace, NarrowingSpace, TrainableSpace, get_space
from search_spaces.space import SPACES, space_class

if TYPE_CHECKING:
    from torch import nn

    from nasgen.tasks.examples import Examples

INHERITING_BATCH = 256
"""Rows by which new layers learn the scale of what they pass on."""

OF_A_SPACE = ("name", "sample", "mutate", "crossover", "validate", "encode", "decode", "key", "to_graph")
OF_A_TRAINABLE_SPACE = ("build",)
"""What the engine calls, of :class:`search_spaces.SearchSpace` and :class:`search_spaces.TrainableSpace`."""


class Evaluator(Protocol):
    """What is asked for the fitness of a genotype."""

    def evaluate(self, request: Request) -> Outcome:
        """The outcome of one request; whatever it raises becomes a failed outcome in :func:`answer`."""
        ...


def answer(evaluator: Evaluator, request: Request) -> Outcome:
    """Evaluate, turn whatever is raised into a failure, and measure the seconds.

    KeyboardInterrupt alone passes: it is the user's.
    """
    start = time.perf_counter()
    try:
        outcome = evaluator.evaluate(request)
        if not isinstance(outcome, Outcome):
            raise TypeError(f"an evaluator returns an Outcome, found {type(outcome).__name__}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = _kind(error)
        # torch's own words tell how much memory was free, which differs from run to run
        failure = Failure(kind, "the memory ran out") if kind == "out-of-memory" else Failure.of(error, kind)
        outcome = Outcome(failure=failure)
    return replace(outcome, seconds=time.perf_counter() - start)


def _kind(error: BaseException) -> str:
    """The kind of failure an exception is; torch says out-of-memory on a CPU in the message alone.

    An exception class with a ``failure_kind`` names its own.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out-of-memory"
    if isinstance(error, RuntimeError) and "allocate memory" in str(error):
        return "out-of-memory"
    return str(getattr(error, "failure_kind", "exception"))


def recorded_name(name: str, space: Any) -> str:
    """What a space is called in a record: where a file only gave options to one of the box, the record does without.

    ``name`` is what the user called it.
    """
    only_options = is_plugin(name) and space.name in SPACES and type(space) is space_class(space.name)
    return str(space.name) if only_options else name


def build_space(name: str, options: Mapping[str, Any]) -> Any:
    """A search space by name or ``FILE.py:NAME``.

    Raises
    ------
    InputError
        If there is no such space, or it refuses its options.
    """
    if not is_plugin(name):
        if name in SPACES:
            check_options(f"--space {name}", space_class(name), options)
        try:
            return get_space(name, **options)
        except (ValueError, TypeError) as error:
            raise InputError(str(error)) from error
    make = load_plugin(name)
    try:
        space = make(**options)
    except Exception as error:
        raise InputError(
            f"{name}: cannot be made with the options {', '.join(options) or '(none)'}: {type(error).__name__}: {error}"
        ) from error
    needed = OF_A_SPACE + (OF_A_TRAINABLE_SPACE if "input_shape" in options else ())
    missing = [part for part in needed if not hasattr(space, part)]
    if missing:
        raise InputError(f"{name}: a search space needs {', '.join(missing)} (search_spaces/space.py has the protocol)")
    return space


def build_evaluator(spec: Mapping[str, Any]) -> Evaluator:
    """The evaluator of a spec, whose ``kind`` is ``training``, ``table`` or ``file``.

    Raises
    ------
    InputError
        If the spec names something that is not there.
    """
    spec = dict(spec)
    kind = spec.pop("kind")
    if kind == "file":
        evaluator: Evaluator = load_plugin(spec["name"])(**spec.get("options", {}))
        return evaluator
    return TableEvaluator(**spec) if kind == "table" else TrainingEvaluator(**spec)


class TableEvaluator:
    """Fitness looked up in a table of stored trainings, keyed by the column ``arch_str``.

    Parameters
    ----------
    table
        A CSV file (compressed or not).
    fitness
        The column that is maximised.
    objectives
        Further numeric columns, kept as metrics.
    """

    def __init__(self, table: str, fitness: str, objectives: tuple[str, ...] | list[str] = ()) -> None:
        from nasgen.training.lookup import read_lookup

        self.rows = read_lookup(table, fitness, tuple(objectives))
        self.fitness = fitness

    def evaluate(self, request: Request) -> Outcome:
        """The row of the genotype's text; a text or number that the table lacks is a failure."""
        row = self.rows.get(request.genotype)
        if row is None:
            failure = Failure("not-in-table", f"no row has arch_str {request.genotype}")
            return Outcome(failure=failure, origin="looked-up")
        for name, value in row.items():
            if not math.isfinite(value):
                return Outcome(failure=Failure("non-finite", f"{name} is {value} in the table"), origin="looked-up")
        return Outcome(fitness=row[self.fitness], metrics=row, origin="looked-up")


class TrainingEvaluator:
    """Fitness by training: build the network, train it on the task's train part, score it on validation, add the bonus.

    Parameters
    ----------
    space, space_options
        Name (or ``FILE.py:NAME``) and options of a trainable space.
    task
        Name of the data, as for :func:`nasgen.tasks.get_task`.
    split_seed
        Seed of the validation split.
    fidelities
        A recipe, a number of training rows (None for all) and a share of the channels for each, as JSON values.
    threads
        Threads of torch in one evaluation.
    device
        Where it trains; None for CUDA where there is a device.
    weights
        Folder in which trained weights are kept for others to inherit; None to keep none.
    bonus
        Weights of numbers of the graph that are added to the validation accuracy.
    """

    def __init__(
        self,
        space: str,
        space_options: Mapping[str, Any],
        task: str,
        split_seed: int,
        fidelities: Mapping[str, Mapping[str, Any]],
        threads: int = 1,
        device: str | None = None,
        weights: str | None = None,
        bonus: Mapping[str, float] = {},
    ) -> None:
        from nasgen.tasks import get_task
        from nasgen.tasks.examples import training_examples
        from nasgen.training import numerics
        from nasgen.training.recipe import Recipe

        numerics.prepare(threads)
        self.weights = WeightStore(weights) if weights else None
        self.space: TrainableSpace[Any] = build_space(space, space_options)
        self.bonus = bonus
        self.task = get_task(task)
        device = device or numerics.default_device()
        self.recipes = {name: Recipe(**one["recipe"]) for name, one in fidelities.items()}
        self.widths = {name: float(one.get("width", 1.0)) for name, one in fidelities.items()}
        self.examples = {
            name: training_examples(self.task, split_seed, one["rows"], device) for name, one in fidelities.items()
        }

    def evaluate(self, request: Request) -> Outcome:
        """Train one genotype, or its narrower likeness, under the request's seed at the request's fidelity."""
        from nasgen.training.loop import initialise, train

        genotype = self.space.decode(request.genotype)
        info = self.space.to_graph(genotype).info
        genotype = self._narrowed(genotype, self.widths[request.fidelity])
        network = initialise(
            lambda: self.space.build(genotype, self.task.input_shape, self.task.n_classes), request.seed
        )
        training, validation, glance = self.examples[request.fidelity]
        inherited = self._inherit(network, genotype, request.inherits, training)
        trained = train(
            network,
            training,
            self.recipes[request.fidelity],
            seed=request.seed,
            validation=validation,
            glance=glance,
            on_epoch=lambda number, epoch: hopeless(request.ceilings, number, epoch.validation_loss),
        )
        stopped = len(trained.curve) < self.recipes[request.fidelity].epochs
        trained_costs = {"parameters": sum(parameter.numel() for parameter in network.parameters())}
        # of a narrower likeness the space alone knows what the whole network costs
        costs = {**info, **trained_costs} if self.widths[request.fidelity] == 1 else {**trained_costs, **info}
        metrics = {
            "accuracy": [epoch.validation_accuracy for epoch in trained.curve],
            "loss": [epoch.validation_loss for epoch in trained.curve],
            "train_loss": [epoch.train_loss for epoch in trained.curve],
            **costs,
            **({"stopped": len(trained.curve)} if stopped else {}),
            **inherited,
        }
        return Outcome(
            fitness=trained.fitness + bonus_of(self.bonus, info),
            metrics=metrics,
            origin="inherited" if inherited else "trained",
            weights=self.weights.save(self.space.encode(genotype), network.state_dict()) if self.weights else "",
        )

    def _narrowed(self, genotype: Any, width: float) -> Any:
        if width == 1:
            return genotype
        if not isinstance(self.space, NarrowingSpace):
            raise TypeError(f"the space {self.space.name} has no narrower networks, which the fidelity asks for")
        return self.space.narrowed(genotype, width)

    def _inherit(self, network: nn.Module, genotype: Any, digest: str, examples: Examples) -> dict[str, float]:
        """Start a network from the weights a digest names; returns the share of parameters that were copied."""
        if not digest:
            return {}
        if self.weights is None or not isinstance(self.space, InheritingSpace):
            raise TypeError("this evaluator cannot inherit weights, which the request asks for")
        parent, state = self.weights.load(digest)
        network.to(examples.device)
        batch = examples.take(slice(0, INHERITING_BATCH))
        return {"inherited": self.space.inherit(network, genotype, self.space.decode(parent), state, batch)}
