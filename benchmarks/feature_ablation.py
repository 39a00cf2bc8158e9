"""What each kind of feature is worth: surrogates on real trainings, with and without it.

    NASGEN_DATA=FOLDER python benchmarks/feature_ablation.py --out runs/ablation.jsonl
        [--tables cells,nb101,digits,lstm] [--sizes 32,128] [--seeds 100:110] [--model ensemble]

Feature sets are put beside each other, and of the path features one family of columns after another is left out.
Printed is Kendall's tau on rows that were not learned from, the mean over seeds and its standard error, and how far it
lies from the first line (paired). What is in the default set was chosen by this on seeds from 100 on; reports use
others. Results are appended to --out, and what stands there is not measured again.

Tables: NAS-Bench-201 (``cells``: those with a way through; ``all-cells``), cells of NAS-Bench-101 of up to five
vertices after four epochs (``nb101``), CNNs on digits (``digits``, minus the last validation loss), and recurrent
networks of random structure (``rnn_tanh``, ``rnn_relu``, ``lstm``, ``gru``).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictors import get_features
from predictors.features.pool import Pool
from predictors.metrics import kendall_tau
from predictors.models import get_model
from search_spaces import LabelledGraph, get_space

Floats = NDArray[np.float64]

MOST_TESTED = 2000
NB101_OPS = {"-1": "input", "-2": "output", "0": "conv3x3", "1": "conv1x1", "2": "max_pool3x3"}
SETS = ("paths", "layers", "graph23", "cnn56", "relational5")

#: Feature sets side by side, the first of which the others are compared with.
BESIDE: Mapping[str, Sequence[Sequence[str]]] = {
    "several ops": (("paths",), *(("paths", name) for name in SETS[1:]), ("cnn56",)),
    "one op": (("layers",), *(("layers", name) for name in SETS if name != "layers"), ("graph23",), ("paths",)),
}

#: Families of columns of the path features.
FAMILIES: Mapping[str, str] = {
    "counts": r"count\[",
    "degrees": r"(in|out)_(mean|max)\[",
    "ends": r"(first|last)\[",
    "numbers on a path": r"(most|fewest|usual)\[",
    "paths of a set of ops": r"(longest|shortest|keeping)\[",
    "paths that keep to a set": r"keeping\[",
    "pairs of ops": r"follows\[",
    "kinds of ops": r".*\*\]",
    "attributes and info": r"(mean|max|std|final|heaviest|log)\[",
}


class Table(NamedTuple):
    """Graphs with the fitness that was measured."""

    graphs: list[LabelledGraph]
    y: Floats


def read(name: str, folder: Path) -> Table:
    """The graphs and the fitness of a table."""
    if name in ("cells", "all-cells"):
        cells = pd.read_csv(folder / "nb201.csv.gz")
        cells = cells if name == "all-cells" else cells[cells["reachable"].astype(bool)]
        space = get_space("nasbench201")
        return Table(
            [space.to_graph(space.decode(text)) for text in cells["arch_str"]], cells["cifar10_valid"].to_numpy()
        )
    if name == "nb101":
        rows = pd.read_csv(folder / "nb101_small_4ep.csv.gz").groupby("hash", as_index=False)
        rows = rows.agg({"adj": "first", "ops": "first", "validation_accuracy_ep4": "mean"})
        return Table(
            [nasbench101(adjacency, ops) for adjacency, ops in zip(rows["adj"], rows["ops"], strict=True)],
            rows["validation_accuracy_ep4"].to_numpy(),
        )
    if name == "digits":
        rows = pd.read_parquet(Path(__file__).with_name("digits_trainings.parquet")).query("repeat == 0")
        networks = get_space("cnn", input_shape=(1, 8, 8))
        graphs = [networks.to_graph(networks.decode(text)) for text in rows["genotype"]]
        return Table(graphs, np.array([-losses[-1] for losses in rows["loss"]]))
    with gzip.open(folder / f"reber_structure_{name}.jsonl.gz") as lines:
        trained = [json.loads(line) for line in lines]
    graphs = [LabelledGraph(["unit"] * row["n"], upwards(row["edges"])) for row in trained]
    return Table(graphs, np.array([row["test_acc"] for row in trained]))


def nasbench101(adjacency: str, ops: str) -> LabelledGraph:
    """The cell of rows of an upper triangular matrix and numbered ops."""
    rows = adjacency.split("|")
    edges = [(tail, head) for tail, row in enumerate(rows) for head, cell in enumerate(row) if cell == "1"]
    return LabelledGraph([NB101_OPS[op] for op in ops.split(",")], edges)


def upwards(edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Undirected edges from the lower index to the higher, without loops."""
    return sorted({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})


def variants(graphs: list[LabelledGraph]) -> dict[str, Floats]:
    """The rows of every variant, by its name."""
    pool = Pool.of(graphs)
    fitted = {name: get_features(name).fit(graphs) for name in SETS}
    rows = {name: features.compute_pool(pool) for name, features in fitted.items()}
    several = len({op for graph in graphs for op in graph.ops} - {"input", "output"}) > 1
    found = {
        " + ".join(sets): np.hstack([rows[name] for name in sets])
        for sets in BESIDE["several ops" if several else "one op"]
    }
    if several:
        names = fitted["paths"].names
        for family, pattern in FAMILIES.items():
            left = [column for column, name in enumerate(names) if not re.match(pattern, name)]
            if len(left) < len(names):
                found[f"paths without {family}"] = rows["paths"][:, left]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tables", default="cells,nb101,digits,rnn_relu,lstm")
    parser.add_argument("--sizes", default="32,128")
    parser.add_argument("--seeds", default="100:110")
    parser.add_argument("--model", default="ensemble")
    args = parser.parse_args()
    if "NASGEN_DATA" not in os.environ:
        raise SystemExit("NASGEN_DATA must name the folder that holds nb201.csv.gz")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    lines = args.out.read_text(encoding="utf-8").splitlines() if args.out.exists() else []
    known: dict[str, float] = {line["what"]: line["tau"] for line in map(json.loads, lines)}
    low, high = map(int, args.seeds.split(":"))
    for name in args.tables.split(","):
        table = read(name, Path(os.environ["NASGEN_DATA"]))
        by_variant = variants(table.graphs)
        for size in map(int, args.sizes.split(",")):
            print(f"{name}, n = {size}, {len(table.y)} rows, seeds {low} to {high - 1}")
            first: Floats | None = None
            for variant, rows in by_variant.items():
                taus = np.empty(high - low)
                for place, seed in enumerate(range(low, high)):
                    what = json.dumps([args.model, name, variant, size, seed])
                    if what not in known:
                        known[what] = measured(args.model, rows, table.y, size, seed)
                        with args.out.open("a", encoding="utf-8") as out:
                            out.write(json.dumps({"what": what, "tau": known[what]}) + "\n")
                    taus[place] = known[what]
                first = taus if first is None else first
                mean, error = taus.mean(), taus.std(ddof=1) / np.sqrt(len(taus))
                away, doubt = (taus - first).mean(), (taus - first).std(ddof=1) / np.sqrt(len(taus))
                print(
                    f"    {variant:44} {rows.shape[1]:4} columns  {mean:.3f} ({error:.3f})  {away:+.4f} ({doubt:.4f})",
                    flush=True,
                )


def measured(model: str, rows: Floats, y: Floats, size: int, seed: int) -> float:
    """Kendall's tau of one fit."""
    order = np.random.default_rng(seed).permutation(len(y))
    train, test = order[:size], order[size : size + MOST_TESTED]
    fitted = get_model(model).fit(rows[train], y[train])
    return kendall_tau(y[test], fitted.predict(rows[test])[0])


if __name__ == "__main__":
    main()
