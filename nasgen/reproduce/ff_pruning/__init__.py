"""Pruning of feed-forward networks: Stier, Darji, Granitzer 2021, sec. 4.1.

``protocol`` says how networks are trained, ``experiments`` and ``regularised`` are the trainings, ``tables`` puts them
beside the published figures. ``pruned_rows`` are the networks as a meta-dataset, and ``predicted`` what a surrogate
makes of it.
"""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = (
    "Pruning of feed-forward networks (Stier, Darji, Granitzer 2021, Experiments on Properties of Hidden Structures of "
    "Sparse Neural Networks, sec. 4.1)"
)


def make_tables(request: Request) -> list[Table]:
    """All tables, and the pruned networks as a meta-dataset beside the page; InputError if the data hold no MNIST."""
    from nasgen.reproduce.ff_pruning.predicted import predicted_table
    from nasgen.reproduce.ff_pruning.pruned_rows import FILE, pruned_rows
    from nasgen.reproduce.ff_pruning.tables import tables_of
    from nasgen.reproduce.ff_pruning.trainings import all_trainings

    results = all_trainings(request)
    rows = pruned_rows(results)
    request.out.mkdir(parents=True, exist_ok=True)
    rows.write(request.out / FILE)
    request.say(f"{len(rows)} pruned networks in {request.out / FILE}; predicting accuracy from their masks ...")
    return [*tables_of(results), predicted_table(rows)]
