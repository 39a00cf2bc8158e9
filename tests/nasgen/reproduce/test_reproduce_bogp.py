"""``nasgen reproduce bogp``: a search and magnitudes on small images, properties by hand, and the whole command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lookup_search import Say
from numpy.typing import NDArray
from small_mnist import ROWS, write_small_mnist

from nasgen.reproduce import mnist as mnist_module
from nasgen.reproduce import predicted
from nasgen.reproduce.bogp import baselines, plots, searches, trainings
from nasgen.reproduce.bogp.baselines import Magnitude, train_magnitude
from nasgen.reproduce.bogp.plan import STANDARD, UNION, by_seeds
from nasgen.reproduce.bogp.plots import labels
from nasgen.reproduce.bogp.properties import Masks, correlations, screened
from nasgen.reproduce.bogp.published import ACCURACIES, SPARSITIES, TRADED
from nasgen.reproduce.bogp.searches import Place, Search, run_search
from nasgen.reproduce.bogp.tables import TOTAL, best_of
from nasgen.reproduce.bogp.trainings import seconds, work
from nasgen.reproduce.mnist import mnist, mnist_task
from nasgen.tasks.images import Images
from nasgen.training.loop import Score
from nasgen.training.recipe import Recipe
from predictors import Surrogate
from predictors.metadataset import MetaDataset
from search_spaces import get_space
from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.sparse.measures import kept_at

TWICE = ("BoGP, placed", "Bayesian, placed", "random, placed")


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
    mnist_task.cache_clear()


@pytest.mark.parametrize(("kind", "rounds"), [("Glob", 1), ("Unif", 1), ("Glob", 3)])
def test_magnitudes_leave_exactly_so_many_weights(place: Place, kind: str, rounds: int) -> None:
    found = work(place, Magnitude(kind, 0.9, rounds))
    assert found["kept_0"] + found["kept_1"] == 10_163
    if kind == "Unif":  # a tenth of each layer
        assert (found["kept_0"], found["kept_1"]) == (10_035, 128)
    assert 0 <= found["accuracy"] <= 1


def test_choices_are_made_on_rows_that_nothing_else_is_scored_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[list[int]] = []

    def score(network: object, examples: Images, precision: str) -> Score:
        scored.append(examples.labels.tolist())
        return Score(0.0, 0.5)

    monkeypatch.setattr(baselines, "score", score)
    found = [train_magnitude(place, Magnitude(chosen=chosen)) for chosen in (False, True)]
    assert found[0] == {"accuracy": 0.5, "kept_0": 784 * 128, "kept_1": 1280}
    task = mnist_task(place.mnist)
    held_out = task.split(seed=0)[1]  # as a search of that seed has them
    assert scored == [task.y_test.tolist(), task.y_train[held_out].tolist()]


def test_a_full_batch_is_all_rows_of_the_training(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[int, Recipe]] = []
    monkeypatch.setattr(baselines, "train", lambda network, rows, recipe, seed: trained.append((len(rows), recipe)))
    for unit in (Magnitude(full_batch=True), Magnitude(full_batch=True, chosen=True), Magnitude()):
        train_magnitude(place, unit)
    steps = [recipe.epochs * recipe.batches(rows) for rows, recipe in trained]
    assert [rows for rows, _ in trained] == [600, 480, 600]
    assert [recipe.batch for _, recipe in trained] == [600, 480, 1024]
    assert steps == [50, 50, 2]


def test_a_search_goes_on_where_it_was_cut_off(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Search("placed", "BoGP, standardised cosine", (0.9,), size=30)
    monkeypatch.setattr(searches, "EVALUATIONS", 4)
    part = run_search(place, unit)
    monkeypatch.setattr(searches, "EVALUATIONS", 7)
    whole = work(place, unit)
    assert whole["rows"][:4] == part["rows"]
    assert len(whole["rows"]) == 7
    assert {round(row["sparsity"], 3) for row in whole["rows"]} == {0.9}
    assert len({row["genotype"] for row in whole["rows"]}) == 7


def test_a_random_search_draws_from_the_same_space(place: Place) -> None:
    space = get_space("mask", hidden=[128], sparsities=[0.9], **searches.PLACED, input_spread=[1.0] * 784)
    found = run_search(place, Search("placed", searches.RANDOM, (0.9,)))
    assert len(found["rows"]) == 7
    assert all(space.validate(space.decode(row["genotype"])) == [] for row in found["rows"])


def test_with_the_second_objective_a_sparse_mask_wins(place: Place) -> None:
    found = run_search(place, Search("placed", "Bayesian", (0.5, 0.9), sparsity_weight=5.0, size=30))
    assert {round(row["sparsity"], 3) for row in found["rows"]} == {0.5, 0.9}
    assert all(row["accuracy"] <= 1 for row in found["rows"])  # without the bonus
    best = max(found["rows"], key=lambda row: row["accuracy"] + 5 * row["sparsity"])
    assert best_of(found)["sparsity"] == pytest.approx(0.9, abs=1e-3)
    assert best_of(found)["accuracy"] == best["accuracy"]


def test_masks_of_the_database_keep_exactly_so_many_weights(place: Place) -> None:
    for space in ("placed", "as published"):
        found = work(place, Masks(space, 0.75, 20))
        assert found["kept"] == [TOTAL // 4]
        assert np.array(found["properties"]).shape == (20, 5)


def test_the_weights_of_every_mask_are_counted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[MaskGenotype] = []

    def masks(self: MaskSpace, genotype: MaskGenotype) -> list[NDArray[np.bool_]]:
        counted.append(genotype)
        return [np.ones((1, len(counted)), dtype=bool)]

    monkeypatch.setattr(MaskSpace, "masks", masks)
    assert work(place, Masks("as published", 0.9, 60))["kept"] == [1280 + number for number in range(1, 61)]


def test_of_two_properties_that_go_together_the_later_is_left_out() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.standard_normal((2, 500))
    rows = np.column_stack([one, two, -2 * one + 0.1 * two, np.ones(500), one + two])
    matrix = correlations(rows)
    assert matrix[0, 2] == pytest.approx(np.corrcoef(one, rows[:, 2])[0, 1])
    assert (matrix[3] == 0).all()
    assert screened(rows) == ["degree", "eigenvector", "connectivity", "cycles"]
    assert screened(rows, limit=0.5) == ["degree", "eigenvector", "connectivity"]


def test_accuracy_is_traded_for_sparsities_that_masks_can_have() -> None:
    space = get_space("mask", input_shape=(1, 28, 28), sparsities=list(UNION))
    assert space.limits.kept == tuple(kept_at(sparsity, TOTAL) - 1280 for sparsity in UNION)
    rng = np.random.default_rng(0)
    for kept in space.limits.kept:
        assert space.validate(space.draw(rng, "er", "contiguous", kept)) == []
    with pytest.raises(ValueError, match=r"leave room for .* found 0\.98"):
        get_space("mask", input_shape=(1, 28, 28), sparsities=[0.98])


def test_seeds_of_one_kind_go_together() -> None:
    units = [Magnitude("Glob", 0.9, 5, seed=seed) for seed in range(3)]
    other = Magnitude("Glob", 0.9, 5, cubic=True)
    assert by_seeds([*units, other]) == {units[0]: units, other: [other]}


def test_points_too_near_share_a_label() -> None:
    points = [(0.1, 0.957, 0.9), (0.5, 0.936, 0.95), (0.9, 0.939, 0.95)]
    assert labels(points) == [("0.1", (0.9, 0.957)), ("0.5, 0.9", (0.95, 0.936))]
    assert labels([(0.1, 0.95, 0.9), (0.5, 0.95, 0.95)]) == [("0.1", (0.9, 0.95)), ("0.5", (0.95, 0.95))]


def test_accuracies_below_the_plot_are_written_at_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    monkeypatch.setattr(plots.Picture, "of", lambda figure, caption: figures.append(figure))
    plots.plot_accuracies({"Glob1": {0.75: 0.96, 0.9: 0.93}, "Unif1": {0.9: 0.91}}, {"Unif1": {0.9: 0.81}}, 0.97)
    (figure,) = figures
    theirs, ours = figure.axes
    assert [text.get_text() for text in theirs.texts] == [".810 \u2193"]
    assert [text.get_text() for text in ours.texts] == []
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Glob1", "Unif1"]
    assert theirs.get_ylim() == ours.get_ylim()


def test_the_legend_of_searches_hides_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    monkeypatch.setattr(plots.Picture, "of", lambda figure, caption: figures.append(figure))
    search = {"rows": [{"accuracy": accuracy} for accuracy in (0.93, 0.92, 0.95)]}
    plots.plot_searches({"BoGP, placed": [search, search], "Bayesian, placed": [search]})
    (figure,) = figures
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["BoGP, placed, 2 seeds", "Bayesian, placed, 1 seed"]
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())


@pytest.fixture
def asked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pieces that a report asks for; made-up results stand for them."""
    pieces: list[Any] = []
    rng = np.random.default_rng(0)
    spaces = {s: get_space("mask", sparsities=[s]) for s in UNION}

    def drawn(sparsity: float) -> str:
        return spaces[sparsity].encode(spaces[sparsity].sample(rng))

    def result_of(unit: object) -> object:
        if isinstance(unit, Masks):
            scale = 1.0 if unit.space == "as published" else 8.0
            rows = scale * np.random.default_rng(0).standard_normal((20, 5))
            return {"properties": rows.tolist(), "kept": [round((1 - unit.sparsity) * TOTAL)]}
        if isinstance(unit, Search):
            level = 0.95 if unit.sparsity_weight else 0.955
            rows = [
                {"genotype": drawn(s), "accuracy": level - 0.1 * (s - 0.15) - 0.001 * worse, "sparsity": s}
                for s in unit.sparsities
                for worse in range(4)
            ]
            values = [row["accuracy"] + unit.sparsity_weight * row["sparsity"] for row in rows]
            return {"rows": rows, "winner": int(np.argmax(values)), "test": level + 0.002 - 0.001 * unit.seed}
        assert isinstance(unit, Magnitude)
        level = 0.957 if unit.full_batch else 0.97 if not unit.kind else 0.94 + 0.005 * unit.rounds + 0.0001 * unit.seed
        return {"accuracy": level}

    def each(self: object, work: object, shared: object, units: list[Any], *rest: object) -> Iterator[object]:
        pieces.extend(units)
        return ((unit, result_of(unit)) for unit in units)

    monkeypatch.setattr(trainings.Journal, "each", each)
    monkeypatch.setattr(predicted, "Surrogate", partial(Surrogate, "random-forest"))  # the choice of a model takes long
    return pieces


def by_item(printed: str) -> dict[str, dict[str, Any]]:
    """The rows of all tables that a command printed."""
    return {row["item"]: row for table in json.loads(printed)["tables"] for row in table["rows"]}


def test_the_whole_command_makes_tables_of_its_trainings(
    say: Say, asked_for: list[Any], data: Path, tmp_path: Path
) -> None:
    said = say("reproduce", "bogp", "--data", data, "--out", tmp_path / "out", "--json")
    rows = by_item(said.out)
    assert set(asked_for) == set(STANDARD.pieces)
    assert len(asked_for) == len(set(asked_for))
    costs = list(map(seconds, asked_for))
    assert costs == sorted(costs, reverse=True)
    ours = rows["sparsity 0.9: BoGP, masks placed in the image, at least 0.951"]
    assert ours["holds"] is True
    assert ours["ours"] == pytest.approx(0.9565)
    assert ours["low"] == pytest.approx(0.9565 - 12.706 * 0.0005, abs=1e-5)  # of two seeds
    assert rows["BoGP, standardised cosine, placed: test"]["ours"] == pytest.approx(0.957)
    assert rows["BoGP, standardised cosine, placed: test"]["low"] is None
    assert {rows[f"{name}: validation"]["seeds"] for name in TWICE} == {2}
    whole = rows["dense, all rows in one batch, 50 steps at .01"]
    assert (whole["paper"], whole["ours"], whole["holds"]) == (0.97, 0.957, None)
    properties = np.random.default_rng(0).standard_normal((20, 5))
    pairs = {item: row["ours"] for item, row in rows.items() if item.startswith("all six together: correlation of ")}
    assert len(pairs) == 10
    correlation = np.corrcoef(properties[:, 0], properties[:, 4])[0, 1]
    assert pairs["all six together: correlation of degree and cycles"] == pytest.approx(correlation)
    best = rows["sparsity 0.9: the best on validation, Glob5, at least 0.962 (their best, Glob5)"]
    assert best["ours"] == pytest.approx(0.965, abs=0.001)
    assert rows["alpha 0.1: f2, at least 1.04"]["ours"] == pytest.approx(0.95 + 0.1 * 0.15)
    assert rows["alpha 0.1: accuracy on validation, at least 0.95"]["ours"] == pytest.approx(0.95)
    assert rows["alpha 0.1: accuracy on test"]["ours"] == pytest.approx(0.952)
    assert rows["sparsity does not fall with alpha: 1 where so"]["holds"] is True
    assert rows["sparsity 0.9: weights off 10,163, at most 1"]["holds"] is True
    assert said.code == 1  # of f2: what was put in the trainings' place is worse than what is asked
    assert (tmp_path / "out" / "index.html").read_text().count("data:image/png;base64") == 4
    masks = MetaDataset.read(tmp_path / "out" / "masks.parquet")
    assert len(masks) == 4 * (9 + 3 * len(UNION))
    assert set(masks.columns["source"]) == {"search"}
    assert len(set(masks.numbers("database"))) == 7
    off = rows["mean absolute error, surrogate on masks"]
    assert off["folds"] == 7
    assert off["ours"] < 0.02


def test_every_cell_of_both_tables(say: Say, asked_for: list[Any], data: Path, tmp_path: Path) -> None:
    said = say("reproduce", "bogp", "--full", "--data", data, "--out", tmp_path / "out", "--json")
    rows = by_item(said.out)
    assert set(STANDARD.pieces) < set(asked_for)
    assert len(asked_for) == len(set(asked_for))
    for method, published in ACCURACIES.items():
        called = "BoGP, uniformly random masks as published" if method == "BoGP" else method
        for sparsity in SPARSITIES:
            assert rows[f"sparsity {sparsity}: {called}"]["paper"] == published[sparsity]
    for weight, (_, sparsity, paper) in TRADED.items():
        (f2,) = (row for item, row in rows.items() if item.startswith(f"alpha {weight}: f2"))
        (chosen,) = (row for item, row in rows.items() if item.startswith(f"alpha {weight}: sparsity"))
        assert (f2["paper"], chosen["paper"]) == (paper, sparsity)
    assert rows["sparsity 0.15: BoGP, masks placed in the image, at least 0.967"]["holds"] is False
    assert rows["sparsity 0.75: BoGP, masks placed in the image, at least 0.961"]["holds"] is False
    held = [item for item, row in rows.items() if item.startswith("alpha") and row["holds"] is not None]
    assert len(held) == len(TRADED) + 2  # the sum of each, accuracy and sparsity at the least weight
    assert "nasgen reproduce bogp --full" in (tmp_path / "out" / "index.html").read_text()


def test_what_the_paper_printed_agrees_with_itself() -> None:
    assert all(accuracy + weight * sparsity == pytest.approx(f2) for weight, (accuracy, sparsity, f2) in TRADED.items())
