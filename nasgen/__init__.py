"""nasgen: find neural network structures.

``nasgen.search(...)`` runs a whole search; ``Store``, the strategies and the row types are for those who build on it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasgen.baselines import HistoryStrategy, LocalSearch, RandomSearch, RegularizedEvolution
    from nasgen.errors import InputError
    from nasgen.evaluation import Evaluation, Failure, Outcome, Request
    from nasgen.evolution import Evolution
    from nasgen.generational import GenerationalEvolution
    from nasgen.nsga2 import NSGA2
    from nasgen.result import SearchResult
    from nasgen.searching import resume, search
    from nasgen.store import Store
    from nasgen.strategy import Proposal, Strategy

_HOMES = {
    "Evaluation": "evaluation",
    "Evolution": "evolution",
    "Failure": "evaluation",
    "GenerationalEvolution": "generational",
    "HistoryStrategy": "baselines",
    "InputError": "errors",
    "LocalSearch": "baselines",
    "NSGA2": "nsga2",
    "Outcome": "evaluation",
    "Proposal": "strategy",
    "RandomSearch": "baselines",
    "RegularizedEvolution": "baselines",
    "Request": "evaluation",
    "SearchResult": "result",
    "Store": "store",
    "Strategy": "strategy",
    "resume": "searching",
    "search": "searching",
}

__all__ = [
    "NSGA2",
    "Evaluation",
    "Evolution",
    "Failure",
    "GenerationalEvolution",
    "HistoryStrategy",
    "InputError",
    "LocalSearch",
    "Outcome",
    "Proposal",
    "RandomSearch",
    "RegularizedEvolution",
    "Request",
    "SearchResult",
    "Store",
    "Strategy",
    "resume",
    "search",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the package itself imports in milliseconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nasgen' has no attribute {name!r}")
    return getattr(import_module(f"nasgen.{_HOMES[name]}"), name)
