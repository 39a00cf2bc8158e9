"""Planning: what a search would do, said before it is done."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nasgen.settings import Arguments


def plan_search(arguments: Arguments, say: Callable[[str], None]) -> dict[str, Any]:
    """Rehearse in a folder that is thrown away, and return what the search would be.

    Returns
    -------
    Space, strategy, workers, window and evaluations (those expected, where a clock ends the search); of trainings also
    the MAC cap, rows, epochs and width of a candidate at each fidelity, rows and epochs of the winner, seconds, memory
    (MB).
    """
    from tempfile import TemporaryDirectory

    from nasgen.executors.workers import connected, where_the_gpus_are
    from nasgen.planning.assembly import make_space, make_strategy
    from nasgen.planning.resolve import resolve
    from nasgen.storage.folder import RunFolder

    started = time.monotonic()
    with TemporaryDirectory() as scratch, connected(arguments) as cluster:
        resolved = resolve(arguments, RunFolder(scratch), say, cluster)
        settings, task = resolved.settings, resolved.task
        make_strategy(settings, make_space(settings), asked=lambda key, fidelity: False)  # refused here as by a search
        plan: dict[str, Any] = {
            "space": settings.space,
            "strategy": settings.strategy,
            "workers": settings.workers,
            "window": settings.window,
            "evaluations": settings.evaluations,
        }
        if task is None or resolved.budget is None or resolved.regime is None:
            return plan
        from nasgen.planning.rehearsal import measure_rates
        from nasgen.planning.time_budget import final_seconds, search_seconds
        from nasgen.training.numerics import final_cores

        there = where_the_gpus_are(cluster, settings.gpus_per_evaluation)
        rates = resolved.rates or measure_rates(task, arguments, resolved.regime, say, there)
        final_fidelity, max_macs = resolved.budget.final, resolved.budget.max_macs
        rows, all_rows = len(task.split(settings.seed)[0]), len(task.y_train)
        each = search_seconds(rates, resolved.budget, rows)
        expected = settings.expected
        final = final_seconds(rates, final_fidelity, all_rows, max_macs, final_cores())
        return {
            **plan,
            "evaluations": expected,
            "max_macs": settings.space_options.get("max_macs"),
            "augmentation": settings.augment,
            **{f"{name}_rows": one.rows or rows for name, one in settings.fidelities.items()},
            **{f"{name}_epochs": one.recipe["epochs"] for name, one in settings.fidelities.items()},
            **{f"{name}_width": one.width for name, one in settings.fidelities.items()},
            "final_rows": all_rows,
            "final_epochs": final_fidelity.recipe["epochs"],
            "seconds_an_evaluation": round(each, 1),
            "seconds_final": round(final, 1),
            "seconds": round((expected or 0) * each / settings.workers + final, 1),
            "memory_mb": round(_memory(task, settings.workers)),
            "rehearsal_seconds": round(time.monotonic() - started, 1),
        }


def _memory(task: Any, workers: int) -> float:
    """Resident memory in MB: torch in every process, and the data in each."""
    arrays = (task.x_train, task.y_train, task.x_test, task.y_test)
    data = sum(np.asarray(array).nbytes for array in arrays) / 1e6
    return (workers + 1) * (400 + 2 * data)
