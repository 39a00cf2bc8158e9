"""The authors' results of pruning recurrent networks: read, and checked once."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nasgen.errors import InputError

FILE = "reber_prune.csv"
COLUMNS = ("mode", "prune", "epoch", "test_acc")

CELLS: Mapping[str, str] = {"rnn_tanh": "Tanh", "rnn_relu": "ReLU", "lstm": "LSTM", "gru": "GRU"}
"""Kinds of cells by their names in files, and as the papers call them."""

PLACES: Mapping[str, tuple[str, ...]] = {
    "both": ("*.weight_ih", "*.weight_hh"),
    "i2h": ("*.weight_ih",),
    "h2h": ("*.weight_hh",),
}
"""Which weights are pruned: those of inputs, those between steps, or both; of all three layers together."""

_MODES = {"both": "prune", "i2h": "prune_i2h", "h2h": "prune_h2h"}

RATES = tuple(range(10, 101, 10))
EPOCHS = 10
BASE_EPOCHS = 50


@dataclass(frozen=True)
class Published:
    """Test accuracies.

    Attributes
    ----------
    base
        Of the dense network of each cell, after its last epoch.
    pruned
        By (cell, place, rate in percent): right after pruning, and after each epoch of retraining.
    """

    base: Mapping[str, float]
    pruned: Mapping[tuple[str, str, int], tuple[float, ...]]


def read_published(folder: Path) -> Published:
    """The results in the file of a folder.

    Raises
    ------
    InputError
        If it is not there, or lacks a column or a row.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError(f"--data expects a folder with {FILE}, found none in {folder}")
    found: dict[tuple[str, int, int], float] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: expected the columns {', '.join(COLUMNS)}, found no {missing[0]}")
            for row in reader:
                found[row["mode"], int(row["prune"]), int(row["epoch"])] = float(row["test_acc"])
    except (UnicodeDecodeError, csv.Error, ValueError, TypeError) as error:
        raise InputError(f"{path}: expected numbers in {', '.join(COLUMNS[1:])}, found otherwise: {error}") from None

    def accuracy(mode: str, rate: int, epoch: int) -> float:
        if (mode, rate, epoch) not in found:
            raise InputError(f"{path}: expected a row of mode {mode}, prune {rate}, epoch {epoch}, found none")
        return found[mode, rate, epoch]

    base = {cell: accuracy(cell, 0, BASE_EPOCHS) for cell in CELLS}
    pruned = {
        (cell, place, rate): tuple(accuracy(f"{cell}_{mode}", rate, epoch) for epoch in range(EPOCHS + 1))
        for cell in CELLS
        for place, mode in _MODES.items()
        for rate in RATES
    }
    return Published(base, pruned)
