"""Request, Outcome and Evaluation: what goes to a worker, what comes back, and the row that is kept."""

from __future__ import annotations

import hashlib
import math
import re
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any

TRACE_LINES = 8

_VOLATILE = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x..."),
    (re.compile(r"\b(pid|process|thread)([ =:#]+)\d+", re.IGNORECASE), r"\1\2..."),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*|\b\d\d:\d\d:\d\d(\.\d+)?"), "..."),
    (re.compile(r"(?<![\w.])(?:[A-Za-z]:\\|/)(?:[\w.+@-]+[/\\])+([\w.+@-]+)"), r"\1"),
)


def timeless(text: str) -> str:
    """The text without paths, addresses, process numbers and times, so that two runs of one seed agree."""
    for pattern, replacement in _VOLATILE:
        text = pattern.sub(replacement, text)
    return text


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a candidate has no fitness.

    Attributes
    ----------
    kind
        ``exception``, ``diverged``, ``non-finite``, ``out-of-memory``, ``deadline``, ``worker-lost`` or
        ``not-in-table``; ``weights-missing`` ends the search.
    message
        One line for a person, without paths, addresses, process numbers or times.
    trace
        The last lines of the trace, innermost last; empty where there was no exception.
    """

    kind: str
    message: str
    trace: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", " ".join(timeless(self.message).split()))
        object.__setattr__(self, "trace", tuple(self.trace))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

    @classmethod
    def of(cls, error: BaseException, kind: str = "exception") -> Failure:
        """The failure an exception stands for."""
        frames = traceback.extract_tb(error.__traceback__)[-TRACE_LINES:]
        lines = (f"{PurePath(frame.filename).name}, {frame.name}: {frame.line or ''}" for frame in frames)
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return cls(kind, text, tuple(timeless(line) for line in lines))


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a worker, with everything that the answer may depend on.

    Attributes
    ----------
    number
        Position among all asks of the run, from 0.
    genotype, key
        The text of the genotype, and the key of what it means.
    seed
        Of the training; a function of the run's seed, the key and ``repeat`` alone.
    fidelity
        Name of the budget it is trained at.
    repeat
        0 but for deliberate repetitions of one (key, fidelity).
    round
        Number of the ask/tell round it came from.
    parents, operator
        Keys of the parents, and what made the genotype out of them.
    predicted, predicted_std
        The surrogate's fitness and spread at ask time, where one had been fitted.
    ceilings
        The validation losses beyond which the training ends after each epoch (:mod:`nasgen.training.stopping`).
    inherits
        SHA-256 of the parent's stored weights that the training starts from (:mod:`nasgen.training.inheritance`); empty
        where it starts afresh.
    """

    number: int
    genotype: str
    key: str
    seed: int
    fidelity: str = "search"
    repeat: int = 0
    round: int = 0
    parents: tuple[str, ...] = ()
    operator: str = "sample"
    predicted: float | None = None
    predicted_std: float | None = None
    ceilings: tuple[float | None, ...] = ()
    inherits: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """The request of ``dataclasses.asdict``, whose tuples JSON made lists of."""
        return cls(**{**values, "parents": tuple(values["parents"]), "ceilings": tuple(values["ceilings"])})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker answers: a finite fitness with its metrics, or a failure.

    Attributes
    ----------
    fitness
        The number maximised, or None where ``failure`` says why.
    metrics
        JSON values: ``accuracy`` a row of validation accuracies by epoch, ``parameters``, ``macs``, ...
    origin
        ``trained``, ``looked-up`` or ``inherited``.
    seconds
        Wall time of the evaluation.
    attempt
        Which attempt answered, from 1.
    weights
        SHA-256 of the stored weights that the training ended with; empty where none are kept.
    """

    fitness: float | None = None
    failure: Failure | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "trained"
    seconds: float = 0.0
    attempt: int = 1
    weights: str = ""

    def __post_init__(self) -> None:
        if self.failure is None and (self.fitness is None or not math.isfinite(self.fitness)):
            object.__setattr__(self, "failure", Failure("non-finite", f"the fitness is {self.fitness}"))
        if self.failure is not None:
            object.__setattr__(self, "fitness", None)

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON values, for the way back from a worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Outcome:
        """The outcome of :meth:`to_json`."""
        failure = values["failure"]
        return cls(**{**values, "failure": Failure(**failure) if failure else None})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A row: what was asked and what came of it. Strategies are told it, tables and surrogates read it."""

    request: Request
    outcome: Outcome

    @property
    def number(self) -> int:
        """Position among all asks of the run."""
        return self.request.number

    @property
    def genotype(self) -> str:
        """The text of the genotype."""
        return self.request.genotype

    @property
    def key(self) -> str:
        """The key of the genotype."""
        return self.request.key

    @property
    def fitness(self) -> float | None:
        """The number maximised; None for a failure."""
        return self.outcome.fitness

    @property
    def validation_accuracy(self) -> float | None:
        """What the training ended with, 0..1: the fitness but for a bonus. None of look-ups and failures."""
        curve = self.outcome.metrics.get("accuracy")
        return curve[-1] if isinstance(curve, list) and curve else None

    @property
    def failed(self) -> bool:
        """Whether the candidate has no fitness."""
        return self.outcome.failure is not None


def fitness_or_worst(evaluation: Evaluation) -> float:
    """The fitness, with failures below everything."""
    return -math.inf if evaluation.fitness is None else evaluation.fitness


def candidate_seed(seed: int, key: str, repeat: int = 0) -> int:
    """The seed of one training: the same whatever else is asked, in whatever order, on whatever machine."""
    digest = hashlib.blake2b(f"{seed}/{key}/{repeat}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
