"""The strategies in the box, small and cheap, by name: each keeps the contract."""

from __future__ import annotations

from typing import Any

from contracts.strategy_contract import Make
from nasgen.evaluation import Evaluation, Outcome
from nasgen.strategies.baselines import LocalSearch, RandomSearch, RegularizedEvolution
from nasgen.strategies.bayesian import Bayesian
from nasgen.strategies.evolution import Evolution
from nasgen.strategies.generational import GenerationalEvolution
from nasgen.strategies.irwin_harris import IrwinHarris
from nasgen.strategies.nsga2 import NSGA2
from nasgen.strategies.objectives import Objectives
from nasgen.strategies.prescreen import Prescreen
from search_spaces.nasbench201 import Cell

TWO = ("fitness", "parameters")


class Traded(NSGA2[Cell]):
    """NSGA-II on objectives that every row has: fitness, and a cost of zero where the landscape gives none."""

    def tell(self, evaluations: Any) -> None:
        super().tell([Evaluation(row.request, with_cost(row.outcome)) for row in evaluations])


def with_cost(outcome: Outcome) -> Outcome:
    return outcome if outcome.failure else Outcome(outcome.fitness, metrics={"parameters": 0.0, **outcome.metrics})


def screen(space: Any) -> Prescreen[Any]:
    return Prescreen(space, "bayesian-ridge")


def stored_search(space: Any, asked: Any) -> Bayesian[Any]:
    cells = list(space.genotypes())
    return Bayesian(space, asked, features="relational5", initial=34, genotypes=cells[:: 1 + len(cells) // 500])


def database_search(space: Any, asked: Any, within: str) -> Bayesian[Any]:
    return Bayesian(space, asked, features="relational5", size=45, initial=34, within=within)


MAKERS: dict[str, Make] = {
    "random": RandomSearch,
    "irwin-harris": lambda space, asked: IrwinHarris(space, asked, samples=100),
    "regularized-evolution": lambda space, asked: RegularizedEvolution(space, asked, population=12, sample_size=4),
    "local-search": lambda space, asked: LocalSearch(space, asked, patience=7),
    "bayesian": lambda space, asked: database_search(space, asked, "database"),
    "bayesian-stored": stored_search,
    "bayesian-box": lambda space, asked: database_search(space, asked, "box"),
    "evolution": Evolution,
    "evolution-surrogate": lambda space, asked: Evolution(
        space, asked, prescreen=screen(space), brood=8, exploration=0.3
    ),
    "generational": lambda space, asked: GenerationalEvolution(space, asked, population=8, crossover=0.3),
    "generational-surrogate": lambda space, asked: GenerationalEvolution(
        space, asked, population=10, crossover=0.3, prescreen=screen(space)
    ),
    "generational-random-policy": lambda space, asked: GenerationalEvolution(
        space, asked, population=10, policy="random", prescreen=screen(space)
    ),
    "nsga2": lambda space, asked: Traded(space, asked, objectives=Objectives(TWO), population=8),
    "nsga2-surrogate": lambda space, asked: Traded(
        space, asked, objectives=Objectives(TWO), population=8, oversampling=2, prescreen=screen(space)
    ),
}
