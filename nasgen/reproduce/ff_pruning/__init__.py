"""Pruning of feed-forward networks: Stier, Darji, Granitzer 2021, sec. 4.1.

``protocol`` says how networks are trained, ``experiments`` and ``regularised`` are the trainings, ``tables`` puts them
beside the published figures.
"""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = (
    "Pruning of feed-forward networks (Stier, Darji, Granitzer 2021, Experiments on Properties of Hidden Structures of "
    "Sparse Neural Networks, sec. 4.1)"
)


def make_tables(request: Request) -> list[Table]:
    """All tables; InputError if the data hold no MNIST."""
    from nasgen.reproduce.ff_pruning.tables import tables_of
    from nasgen.reproduce.ff_pruning.trainings import all_trainings

    return tables_of(all_trainings(request))
