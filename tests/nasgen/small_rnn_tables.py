"""Tables of trained recurrent networks as the authors', but small and made by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import networkx as nx

from nasgen.reproduce.rnn_priors.stored_tables import STORED_AS
from predictors import get_features
from predictors.features.properties import NAMES
from search_spaces import LabelledGraph

EACH = 10
"""Networks of each generator."""

Values = dict[str, Any]


def trained_networks() -> list[Values]:
    """Networks whose accuracy rises with the number of their vertices, and is .05 higher on WS."""
    return [_network(name, number) for name in ("barabasi_albert", "watts_strogatz") for number in range(EACH)]


def _network(generator: str, number: int) -> Values:
    n = 10 + 3 * number
    if generator == "watts_strogatz":
        graph = nx.connected_watts_strogatz_graph(n, n // 5, 1.0, seed=number)
    else:  # as old versions of networkx grew them: from m vertices without edges, to all of which the next is joined
        m = n // 10
        first: nx.Graph[int] = nx.Graph((vertex, m) for vertex in range(m))
        graph = nx.barabasi_albert_graph(n, m, seed=number, initial_graph=first)
    edges = [[min(edge), max(edge)] for edge in graph.edges]
    row = get_features("graph23").compute([LabelledGraph(["neuron"] * n, edges)])[0]
    properties = {STORED_AS.get(name, name): value for name, value in zip(NAMES, row.tolist(), strict=True)}
    accuracy = 0.6 + 0.008 * n + (0.05 if generator == "watts_strogatz" else 0.0)
    return {"graph": generator, "nr": number, "n": n, "edges": edges, **properties, "test_acc": accuracy}


def write_table(folder: Path, cell: str, lines: list[Values | str]) -> Path:
    """The table of a cell, a line of JSON each; texts as they are."""
    path = folder / f"reber_structure_{cell}.jsonl.gz"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(texts) + "\n")
    return path
