"""Recorded trainings made again and again, each time with other rubbish in memory: they come to one result.

    nasgen table RUN --csv > TABLE
    python benchmarks/repeated_trainings.py RUN/run.json TABLE NUMBER [NUMBER ...] [--times 10] [--task DATA]

Each training runs in a process of its own, as the run's workers ran it: settings, seed and fidelity are the recorded
ones (weights are not inherited). Prints the results that it came to, and exits 1 where there was more than one or a
failure. The recorded one is printed beside them: it is the same on the same kind of processor.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from rubbish import environment


def trained(run: Path, row: dict[str, str], task: str | None) -> dict[str, Any]:
    """What the training of a row comes to, here and now."""
    from nasgen.evaluation import Request
    from nasgen.settings import Settings
    from nasgen.training.evaluators import answer, build_evaluator

    settings = Settings.model_validate(json.loads(run.read_text())["settings"])
    spec = settings.model_copy(update={"task": task or settings.task}).evaluator_spec()
    request = Request(
        int(row["number"]), row["genotype"], row["key"], int(row["seed"]), row["fidelity"], int(row["repeat"])
    )
    outcome = answer(build_evaluator(spec), request)
    return {
        "failure": str(outcome.failure or ""),
        "fitness": outcome.fitness,
        **{name: outcome.metrics.get(name) for name in ("loss", "train_loss")},
    }


def repeated(options: argparse.Namespace, number: int) -> Counter[str]:
    """The results of a row, with how often each was met."""
    fixed = [sys.executable, __file__, str(options.run), str(options.table), str(number), "--once"]
    command = fixed + (["--task", options.task] if options.task else [])
    return Counter(
        subprocess.run(command, env=environment(time), check=True, stdout=subprocess.PIPE, text=True).stdout
        for time in range(options.times)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN.json")
    parser.add_argument("table", type=Path)
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--task", help="the data, where they lie elsewhere now")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with options.table.open() as file:
        rows = {int(row["number"]): row for row in csv.DictReader(file)}
    if options.once:
        print(json.dumps(trained(options.run, rows[options.numbers[0]], options.task)))
        return
    wrong = False
    for number in options.numbers:
        results = repeated(options, number)
        recorded = rows[number]["fitness"] or rows[number]["failure"]
        print(f"{number}: {options.times} trainings, {len(results)} results; recorded: {recorded}", flush=True)
        for text, times in results.most_common():
            result = json.loads(text)
            print(f"    {times} times {result['failure'] or result['fitness']}")
            wrong |= bool(result["failure"])
        wrong |= len(results) > 1
    sys.exit(wrong)


if __name__ == "__main__":
    main()
