"""Bayes Optimal Neural Network Pruning using Relational Graph Properties (BoGP): masks found by Bayesian optimisation.

``plan`` says what is done, ``searches`` looks for masks, ``baselines`` prunes by magnitude, ``properties`` looks at the
database, ``tables`` puts them beside the ``published`` figures. ``mask_rows`` are the masks as a meta-dataset, and what
a surrogate makes of it.
"""

from __future__ import annotations

from nasgen.reproduce.request import Request
from nasgen.reproduce.tables import Table

TITLE = "Masks by Bayesian optimisation (Bayes Optimal Neural Network Pruning using Relational Graph Properties)"


def make_tables(request: Request) -> list[Table]:
    """All tables, and the masks as a meta-dataset beside the page; InputError if the data hold no MNIST."""
    from nasgen.reproduce.bogp.mask_rows import FILE, mask_rows, predicted_table
    from nasgen.reproduce.bogp.plan import FULL, STANDARD
    from nasgen.reproduce.bogp.tables import tables_of
    from nasgen.reproduce.bogp.trainings import all_results
    from nasgen.reproduce.mnist import check_mnist

    plan = FULL if request.full else STANDARD
    results = all_results(request, plan)
    rows = mask_rows(results, plan, check_mnist(request.data))
    request.out.mkdir(parents=True, exist_ok=True)
    rows.write(request.out / FILE)
    request.say(f"{len(rows)} masks in {request.out / FILE}; predicting accuracy from them ...")
    return [*tables_of(results, plan), predicted_table(rows)]
