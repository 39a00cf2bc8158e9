"""Pruning of recurrent networks: Stier, Darji, Granitzer 2021, sec. 4.2, and Darji 2021.

``stored`` reads what the authors measured, ``experiments`` prunes and trains their networks again, ``tables`` puts the
two beside each other.
"""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = (
    "Pruning of recurrent networks (Stier, Darji, Granitzer 2021, Experiments on Properties of Hidden Structures of "
    "Sparse Neural Networks, sec. 4.2)"
)


def make_tables(request: Request) -> list[Table]:
    """All tables; InputError if their results, networks or strings are missing or malformed."""
    from nasgen.reproduce.rnn_pruning.tables import tables_of
    from nasgen.reproduce.rnn_pruning.trainings import all_results

    return tables_of(all_results(request))
