"""The tables of random structures of recurrent networks, one kind after the other."""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.rnn_priors.context import Context, Maker
from nasgen.reproduce.rnn_priors.correlations import correlation_tables
from nasgen.reproduce.rnn_priors.dense import dense_training_tables
from nasgen.reproduce.rnn_priors.folds import fold_tables
from nasgen.reproduce.rnn_priors.networks import stored_network_tables
from nasgen.reproduce.rnn_priors.split import split_tables
from nasgen.reproduce.rnn_priors.stored_tables import read_networks
from nasgen.reproduce.rnn_priors.structure import accuracy_tables, property_tables
from nasgen.reproduce.tables import Table
from nasgen.tasks.reber import FILES

MAKERS = (
    Maker("graph properties", property_tables),
    Maker("accuracies by generator", accuracy_tables),
    Maker("correlations", correlation_tables),
    Maker("stored networks", stored_network_tables, needs_state_dicts=True, needs_strings=True),
    Maker("a dense network, trained again", dense_training_tables, needs_strings=True),
    Maker("R2 on the authors' split", split_tables),
    Maker("R2 on ten folds", fold_tables),
)
"""In the order in which the tables are shown."""


def tables_of(request: Request) -> list[Table]:
    """All tables; those that need ``state_dicts``, or strings among the data, are left out without; a line says so.

    Raises
    ------
    InputError
        If a file is missing or malformed.
    """
    data, state_dicts, say = request.data, request.state_dicts, request.say
    context = Context(read_networks(data), state_dicts, say, data)
    tables: list[Table] = []
    for maker in MAKERS:
        if maker.needs_state_dicts and state_dicts is None:
            say(f"{maker.what}: left out, --state-dicts names no folder of trained networks")
            continue
        if maker.needs_strings and not any((data / name).exists() for name in FILES):
            say(f"{maker.what}: left out, {data} holds no {' and no '.join(FILES)}")
            continue
        say(f"{maker.what} ...")
        tables += maker.make(context)
    return tables
