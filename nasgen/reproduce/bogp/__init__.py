"""Bayes Optimal Neural Network Pruning using Relational Graph Properties (BoGP): masks found by Bayesian optimisation.

``searches`` looks for masks, ``baselines`` prunes by magnitude, ``properties`` looks at the database, ``tables`` puts
them beside the published figures.
"""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = "Masks by Bayesian optimisation (Bayes Optimal Neural Network Pruning using Relational Graph Properties)"


def make_tables(request: Request) -> list[Table]:
    """All tables; InputError if the data hold no MNIST."""
    from nasgen.reproduce.bogp.tables import tables_of
    from nasgen.reproduce.bogp.trainings import all_results

    return tables_of(all_results(request))
