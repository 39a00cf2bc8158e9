"""What a user may ask of a search, and what it resolves to.

:class:`Arguments` are the user's words, kept in the provisional ``run.json``; :class:`Settings` are what they
resolved to before the first ask, and what ``resume`` goes on with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nasgen.errors import InputError
from nasgen.plugins import is_plugin
from search_spaces.space import SPACES

STRATEGIES = ("evolution", "random", "irwin-harris", "regularized-evolution", "local-search", "bayesian", "nsga2")

FIRST_DEADLINE = 600.0
"""Seconds that an evaluation may take while none has ended yet, at the least."""

Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def is_saved(surrogate: str) -> bool:
    """Whether ``--surrogate`` names the folder of a saved one; a folder called as a model is none."""
    from predictors import MODELS

    return surrogate not in ("auto", "off", *MODELS) and Path(surrogate).is_dir()


class Arguments(_Frozen):
    """The options of ``nasgen search``; None where the user left the choice to us.

    Raises
    ------
    pydantic.ValidationError
        On values out of range and options that contradict each other; :func:`read_arguments` makes one
        line of it.
    """

    out: str
    space: str = "cnn"
    space_options: Mapping[str, Any] = {}
    task: str | None = None
    table: str | None = None
    fitness: str | None = None
    evaluations: Positive | None = None
    minutes: Annotated[float, Field(gt=0)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    strategy: str = "evolution"
    strategy_options: Mapping[str, Any] = {}
    database: str | None = None
    profile: Literal["default", "paper"] = "default"
    window: Positive | None = None
    population: Annotated[int, Field(ge=2)] | None = None
    surrogate: str = "auto"
    objectives: tuple[str, ...] = ()
    bonus: Mapping[str, Weight] = {}
    augment: Literal["auto", "none", "shift", "flip+shift"] = "auto"
    baseline: Literal["random"] | None = None
    workers: Positive | None = None
    executor: Literal["auto", "inline", "processes", "ray"] = "auto"
    ray_address: str | None = None
    mirror: str | None = None
    cpus_per_evaluation: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    gpus_per_evaluation: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    threads: Positive = 1
    deadline: Annotated[float, Field(gt=0)] | None = None
    halving: bool | None = None
    curve_stop: bool = False
    inherit: bool = False

    @model_validator(mode="before")
    @classmethod
    def _threads_of_the_share(cls, values: Any) -> Any:
        """An evaluation has as many threads as whole CPUs, unless the user says otherwise."""
        if isinstance(values, dict) and values.get("threads") is None:
            cpus = values.get("cpus_per_evaluation")
            threads = max(1, int(cpus)) if isinstance(cpus, int | float) and math.isfinite(cpus) else 1
            return {**values, "threads": threads}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Arguments:
        if self.evaluations is None and self.minutes is None:
            raise ValueError("expected a budget, found none: give --evaluations N, --minutes M or both")
        if self.space not in SPACES and not is_plugin(self.space):
            raise ValueError(f"--space must be one of {', '.join(SPACES)} or FILE.py:NAME, found {self.space!r}")
        if self.strategy not in STRATEGIES and not is_plugin(self.strategy):
            names = ", ".join(STRATEGIES)
            raise ValueError(f"--strategy must be one of {names} or FILE.py:NAME, found {self.strategy!r}")
        if (self.table is None) != (self.fitness is None):
            raise ValueError("--table FILE.csv and --fitness COLUMN go together, found only one of them")
        if self.table is not None and self.task is not None:
            raise ValueError("fitness comes from --task or from --table, found both: leave one out")
        if self.space == "nasbench201" and self.table is None:
            raise ValueError("--space nasbench201 looks its fitness up: give --table FILE.csv --fitness COLUMN")
        if self.executor == "inline" and self.workers not in (None, 1):
            raise ValueError(f"--executor inline has one worker, found --workers {self.workers}")
        if self.executor in ("inline", "processes") and self.ray_address is not None:
            raise ValueError(f"--ray-address goes with --executor ray, found --executor {self.executor}")
        gpus = self.gpus_per_evaluation
        if gpus is not None and gpus > 1 and gpus != int(gpus):
            raise ValueError(f"--gpus-per-evaluation must be a part of one GPU or a whole number, found {gpus:g}")
        if len({name.removeprefix("+") for name in self.objectives}) != len(self.objectives):
            raise ValueError(f"--objectives must differ from each other, found {','.join(self.objectives)}")
        first = self.fitness or "accuracy"
        if self.objectives and self.objectives[0] != first:
            raise ValueError(f"--objectives must begin with {first}, found {self.objectives[0]}")
        if self.table is not None and (self.halving or self.curve_stop or self.inherit):
            raise ValueError("--halving, --curve-stop and --inherit are for trainings, found --table: leave them out")
        if self.bonus:
            self._check_bonus()
        if self.database is not None and self.strategy != "bayesian":
            raise ValueError(f"--database goes with --strategy bayesian, found --strategy {self.strategy}")
        if self.database is not None and "size" in self.strategy_options:
            raise ValueError("--database says which genotypes there are, found --strategy-option size: leave it out")
        if self.strategy == "irwin-harris" and (self.halving or self.table is not None):
            found = "--halving" if self.halving else "--table"
            raise ValueError(
                f"--strategy irwin-harris trains on a tenth of the data first, found {found}: leave it out"
            )
        if self.strategy == "irwin-harris" and self.baseline is not None:
            raise ValueError("--strategy irwin-harris is a random search itself, found --baseline: leave it out")
        if self.strategy == "nsga2" and len(self.objectives) < 2:
            raise ValueError("--strategy nsga2 needs two --objectives or more, as in accuracy,parameters")
        return self

    def _check_bonus(self) -> None:
        if self.table is not None:
            raise ValueError("--bonus is added to the accuracy of trainings, found --table: leave --bonus out")
        if len(self.objectives) > 1:
            found = f"--objectives {','.join(self.objectives)}"
            raise ValueError(f"--bonus makes one number of several, found {found}: leave one of the two out")
        if is_saved(self.surrogate):  # it would go on predicting what it was fitted to
            found = f"--surrogate {self.surrogate}"
            raise ValueError(
                f"--bonus changes what fitness is, found {found}, fitted before: take auto or a model's name"
            )
        if self.curve_stop:  # by losses alone, which would end the sparse in favour of the dense
            raise ValueError("--bonus rewards more than a low loss, found --curve-stop: leave one of the two out")

    @property
    def on_a_ladder(self) -> bool:
        """Whether the best candidates are trained longer: by the default strategy under a clock, unless told."""
        by_default = self.minutes is not None and self.strategy == "evolution" and self.profile == "default"
        return by_default if self.halving is None else self.halving


class Fidelity(_Frozen):
    """A budget of one training.

    Attributes
    ----------
    recipe
        Of the training, as JSON values.
    rows
        How many training rows it reads; None for all.
    width
        Of the channels of a genotype, the share that the network has which is trained in its place.
    """

    recipe: Mapping[str, Any]
    rows: int | None = None
    width: Annotated[float, Field(gt=0, le=1)] = 1.0


class Settings(_Frozen):
    """Everything that a search's result depends on, and how it is run.

    ``fidelities`` names the budgets of a training from the lowest to the highest, empty for look-ups; ``final`` is
    the winner's. ``search_share`` is the part of a time budget after which nothing more is asked. ``curve_stop`` says
    whether trainings that fall behind are ended, and ``inherit`` whether they start from their parents' weights.
    ``database`` is the meta-dataset whose genotypes Bayesian optimisation chooses among; None where it draws them.
    ``bonus`` has the weights of what is added to the accuracy (:mod:`nasgen.training.bonus`).
    ``first_deadline`` is how many seconds an evaluation may take while none has ended yet; ``expected`` is how many
    evaluations were foreseen. ``elastic`` says whether workers come and go with the nodes of a cluster; ``workers`` are
    then those there were at first. ``mirror`` is the URL of a copy.
    """

    space: str
    space_options: Mapping[str, Any]
    task: str | None
    table: str | None
    fitness: str
    objectives: tuple[str, ...]
    bonus: Mapping[str, float] = {}
    evaluations: int | None
    minutes: float | None
    seed: int
    strategy: str
    profile: str
    strategy_options: Mapping[str, Any]
    database: str | None = None
    window: int
    surrogate: str
    augment: str
    baseline: str | None
    workers: int
    executor: Literal["inline", "processes", "ray"]
    ray_address: str | None = None
    cpus_per_evaluation: float = 1.0
    gpus_per_evaluation: float = 0.0
    elastic: bool = False
    mirror: str | None = None
    threads: int
    deadline: float | None
    fidelities: Mapping[str, Fidelity] = {}
    final: Fidelity | None = None
    search_share: float = 1.0
    curve_stop: bool = False
    inherit: bool = False
    first_deadline: float = FIRST_DEADLINE
    expected: int | None = None

    @property
    def trains(self) -> bool:
        """Whether fitness comes from training rather than from a table."""
        return self.task is not None

    def evaluator_spec(self) -> dict[str, Any]:
        """What a worker makes its evaluator from."""
        if not self.trains:
            others = [name.removeprefix("+") for name in self.objectives[1:]]
            return {"kind": "table", "table": self.table, "fitness": self.fitness, "objectives": others}
        return {
            "kind": "training",
            "space": self.space,
            "space_options": dict(self.space_options),
            "task": self.task,
            "split_seed": self.seed,
            "fidelities": {name: one.model_dump() for name, one in self.fidelities.items()},
            "threads": self.threads,
            "bonus": dict(self.bonus),
        }


def read_arguments(**values: Any) -> Arguments:
    """The arguments, checked.

    Raises
    ------
    InputError
        With one line for the first thing that is wrong.
    """
    try:
        return Arguments(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            raise InputError(str(first["ctx"]["error"])) from None
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise InputError(f"{option}: {first['msg']}, found {first['input']!r}") from None
