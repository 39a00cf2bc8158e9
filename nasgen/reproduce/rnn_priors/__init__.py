"""The tables of random structures of recurrent networks: Stier, Darji, Granitzer 2021, sec. 4.3, and Darji 2021."""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = (
    "Random structures of recurrent networks (Stier, Darji, Granitzer 2021, Experiments on Properties of Hidden "
    "Structures of Sparse Neural Networks, sec. 4.3)"
)


def make_tables(request: Request) -> list[Table]:
    """All tables that the data and ``state_dicts`` allow; InputError if a file is missing or malformed."""
    from nasgen.reproduce.rnn_priors.tables import tables_of

    return tables_of(request)
