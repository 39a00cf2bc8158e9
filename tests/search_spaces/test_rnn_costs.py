"""Costs by hand, and against the stored networks of the thesis."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.rnn.costs import infer_costs
from search_spaces.rnn.genotype import RnnGenotype
from search_spaces.rnn.priors import oriented

#: Layers {0, 1}, {2, 4} and {3}; the sinks are 3 and 4; the edge from 0 to 3 passes over a layer.
GRAPH = RnnGenotype("tanh", 16, 5, ((0, 2), (1, 2), (2, 3), (0, 3), (0, 4)))


@pytest.mark.parametrize(
    ("cell", "embedding", "options", "parameters", "macs"),
    [
        # A gate has 2 * 16 + 5 + 4 + 4 + 1 = 46 weights and 10 biases; the embedding has 128 * 16.
        ("tanh", 16, {}, 2048 + 46 + 10 + 4, 50 * 46 + 2),
        ("relu", 16, {}, 2048 + 46 + 10 + 4, 50 * 46 + 2),
        ("gru", 16, {}, 2048 + 138 + 30 + 4, 50 * 138 + 2),
        ("lstm", 16, {}, 2048 + 184 + 40 + 4, 50 * 184 + 2),
        ("tanh", 16, {"readout": "sinks"}, 2048 + 46 + 10 + 6, 50 * 46 + 4),
        # As wide as the first layer, a gate has 2 * 2 + 5 + 4 + 4 + 1 = 18 weights, and the embedding 128 * 2.
        ("gru", 0, {}, 256 + 54 + 30 + 4, 50 * 54 + 2),
        # The thesis has a second cell for the last layer: 1 weight and 2 biases a gate.
        ("gru", 0, {"compat": "thesis"}, 256 + 57 + 36 + 4, 50 * 57 + 2),
    ],
)
def test_costs_by_hand(cell: str, embedding: int, options: dict[str, str], parameters: int, macs: int) -> None:
    genotype = replace(GRAPH, cell=cell, embedding=embedding)
    costs = infer_costs(genotype, 50, 2, vocabulary=128, **options)  # type: ignore[arg-type]  # texts by name
    assert (costs.widths, costs.parameters, costs.macs) == ((2, 2, 1), parameters, macs)


def test_costs_grow_with_steps_classes_and_symbols() -> None:
    costs = infer_costs(GRAPH, 10, 5, vocabulary=7)
    assert (costs.parameters, costs.macs) == (7 * 16 + 46 + 10 + 2 * 5, 10 * 46 + 5)


def test_cycles_are_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        infer_costs(replace(GRAPH, edges=((0, 1), (1, 0))), 50, 2, vocabulary=128)


@pytest.mark.data
def test_parameters_of_the_stored_networks_of_the_thesis(data_folder: Path) -> None:
    """The weights of 40 networks of Darji 2021, those that their masks leave out not counted."""
    import torch

    files = sorted((data_folder / "rnn_state_dicts" / "structured").glob("*.pt"))
    assert len(files) == 40
    for file in files:
        cell, generator, number = next(
            (file.stem[: file.stem.index(f"_{name}_")], name, int(file.stem.rsplit("_", 1)[1]))
            for name in ("barabasi_albert", "watts_strogatz")
            if f"_{name}_" in file.stem
        )
        with gzip.open(data_folder / f"reber_structure_{cell}.jsonl.gz", "rt") as lines:
            rows = map(json.loads, lines)
            row = next(row for row in rows if (row["graph"], row["nr"]) == (generator, number))
        edges = oriented((tail, head) for tail, head in row["edges"])
        genotype = RnnGenotype(cell.removeprefix("rnn_"), 0, row["n"], edges)
        state = torch.load(file, map_location="cpu", weights_only=True)
        masked = sum(int((values == 0).sum()) for name, values in state.items() if "mask" in name)
        stored = sum(values.numel() for name, values in state.items() if "mask" not in name)
        assert infer_costs(genotype, 50, 2, vocabulary=128, compat="thesis").parameters == stored - masked
