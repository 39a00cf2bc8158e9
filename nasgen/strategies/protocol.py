"""The Strategy protocol: what decides which genotypes are worth asking for.

The laws (``tests/contracts/strategy_contract.py`` runs them over every strategy): a round is made from the
generator it is given and from what was told alone; a restored strategy asks what the original would have asked;
failures are told too, and rank last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from nasgen.errors import SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation
from search_spaces import FiniteSpace, SearchSpace

G = TypeVar("G")

FAILED_DRAWS = 100
FAILED_SAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Proposal(Generic[G]):
    """A genotype that a strategy asks for, with where it came from.

    ``key`` may be left empty by a strategy that has no use for it: the engine fills it in. ``predicted`` and
    ``predicted_std`` are the surrogate's, where there is one. ``fidelity`` may be left empty too: it is the run's
    lowest then.
    """

    genotype: G
    key: str = ""
    operator: str = "sample"
    parents: tuple[str, ...] = ()
    predicted: float | None = None
    predicted_std: float | None = None
    repeat: int = 0
    fidelity: str = ""


@runtime_checkable
class Strategy(Protocol[G]):
    """What asks and is told.

    A strategy is made with its search space and ``asked``, which says whether a key was asked before, in this
    process or before a resume. ``generational`` strategies see every result before they ask again; the others
    are asked for one genotype while earlier ones are still in training, and see a prefix of the results.
    """

    generational: bool

    def ask(self, rng: np.random.Generator) -> Sequence[Proposal[G]]:
        """The next round: one genotype or a generation; it may be empty."""
        ...

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Results in the order asked, each once."""
        ...

    def state(self) -> Any:
        """JSON values from which, with the rows told so far, :meth:`restore` can go on."""
        ...

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Become what the strategy was when it returned ``state`` after being told ``told``."""
        ...


def draw_fresh(
    space: SearchSpace[G],
    rng: np.random.Generator,
    asked: Callable[[str], bool],
    draw: Callable[[], Proposal[G]],
) -> Proposal[G]:
    """A proposal that was not asked before: ``draw()``, up to 100 times, then a random genotype.

    Raises
    ------
    SearchSpaceExhaustedError
        If every genotype was asked: exactly known for a finite space, believed after 1,000 random genotypes
        for the others.
    """
    for _ in range(FAILED_DRAWS):
        proposal = with_key(space, draw())
        if not asked(proposal.key):
            return proposal
    for _ in range(FAILED_SAMPLES):
        proposal = with_key(space, Proposal(space.sample(rng)))
        if not asked(proposal.key):
            return proposal
    if isinstance(space, FiniteSpace):
        for genotype in space.genotypes():
            proposal = with_key(space, Proposal(genotype))
            if not asked(proposal.key):
                return proposal
    raise SearchSpaceExhaustedError("every genotype of the search space was asked")


def draw_distinct(
    space: SearchSpace[G],
    rng: np.random.Generator,
    asked: Callable[[str], bool],
    draws: Sequence[Callable[[], Proposal[G]]],
) -> list[Proposal[G]]:
    """One fresh proposal a draw, none twice; fewer where the space runs out in between.

    Raises
    ------
    SearchSpaceExhaustedError
        If not one is left.
    """
    drawn: dict[str, Proposal[G]] = {}
    for draw in draws:
        try:
            proposal = draw_fresh(space, rng, lambda key: key in drawn or asked(key), draw)
        except SearchSpaceExhaustedError:
            if not drawn:
                raise
            break
        drawn[proposal.key] = proposal
    return list(drawn.values())


def with_key(space: SearchSpace[G], proposal: Proposal[G]) -> Proposal[G]:
    """The proposal with the key of its genotype."""
    return proposal if proposal.key else replace(proposal, key=space.key(proposal.genotype))
