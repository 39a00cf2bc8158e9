"""Same seed, same table: over hash seeds, executors, numbers of workers, and what lies in memory.

    python benchmarks/same_table.py [--evaluations 60] [--seed 9]

Real trainings on digits with the surrogate on, so that mutation, crossover and prescreen all take part, in processes
with rubbish in their memory. Compares `nasgen table --csv` but for the columns `seconds` and `attempt`, and exits 1 on
a difference, or where no structure has a convolution that is cut to the map (docs/decisions/0024).
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from rubbish import environment

from search_spaces.cnn import CnnGenotype, CnnSpace, infer_shapes
from search_spaces.cnn.shapes import taps

DIGITS = (1, 8, 8)
MANY = 128
"""Input channels from which on oneDNN left gradients of cut taps unwritten in bfloat16."""

VARIANTS = (
    ("inline, hash seed 1", "1", ["--executor", "inline"]),
    ("1 process, hash seed 2", "2", ["--executor", "processes", "--workers", "1"]),
    ("3 processes, hash seed 3", "3", ["--executor", "processes", "--workers", "3"]),
    ("Ray, 1 worker, hash seed 4", "4", ["--executor", "ray", "--workers", "1"]),
    ("Ray, 3 workers, hash seed 5", "5", ["--executor", "ray", "--workers", "3"]),
)


def nasgen(*arguments: str, hash_seed: str = "0", rubbish: int = 0) -> str:
    """Run the command line, with one rubbish or another in memory, and return its stdout."""
    command = [sys.executable, "-m", "nasgen", *arguments]
    variables = {**environment(rubbish), "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE, text=True).stdout


def table(run: str) -> list[dict[str, str]]:
    """The rows of a run without what may differ."""
    rows = list(csv.DictReader(io.StringIO(nasgen("table", run, "--csv"))))
    for row in rows:
        del row["seconds"], row["attempt"]
    return rows


def cut(genotypes: Iterable[str]) -> tuple[int, int]:
    """How many genotypes on digits have a convolution that is cut to the map, and how many one that reads many maps."""
    space = CnnSpace(input_shape=DIGITS)
    most = [max(_channels_read_by_cut_convolutions(space.decode(text)), default=0) for text in genotypes]
    return sum(channels > 0 for channels in most), sum(channels >= MANY for channels in most)


def _channels_read_by_cut_convolutions(genotype: CnnGenotype) -> Iterator[int]:
    shapes = infer_shapes(genotype, DIGITS)
    for op, inputs, (_, *sides) in zip(genotype.ops, genotype.predecessors(), shapes, strict=True):
        if op.kind == "conv" and any(taps(op.kernel, side) < op.kernel for side in sides):
            yield shapes[inputs[0]][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=9, help="of the searches")
    options = parser.parse_args()
    search = ("--task", "digits", "--evaluations", str(options.evaluations), "--seed", str(options.seed))
    tables = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, hash_seed, place) in enumerate(VARIANTS):
            run = str(Path(folder) / str(number))
            nasgen("search", *search, "--out", run, *place, hash_seed=hash_seed, rubbish=number)
            tables[name] = table(run)
    reference_name, reference = next(iter(tables.items()))
    operators = sorted({row["operator"] for row in reference})
    predicted = sum(bool(row["predicted"]) for row in reference)
    some, many = cut(row["genotype"] for row in reference)
    print(f"{len(reference)} rows; operators {', '.join(operators)}; {predicted} chosen by the surrogate")
    print(f"{some} have a convolution that is cut to the map, {many} one that reads {MANY} channels or more")
    for name, rows in tables.items():
        print(f"{name:28} {'equal to' if rows == reference else 'DIFFERS from'} {reference_name}")
    sys.exit(any(rows != reference for rows in tables.values()) or not many)


if __name__ == "__main__":
    main()
