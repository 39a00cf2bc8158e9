"""Which regressors are blended, and on which scale they learn: chosen by cross-validation on the rows at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictors.metrics import kendall_tau
from predictors.models.blend import FEWEST, Calibration, calibrated, held_out, mean_of_members, told
from predictors.models.failure import gap_between_heaps
from predictors.models.latent import Latent
from predictors.models.registry import MEMBERS

Floats = NDArray[np.float64]

HEAPS = "failure-then-value"
"""The regressor for targets in two heaps."""

MARGIN = 1.0
"""By how many standard errors another candidate must be better than the first: on few rows all is a coin toss."""


@dataclass(frozen=True)
class Candidate:
    """Regressors to blend.

    Attributes
    ----------
    members
        Their names.
    ranks
        Whether they learn on the scale of ranks or from the targets as they are.
    """

    members: tuple[str, ...]
    ranks: bool

    def suits(self, y: Floats) -> bool:
        """Whether the candidate is worth trying on some targets."""
        return HEAPS not in self.members or gap_between_heaps(y) is not None

    def latent(self, y: Floats) -> Latent:
        """The scale of some targets."""
        return Latent.of(y) if self.ranks else Latent.straight(y)


@dataclass(frozen=True)
class Choice:
    """What was chosen for some rows, with its calibration: enough to learn again from more of them.

    Attributes
    ----------
    candidate
        What is blended.
    calibration
        How its scores become predictions.
    tau
        Kendall's tau between targets and predictions of rows that were held out; None where none could be.
    """

    candidate: Candidate
    calibration: Calibration
    tau: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The choice as JSON values."""
        kind = {"members": list(self.candidate.members), "ranks": self.candidate.ranks}
        return {**kind, **asdict(self.calibration), "tau": self.tau}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Choice:
        """The choice of :meth:`to_json`; ValueError if it is none."""
        try:
            members, ranks = tuple(map(str, values["members"])), values["ranks"]
            numbers = {name: float(values[name]) for name in ("slope", "intercept", "width")}
            tau = None if values["tau"] is None else float(values["tau"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"a choice holds members, ranks, slope, intercept, width and tau, found {values!r}"
            ) from error
        if not members or not set(members) <= set(MEMBERS) or not isinstance(ranks, bool):
            raise ValueError(f"a choice holds names of {', '.join(MEMBERS)} and whether on ranks, found {values!r}")
        if not np.isfinite(list(numbers.values())).all() or numbers["slope"] <= 0 or numbers["width"] < 0:
            raise ValueError(f"a choice holds finite numbers, a rising line and a width, found {values!r}")
        if tau is not None and not -1 <= tau <= 1:
            raise ValueError(f"a choice holds null or a tau from -1 to 1, found {values!r}")
        return cls(Candidate(members, ranks), Calibration(**numbers), tau)


def choose(candidates: Sequence[Candidate], X: Floats, y: Floats, random_state: int) -> Choice:
    """The candidate of the smallest error on held-out rows, measured on the scale of ranks whichever it learns on.

    The first one stays unless another is better by more than chance.
    """
    first = candidates[0]
    others = [one for one in candidates[1:] if one.suits(y)]
    if len(y) < FEWEST or np.ptp(y) == 0:
        return Choice(first, Calibration())
    predictions: dict[tuple[str, bool], tuple[Floats, Floats]] = {}
    for ranks in sorted({one.ranks for one in (first, *others)}):
        names = sorted({name for one in (first, *others) if one.ranks == ranks for name in one.members})
        scores = Candidate((), ranks).latent(y).scores_of(y)
        rows = held_out([MEMBERS[name] for name in names], X, scores, random_state)
        predictions |= {(name, ranks): row for name, row in zip(names, rows, strict=True)}
    means, choices, errors = {}, {}, {}
    for one in (first, *others):
        latent = one.latent(y)
        score, uncertainty = mean_of_members([predictions[name, one.ranks] for name in one.members])
        choices[one] = Choice(one, calibrated(latent, score, uncertainty, y))
        means[one], _ = told(latent, score, uncertainty, choices[one].calibration)
        errors[one] = (Latent.of(y).scores_of(means[one]) - Latent.of(y).scores_of(y)) ** 2
    gains = {one: errors[first] - errors[one] for one in others}
    surely = {one: gain.mean() - MARGIN * gain.std() / np.sqrt(len(y)) for one, gain in gains.items()}
    best = max(surely, key=lambda one: surely[one], default=first)
    chosen = best if surely.get(best, 0.0) > 0 else first
    return replace(choices[chosen], tau=kendall_tau(y, means[chosen]))
