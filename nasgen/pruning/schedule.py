"""Schedules: how many weights go at each step. Each is a frozen value with one method."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from torch import Tensor

from search_spaces.sparse.measures import exact, kept_at


@dataclass(frozen=True, eq=False)
class Left:
    """Where pruning stands.

    Attributes
    ----------
    total
        Weights before the first step.
    saliencies
        Of those that are left, in the order in which they go; shape (left,).
    """

    total: int
    saliencies: Tensor

    def __len__(self) -> int:
        """How many weights are left."""
        return len(self.saliencies)


@runtime_checkable
class Schedule(Protocol):
    """How many weights go at a step."""

    def count(self, step: int, left: Left) -> int:
        """Weights to remove at a step from 0; 0 when it is over."""
        ...


def _down_to(rate: float | Fraction, left: Left) -> int:
    return max(0, len(left) - kept_at(rate, left.total))


def _one_at_least(rate: float | Fraction, last: float, left: Left) -> int:
    """Down to a rate, by one where that is nothing, but no further than to the last rate."""
    return min(max(1, _down_to(rate, left)), _down_to(last, left))


@dataclass(frozen=True)
class OneShot:
    """All at once: a share ``rate`` of all weights."""

    rate: float

    def count(self, step: int, left: Left) -> int:
        """Everything at step 0."""
        return _down_to(self.rate, left) if step == 0 else 0


@dataclass(frozen=True)
class Once:
    """A number of weights, all at once."""

    size: int

    def count(self, step: int, left: Left) -> int:
        """The number at step 0."""
        return self.size if step == 0 else 0


@dataclass(frozen=True)
class FixedSize:
    """A number of weights at each step, as long as there are more."""

    size: int

    def count(self, step: int, left: Left) -> int:
        """The number."""
        return self.size if self.size < len(left) else 0


@dataclass(frozen=True)
class Relative:
    """A share ``rate`` of the weights that are left, rounded down."""

    rate: float

    def count(self, step: int, left: Left) -> int:
        """Of 5 weights at a half: 2."""
        return int(exact(self.rate) * len(left))


@dataclass(frozen=True)
class Bucket:
    """As many weights, in the order in which they go, as sum up to no more than ``size`` in saliency.

    Saliencies count as the scope compares them.
    """

    size: float

    def count(self, step: int, left: Left) -> int:
        """The largest such prefix, to which the next weight would be too much; all but one weight at most."""
        return int((left.saliencies[:-1].cumsum(0) <= self.size).sum())


@dataclass(frozen=True)
class Cubic:
    """To a ``rate`` in a number of steps, most at first: rate (1 - (1 - t)^3) (Zhu, Gupta 2017, eq. 1)."""

    rate: float
    steps: int

    def count(self, step: int, left: Left) -> int:
        """Down to the rate of this step; one at least, until the last rate is reached."""
        if step >= self.steps:
            return 0
        done = Fraction(step + 1, self.steps)
        return _one_at_least(exact(self.rate) * (1 - (1 - done) ** 3), self.rate, left)


@dataclass(frozen=True)
class Geometric:
    """To a ``rate`` in a number of steps, each with the same share of what the one before left."""

    rate: float
    steps: int

    def count(self, step: int, left: Left) -> int:
        """Down to the rate of this step; one at least, until the last rate is reached."""
        if step >= self.steps:
            return 0
        last = step == self.steps - 1
        now = self.rate if last else 1 - (1 - self.rate) ** ((step + 1) / self.steps)
        return _one_at_least(now, self.rate, left)
