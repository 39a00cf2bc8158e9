"""``nasgen reproduce bogp``: a search and magnitudes on small images, properties by hand, and the whole command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lookup_search import Say
from small_mnist import ROWS, write_small_mnist

from nasgen.reproduce import mnist as mnist_module
from nasgen.reproduce.bogp import baselines, searches, trainings
from nasgen.reproduce.bogp.baselines import Magnitude, train_magnitude
from nasgen.reproduce.bogp.properties import Masks, correlations, draw_masks, screened
from nasgen.reproduce.bogp.searches import Place, Search, run_search
from nasgen.reproduce.bogp.tables import TOTAL
from nasgen.reproduce.mnist import all_training, mnist
from nasgen.training.loop import Score


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_mnist(tmp_path_factory.mktemp("data"))


@pytest.fixture
def place(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(mnist_module, "ROWS", ROWS)
    monkeypatch.setattr(baselines, "PUBLISHED_MASK_EPOCHS", 2)
    monkeypatch.setattr(searches, "EVALUATIONS", 7)
    yield Place(data / "mnist.npz", tmp_path / "runs")
    mnist.cache_clear()
    all_training.cache_clear()


@pytest.mark.parametrize(("kind", "rounds"), [("Glob", 1), ("Unif", 1), ("Glob", 3)])
def test_magnitudes_leave_exactly_so_many_weights(place: Place, kind: str, rounds: int) -> None:
    found = train_magnitude(place, Magnitude(kind, 0.9, rounds))
    assert found["kept_0"] + found["kept_1"] == 10_163
    if kind == "Unif":  # a tenth of each layer
        assert (found["kept_0"], found["kept_1"]) == (10_035, 128)
    assert 0 <= found["accuracy"] <= 1


def test_choices_are_made_on_rows_that_nothing_else_is_scored_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[object] = []

    def score(network: object, examples: object, precision: str) -> Score:
        scored.append(examples)
        return Score(0.0, 0.5)

    monkeypatch.setattr(baselines, "score", score)
    found = [train_magnitude(place, Magnitude(chosen=chosen)) for chosen in (False, True)]
    assert found[0] == {"accuracy": 0.5, "kept_0": 784 * 128, "kept_1": 1280}
    parts = mnist(place.mnist, 0)
    assert scored[0] is parts.test
    assert scored[1] is parts.validation


def test_a_search_goes_on_where_it_was_cut_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Search("placed", "BoGP", (0.9,), size=30)
    monkeypatch.setattr(searches, "EVALUATIONS", 4)
    part = run_search(place, unit)
    monkeypatch.setattr(searches, "EVALUATIONS", 7)
    whole = run_search(place, unit)
    assert whole["rows"][:4] == part["rows"]
    assert len(whole["rows"]) == 7
    assert {round(row["sparsity"], 3) for row in whole["rows"]} == {0.9}
    assert len({row["genotype"] for row in whole["rows"]}) == 7


def test_masks_of_the_database_keep_exactly_so_many_weights(place: Place) -> None:
    for space in ("placed", "as published"):
        found = draw_masks(place, Masks(space, 0.75, 20))
        assert found["kept"] == [TOTAL // 4]
        assert np.array(found["properties"]).shape == (20, 5)


def test_of_two_properties_that_go_together_the_later_is_left_out() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 500))
    rows = np.column_stack([one, two, -2 * one + 0.1 * two, np.ones(500), one + two])
    matrix = correlations(rows)
    assert matrix[0, 2] == pytest.approx(np.corrcoef(one, rows[:, 2])[0, 1])
    assert (matrix[3] == 0).all()
    assert screened(rows) == ["degree", "eigenvector", "connectivity", "cycles"]
    assert screened(rows, limit=0.5) == ["degree", "eigenvector", "connectivity"]


def test_the_whole_command_makes_tables_of_its_trainings(
    say: Say, place: Place, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def result_of(unit: object) -> object:
        if isinstance(unit, Masks):
            scale = 1.0 if unit.space == "as published" else 8.0
            rows = scale * np.random.default_rng(0).standard_normal((20, 5))
            return {"properties": rows.tolist(), "kept": [round((1 - unit.sparsity) * TOTAL)]}
        if isinstance(unit, Search):
            level = 0.95 if unit.sparsity_weight else 0.955
            rows = [{"genotype": "", "accuracy": level - 0.1 * (s - 0.15), "sparsity": s} for s in unit.sparsities]
            return {"rows": rows, "test": level + 0.002}
        assert isinstance(unit, Magnitude)
        level = 0.97 if not unit.kind else 0.94 + 0.005 * unit.rounds + 0.0001 * unit.seed
        return {"accuracy": level}

    def each(self: object, work: object, shared: object, units: list[object], *rest: object) -> Iterator[object]:
        return ((unit, result_of(unit)) for unit in units)

    monkeypatch.setattr(trainings.Journal, "each", each)
    said = say("reproduce", "bogp", "--data", data, "--out", tmp_path / "out", "--json")
    tables = json.loads(said.out)["tables"]
    rows = {row["item"]: row for table in tables for row in table["rows"]}
    assert rows["sparsity 0.9: BoGP, masks placed in the image, at least 0.951"]["holds"] is True
    best = rows["sparsity 0.9: the best on validation, Glob5, at least 0.962 (their best, Glob5)"]
    assert best["ours"] == pytest.approx(0.965, abs=0.001)
    assert rows["alpha 0.1: f2, at least 1.04"]["ours"] == pytest.approx(0.95 + 0.1 * 0.15)
    assert rows["sparsity does not fall with alpha: 1 where so"]["holds"] is True
    assert rows["sparsity 0.9: weights off 10,163, at most 1"]["holds"] is True
    assert said.code == 1  # of f2: what was put in the trainings' place is worse than what is asked
    assert (tmp_path / "out" / "index.html").read_text().count("data:image/png;base64") == 3
