"""nasgen: find neural network structures.

``nasgen.search(...)`` runs a whole search; ``Store``, the strategies and the row types are for those who build on it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasgen.compression.curve import Pruned, prune
    from nasgen.engine.searching import resume, search
    from nasgen.errors import InputError
    from nasgen.evaluation import Evaluation, Failure, Outcome, Request
    from nasgen.results.result import SearchResult
    from nasgen.storage.store import Store
    from nasgen.strategies.baselines import HistoryStrategy, LocalSearch, RandomSearch, RegularizedEvolution
    from nasgen.strategies.evolution import Evolution
    from nasgen.strategies.generational import GenerationalEvolution
    from nasgen.strategies.nsga2 import NSGA2
    from nasgen.strategies.protocol import Proposal, Strategy

_HOMES = {
    "Evaluation": "evaluation",
    "Evolution": "strategies.evolution",
    "Failure": "evaluation",
    "GenerationalEvolution": "strategies.generational",
    "HistoryStrategy": "strategies.baselines",
    "InputError": "errors",
    "LocalSearch": "strategies.baselines",
    "NSGA2": "strategies.nsga2",
    "Outcome": "evaluation",
    "Proposal": "strategies.protocol",
    "Pruned": "compression.curve",
    "RandomSearch": "strategies.baselines",
    "RegularizedEvolution": "strategies.baselines",
    "Request": "evaluation",
    "SearchResult": "results.result",
    "Store": "storage.store",
    "Strategy": "strategies.protocol",
    "prune": "compression.curve",
    "resume": "engine.searching",
    "search": "engine.searching",
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
    "Pruned",
    "RandomSearch",
    "RegularizedEvolution",
    "Request",
    "SearchResult",
    "Store",
    "Strategy",
    "prune",
    "resume",
    "search",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the package itself imports in milliseconds."""
    if name not in _HOMES:
        raise AttributeError(f"module 'nasgen' has no attribute {name!r}")
    return getattr(import_module(f"nasgen.{_HOMES[name]}"), name)
