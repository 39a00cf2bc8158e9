"""``nasgen reproduce rnn-pruning``: counts and rules by hand, the authors' networks, and the whole command."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lookup_search import Say

from nasgen.reproduce.rnn_pruning import plots, tables, trainings
from nasgen.reproduce.rnn_pruning.experiments import Prune, Retrain, Shared, Shuffled, prune_and_score, weights_gone
from nasgen.reproduce.rnn_pruning.plots import mean_curves
from nasgen.reproduce.rnn_pruning.stored import CELLS, COLUMNS, FILE, PLACES, RATES, Published, read_published
from nasgen.reproduce.rnn_pruning.tables import safe_rate
from nasgen.reproduce.rnn_pruning.trainings import Results, magnitude_units
from nasgen.tasks.reber import encoded, read_strings
from search_spaces.rnn.thesis import ThesisNetwork


def test_as_many_weights_go_as_lie_below_the_percentile() -> None:
    values = np.abs(np.random.default_rng(0).standard_normal(1_234))
    for rate in RATES:
        assert weights_gone(rate, 1_234) == (values < np.percentile(values, rate)).sum()
    assert weights_gone(100, 1_234) == 1_233


def test_safe_is_the_highest_rate_before_the_first_fall() -> None:
    rates = (10, 20, 30, 40)
    assert safe_rate([1.0, 0.96, 0.94, 0.99], rates, 1.0, 0.05) == 20
    assert safe_rate([1.0, 0.95, 0.95, 0.95], rates, 1.0, 0.05) == 40  # 5 points are not more than 5
    assert safe_rate([0.9, 1.0, 1.0, 1.0], rates, 1.0, 0.05) == 0


def test_batches_do_not_heed_the_length_of_strings() -> None:
    codes = encoded(["B" * length for length in range(1, 33)])
    strings = Shuffled.of(codes, np.zeros(32, dtype=np.int64))
    batches = strings.batches(torch.Generator().manual_seed(0), 4)
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(32))
    assert max(int(batch.max() - batch.min()) for batch in batches) > 8


def test_what_was_trained_with_several_seeds_is_one_curve() -> None:
    shares = (0.25, 1.0)
    units = [Retrain("gru", "both", 90, shares, seed, ours) for ours in (False, True) for seed in range(2)]
    curves = mean_curves(dict(zip(units, ([0, 1, 2], [2, 3, 4], [5, 5, 5], [7, 7, 8]), strict=True)))
    assert curves == {units[0]: [1, 2, 3], units[2]: [6, 6, 6.5]}


def test_their_curves_and_ours_are_drawn_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    monkeypatch.setattr(plots.Picture, "of", lambda figure, caption: figures.append(figure))
    pruned = {(cell, place, rate): (0.5,) + 10 * (0.9,) for cell in CELLS for place in PLACES for rate in RATES}
    ours = {Retrain("lstm", "h2h", 100, (0.25, 1.0), ours=own): (0.5, 0.8, 1.0) for own in (False, True)}
    plots.plot_retraining(Published(dict.fromkeys(CELLS, 1.0), pruned), ours)
    (figure,) = figures
    drawn = {panel.get_title(): [line for line in panel.lines if line.get_marker() != "None"] for panel in figure.axes}
    assert [line.get_marker() for line in drawn.pop("LSTM")] == ["o", "D"]
    assert not any(drawn.values())
    assert all(len(panel.lines) >= len(PLACES) * len(plots.STYLES) for panel in figure.axes)
    assert figure.axes[2].lines[-1].get_xdata().tolist() == [0, 0.25, 1.25]


@pytest.fixture
def shared(data_folder: Path) -> Shared:
    """The authors' networks and strings."""
    strings = read_strings(data_folder, as_published=True)
    codes = encoded(strings.train), strings.y_train, encoded(strings.test), strings.y_test
    return Shared(data_folder / "rnn_state_dicts" / "dense", *codes)


@pytest.mark.data
def test_the_authors_networks_come_to_the_authors_accuracies(data_folder: Path, shared: Shared) -> None:
    published = read_published(data_folder)
    for cell, place in (("rnn_relu", "i2h"), ("lstm", "both"), ("rnn_tanh", "h2h")):
        (row,) = prune_and_score(shared, Prune(cell, place, rates=(70,)))
        assert row["test"] == pytest.approx(published.pruned[cell, place, 70][0], abs=0.005)
        assert row["low"] <= row["test"] <= row["high"]


@pytest.mark.slow
@pytest.mark.data
def test_every_cell_of_their_table_is_met(data_folder: Path, shared: Shared) -> None:
    published = read_published(data_folder)
    pruned = {unit: prune_and_score(shared, unit) for unit in magnitude_units()}
    results = Results(published, pruned, {})
    for table, n in ((tables.cells(results), 122), (tables.safe(results), 12)):
        held = [row.holds for row in table.rows]
        assert held == [True] * n


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results in which nothing is lost, small networks, and a few strings."""
    folder = tmp_path / "data"
    folder.mkdir()
    modes = {"": (0,), "_prune": RATES, "_prune_i2h": RATES, "_prune_h2h": RATES}
    with (folder / FILE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for cell in CELLS:
            for mode, rates in modes.items():
                for rate in rates:
                    for epoch in range(51 if rate == 0 else 11):
                        writer.writerow((f"{cell}{mode}", rate, epoch, 0.9))
            torch.save(ThesisNetwork(cell.removeprefix("rnn_"), [4, 4], [], 3, 2).state_dict(), folder / f"{cell}.pt")
    for part, texts in (("train", ("BTXSE", "BPVVE", "BTSXSE", "BPTVVE")), ("test", ("BTXXVVE", "BPVPSE"))):
        rows = [f"{number},{text},{number % 2}" for number, text in enumerate(texts)]
        (folder / f"reber_{part}.csv").write_text("\n".join(["id,string,valid", *rows, ""]))
    return folder


def test_the_whole_command_makes_tables_of_its_networks(
    say: Say, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def each(self: object, work: object, shared: object, units: list[object], *rest: object) -> Iterator[object]:
        for unit in units:
            if isinstance(unit, Prune):
                yield unit, [{"test": 0.91, "low": 0.9, "high": 0.92, "training": 0.9}] * len(unit.rates)
            else:
                assert isinstance(unit, Retrain)
                yield unit, [0.5, *(1.0 for _ in unit.shares)]

    monkeypatch.setattr(trainings.Journal, "each", each)
    words = ("reproduce", "rnn-pruning", "--data", folder, "--out", tmp_path / "out", "--json")
    said = say(*words, "--state-dicts", folder)
    tables = json.loads(said.out)["tables"]
    right_after, safe, chosen, after = ([row["item"] for row in table["rows"]] for table in tables)
    assert len(right_after) == 2 + 4 * 3 * 10
    assert len(safe) == 12
    rows = {row["item"]: row for table in tables for row in table["rows"]}
    assert rows["largest difference, at most 0.02"]["ours"] == pytest.approx(0.01)
    assert rows["Tanh, both"]["ours"] == 100  # nothing is lost here, so the twelve of the paper do not hold
    assert rows["Tanh, both"]["holds"] is False
    assert any(item.startswith("LSTM: safe at 1 point") for item in chosen)
    assert rows["ReLU, both 90 %, our recipe, after 0.25 of an epoch, at least 0.99"]["holds"] is True
    assert len(after) > 10
    assert said.code == 1


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / FILE).unlink(), "--data expects a folder with reber_prune.csv"),
        (lambda folder: (folder / FILE).write_text("mode,prune\na,1\n"), "found no epoch"),
        (lambda folder: (folder / FILE).write_text("mode,prune,epoch,test_acc\na,1,2,high\n"), "expected numbers in"),
        (lambda folder: (folder / FILE).write_text("mode,prune,epoch,test_acc\na,1,2,.5\n"), "expected a row of mode"),
        (lambda folder: (folder / "gru.pt").unlink(), "--state-dicts expects a folder with rnn_tanh.pt"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    say: Say, folder: Path, break_it: Callable[[Path], object], message: str
) -> None:
    break_it(folder)
    said = say("reproduce", "rnn-pruning", "--data", folder, "--state-dicts", folder)
    assert said.code == 2
    assert message in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


def test_networks_must_be_named(say: Say, folder: Path) -> None:
    said = say("reproduce", "rnn-pruning", "--data", folder)
    assert said.code == 2
    assert "name their folder with --state-dicts" in said.err
