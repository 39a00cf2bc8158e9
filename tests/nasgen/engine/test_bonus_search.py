"""Searches with a bonus: under every strategy the winner is the best by accuracy and bonus, and it is said so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lookup_search import Say
from tiny_training import contents, digits, search, shorten

import nasgen
from nasgen.errors import InputError
from nasgen.results.fitting import fit_surrogate
from nasgen.results.metadata import write_metadataset
from nasgen.results.stored_rows import read_run
from nasgen.results.summary import result_lines, status_lines
from nasgen.storage.folder import RunFolder
from nasgen.storage.store import Store
from nasgen.strategies.irwin_harris import RETRAINED

MASKS: dict[str, Any] = {"space": "mask", "space_options": {"hidden": [16], "sparsities": [0.3, 0.8]}}
WEIGHT = 2.0
BONUSES: dict[str, dict[str, float]] = {"plain": {}, "weighted": {"sparsity": WEIGHT}}
KEPT = 237
"""Weights at sparsity .8: a fifth of 64 x 16 + 16 x 10."""


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)


def weighted(run: Path, **options: Any) -> nasgen.SearchResult:
    return search(run, digits(), **{**MASKS, "bonus": {"sparsity": WEIGHT}, "surrogate": "off", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "evolution"},
        {"strategy": "evolution", "profile": "paper", "population": 4, "surrogate": "auto"},
        {"strategy": "regularized-evolution", "population": 4},
        {"strategy": "irwin-harris", "evaluations": 6 + RETRAINED},
        {"strategy": "bayesian", "strategy_options": {"size": 20}},
    ],
    ids=lambda options: "-".join(map(str, list(options.values())[:2])),
)
def test_a_sparse_network_wins_although_denser_ones_are_as_accurate(tmp_path: Path, options: dict[str, Any]) -> None:
    result = weighted(tmp_path / "run", **options)
    outcomes = [outcome for _, outcome in contents(result.path) if outcome is not None]
    assert result.failed == 0
    for outcome in outcomes:
        expected = outcome.metrics["accuracy"][-1] + WEIGHT * outcome.metrics["sparsity"]
        assert outcome.fitness == pytest.approx(expected)
    assert len({round(outcome.metrics["sparsity"], 2) for outcome in outcomes}) == 2
    assert result.best is not None
    assert result.best.outcome.metrics["sparsity"] == pytest.approx(0.8, abs=0.01)
    assert result.final is not None
    assert result.final.number == result.best.number
    assert json.loads((result.path / "best" / "genotype.json").read_text())["kept"] == KEPT - 160  # of the classifier


def test_what_is_said_of_the_winner_tells_accuracy_from_fitness(tmp_path: Path) -> None:
    result = weighted(tmp_path / "run", bonus={"sparsity": WEIGHT, "macs": -1e-6})
    best, final = result.best, result.final
    assert best is not None
    assert final is not None
    accuracy = best.outcome.metrics["accuracy"][-1]
    assert final.validation_accuracy == accuracy
    assert final.fitness == best.fitness == pytest.approx(accuracy + WEIGHT * (1 - KEPT / 1184) - 1e-6 * KEPT)
    shown = f"{best.fitness:.4f} (validation accuracy {accuracy:.4f})"
    lines = result_lines(result)
    assert lines[1].startswith(f"best fitness {shown}: ")
    assert f"(validation {accuracy:.4f} in the search)" in lines[2]
    status = status_lines(result.path)
    assert status[1] == "fitness      validation accuracy + 2 x sparsity - 1e-06 x macs"
    assert status[3].startswith(f"best         {shown}  ")
    values = result.to_json()["best"]
    assert (values["fitness"], values["validation_accuracy"]) == (best.fitness, accuracy)


def test_tables_of_its_rows_have_the_accuracy_too(tmp_path: Path) -> None:
    run = weighted(tmp_path / "run", evaluations=3, strategy="random").path
    table = read_run(str(run))
    accuracy = [outcome.metrics["accuracy"][-1] for _, outcome in contents(run) if outcome is not None]
    assert table.numbers("accuracy").tolist() == accuracy
    expected = table.numbers("accuracy") + WEIGHT * table.numbers("sparsity")
    assert table.numbers("fitness") == pytest.approx(expected)


def test_runs_of_several_bonuses_are_not_pooled(tmp_path: Path) -> None:
    options = {**MASKS, "evaluations": 2, "strategy": "random"}
    runs = [str(search(tmp_path / name, digits(), bonus=bonus, **options).path) for name, bonus in BONUSES.items()]
    plain = read_run(runs[0])
    assert plain.numbers("accuracy").tolist() == plain.numbers("fitness").tolist()
    message = f"expected runs of one fitness, found {runs[0]} with the bonus none and {runs[1]} with "
    with pytest.raises(InputError, match=re.escape(f'{message}{{"sparsity": 2.0}}: take them one by one, or fit')):
        fit_surrogate(runs, "fitness", str(tmp_path / "surrogate"))
    with pytest.raises(InputError, match=re.escape(message)):
        write_metadataset(str(tmp_path / "rows.parquet"), runs)
    with pytest.raises(InputError, match=r"expected at least .* rows with a number in 'accuracy', found 4"):
        fit_surrogate(runs, "accuracy", str(tmp_path / "surrogate"))


def test_the_baseline_has_the_same_bonus(tmp_path: Path) -> None:
    result = weighted(tmp_path / "run", evaluations=3, baseline="random")
    assert result.baseline is not None
    assert RunFolder(result.baseline.path).settings().bonus == {"sparsity": WEIGHT}


def test_a_run_goes_on_with_its_bonus(tmp_path: Path) -> None:
    whole = weighted(tmp_path / "whole", evaluations=5)
    part = weighted(tmp_path / "part", evaluations=3)
    assert RunFolder(part.path).read()["identity"]["bonus"] == {"sparsity": WEIGHT}
    resumed = nasgen.resume(part.path, evaluations=5)
    assert [row.genotype for row, _ in contents(resumed.path)] == [row.genotype for row, _ in contents(whole.path)]
    assert resumed.best is not None
    assert whole.best is not None
    assert resumed.best.fitness == whole.best.fitness


def test_a_run_from_before_there_was_a_bonus_goes_on(tmp_path: Path) -> None:
    run = search(tmp_path / "run", digits(), **MASKS, evaluations=3, strategy="random")
    folder = RunFolder(run.path)
    values = folder.read()
    assert "bonus" not in values["identity"]
    for part in ("settings", "arguments"):
        del values[part]["bonus"]
    folder.write(values)
    with Store(folder.store_path) as store:
        final = store.meta("final")
        del final["validation_accuracy"]
        store.set_meta("final", final)
    assert nasgen.resume(run.path).final == run.final
    assert nasgen.resume(run.path, evaluations=4).evaluations == 4
    assert not any(line.startswith("fitness") for line in status_lines(run.path))


@pytest.mark.parametrize("command", ["search", "plan"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sparsities=3",), "--bonus: the graphs of this space hold input_spread, kept, .*found 'sparsities'$"),
        (("sparsity=much",), "--bonus: .*found 'much'$"),
        (("sparsity=NaN",), "--bonus: .*found nan$"),
        (("sparsity",), "--bonus expects NAME=VALUE, found 'sparsity'$"),
        (("sparsity=1", "sparsity=2"), "--bonus expects each name once, found sparsity twice$"),
    ],
)
def test_a_bonus_that_is_none_is_refused_before_anything_is_trained(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.delattr("nasgen.training.loop.train")
    given = [part for word in words for part in ("--bonus", word)]
    said = say(command, "--space", "mask", "--minutes", 1, "--out", tmp_path / "run", *given)
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert line.startswith("nasgen: ")
    assert re.search(message, line)
    assert list(tmp_path.iterdir()) == []


def test_a_negative_weight_comes_through_the_command_line(say: Say, tmp_path: Path) -> None:
    words = ("--space", "mask", "--space-option", "hidden=[16]", "--evaluations", 2, "--executor", "inline", "--json")
    said = say("search", *words, "--bonus", "parameters=-1e-3", "--out", tmp_path / "run")
    assert said.code == 0
    best = json.loads(said.out)["best"]
    assert best["fitness"] == pytest.approx(best["validation_accuracy"] - 1e-3 * best["parameters"])
