"""Same seed, same table: over hash seeds, executors and numbers of workers.

    python benchmarks/same_table.py [--evaluations 40]

Real trainings on digits with the surrogate on, so that mutation, crossover and prescreen all take part. Compares
`nasgen table --csv` but for the columns `seconds` and `attempt`, and exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VARIANTS = (
    ("inline, hash seed 1", "1", ["--executor", "inline"]),
    ("1 process, hash seed 2", "2", ["--executor", "processes", "--workers", "1"]),
    ("3 processes, hash seed 3", "3", ["--executor", "processes", "--workers", "3"]),
    ("Ray, 1 worker, hash seed 4", "4", ["--executor", "ray", "--workers", "1"]),
    ("Ray, 3 workers, hash seed 5", "5", ["--executor", "ray", "--workers", "3"]),
)


def nasgen(*arguments: str, hash_seed: str = "0") -> str:
    """Run the command line and return its stdout."""
    command = [sys.executable, "-m", "nasgen", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def table(run: str) -> list[dict[str, str]]:
    """The rows of a run without what may differ."""
    rows = list(csv.DictReader(io.StringIO(nasgen("table", run, "--csv"))))
    for row in rows:
        del row["seconds"], row["attempt"]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=40)
    evaluations = str(parser.parse_args().evaluations)
    tables = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, hash_seed, options) in enumerate(VARIANTS):
            run = str(Path(folder) / str(number))
            nasgen(
                "search", "--task", "digits", "--evaluations", evaluations, "--out", run, *options, hash_seed=hash_seed
            )
            tables[name] = table(run)
    reference_name, reference = next(iter(tables.items()))
    operators = sorted({row["operator"] for row in reference})
    predicted = sum(bool(row["predicted"]) for row in reference)
    print(f"{len(reference)} rows; operators {', '.join(operators)}; {predicted} chosen by the surrogate")
    for name, rows in tables.items():
        print(f"{name:28} {'equal to' if rows == reference else 'DIFFERS from'} {reference_name}")
    sys.exit(any(rows != reference for rows in tables.values()))


if __name__ == "__main__":
    main()
