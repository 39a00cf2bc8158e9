"""``nasgen reproduce ff-pruning``: its trainings made small, on images made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from lookup_search import Say
from small_mnist import ROWS, write_small_mnist

from nasgen.errors import InputError
from nasgen.pruning import OneShot, Relative
from nasgen.reproduce import mnist as mnist_module
from nasgen.reproduce import predicted
from nasgen.reproduce.ff_pruning import experiments, protocol, trainings
from nasgen.reproduce.ff_pruning.experiments import METHODS, SMALL, Dense, Place, Pruned, prune_dense, train_dense
from nasgen.reproduce.ff_pruning.predicted import predicted_table
from nasgen.reproduce.ff_pruning.pruned_rows import pruned_rows
from nasgen.reproduce.ff_pruning.regularised import Regularised, train_regularised
from nasgen.reproduce.ff_pruning.trainings import methods_units
from nasgen.reproduce.mnist import check_mnist, mnist
from nasgen.reproduce.predicted import (
    Networks,
    by_density,
    by_method_and_density,
    error,
    r2,
    spearman,
    spearman_within,
)
from predictors import Surrogate
from predictors.metadataset import MetaDataset
from search_spaces import LabelledGraph
from search_spaces.sparse import SparseGenotype
from search_spaces.sparse.genotype import decode, encode


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_mnist(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two epochs where there are many, and no more than these images."""
    monkeypatch.setattr(mnist_module, "ROWS", ROWS)
    monkeypatch.setattr(protocol, "PUBLISHED", protocol.PUBLISHED.model_copy(update={"epochs": 4}))
    for name in ("OURS", "OURS_RETRAINING"):
        monkeypatch.setattr(protocol, name, getattr(protocol, name).model_copy(update={"epochs": 2}))
        monkeypatch.setattr(experiments, name, getattr(protocol, name))
    monkeypatch.setattr(experiments, "CURVATURE_ROWS", 100)
    yield
    mnist.cache_clear()


@pytest.fixture
def place(data: Path, tmp_path: Path) -> Place:
    return Place(data / "mnist.npz", tmp_path / "weights")


def test_the_parts_are_a_sixth_apart_and_do_not_overlap(data: Path) -> None:
    parts = mnist(data / "mnist.npz", 0)
    assert [len(part) for part in parts] == [500, 100, 100]
    training = {image.numpy().tobytes() for image in parts.training.pixels}
    assert not training & {image.numpy().tobytes() for image in parts.validation.pixels}
    assert np.bincount(parts.validation.labels.numpy()).tolist() == [10] * 10


def test_training_ends_the_second_time_that_nothing_is_gained(place: Place) -> None:
    found = train_dense(place, Dense())
    assert 2 <= found["epochs"] <= 4
    assert Dense().file(place).is_file()
    assert not list(place.weights.glob("*.partial"))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_halves_the_weights_until_few_are_left(place: Place, method: str) -> None:
    train_dense(place, Dense())
    rows = prune_dense(place, Pruned(Dense(), method))
    assert [row["kept"] for row in rows] == [39_700, 19_850, 9_925, 4_963, 2_482, 1_241, 621, 311]
    assert all(0 <= row[part] <= 1 for row in rows for part in ("before", "validation", "test"))
    assert rows[0]["test"] >= 0.5


def test_masks_are_those_of_the_networks_and_each_holds_the_next(place: Place) -> None:
    train_dense(place, Dense())
    rows = prune_dense(place, Pruned(Dense(), masks=True))
    masks = [decode(row["mask"]) for row in rows]
    assert [sum(mask.kept) for mask in masks] == [row["kept"] for row in rows]
    assert all(mask.widths == SMALL for mask in masks)
    assert all((few.flat <= more.flat).all() for more, few in pairwise(masks))
    without = prune_dense(place, Pruned(Dense()))
    assert without == [{name: value for name, value in row.items() if name != "mask"} for row in rows]


def test_pruned_networks_are_rows_that_a_surrogate_is_fitted_on(
    say: Say, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainings, "SEEDS", range(2))
    monkeypatch.setattr(trainings, "METHODS", {name: METHODS[name] for name in ("random", "class-blinded")})
    units = methods_units()
    for seed in range(2):
        train_dense(place, Dense(seed=seed))
    results = {unit: prune_dense(place, unit) for unit in units}
    rows = pruned_rows(results)
    file = tmp_path / "pruned.parquet"
    rows.write(file)
    found = MetaDataset.read(file)
    assert len(found) == 32
    assert set(found.columns["source"]) == {"prune"}
    assert found.columns["seed"] == [0] * 8 + [1] * 8 + [0] * 8 + [1] * 8
    assert found.columns["step"] == [*range(8)] * 4
    assert found.columns["method"] == [0] * 16 + [1] * 16
    assert found.columns["fitness"] == [row["validation"] for unit in units for row in results[unit]]
    assert found.columns["macs"] == [row["kept"] for unit in units for row in results[unit]]
    assert found.columns["parameters"] == [row["kept"] + 110 for unit in units for row in results[unit]]
    assert found.numbers("density") == pytest.approx(found.numbers("macs") / 79_400)
    said = say("fit", file, "--target", "fitness", "--out", tmp_path / "surrogate")
    assert said.code == 0
    assert "32 rows of the space sparse" in said.err
    (tmp_path / "genotypes.txt").write_text(f"{found.columns['genotype'][0]}\n")
    assert 0 < float(say("predict", tmp_path / "surrogate", tmp_path / "genotypes.txt").out.split()[0]) < 1.1
    items = [row.item for row in predicted_table(found).rows]
    assert items[0] == "R2, surrogate on masks"
    assert items[-1] == "Spearman, density alone, methods held out in turn"
    assert len(items) == 4 * 3 + 3 * 2


def test_density_alone_knows_the_mean_of_as_many_weights_and_lines_between() -> None:
    def networks(density: list[float], fitness: list[float]) -> Networks:
        n = len(density)
        graphs, methods = [LabelledGraph((), ())] * n, np.arange(n) % 2.0
        columns = {"method": methods, "density": np.array(density), "fitness": np.array(fitness)}
        return Networks(graphs, columns)

    known = networks([0.5, 0.5, 0.125, 0.125], [0.9, 0.8, 0.3, 0.4])
    asked = networks([0.5, 0.25, 0.125, 0.01], [0.0] * 4)
    assert by_density(known, asked) == pytest.approx([0.85, 0.6, 0.35, 0.35])
    twice = networks([*known["density"], *known["density"]], [*known["fitness"], *(known["fitness"] + 0.1)])
    assert by_method_and_density(twice, known) == pytest.approx(known["fitness"] + 0.05)
    assert by_method_and_density(known, networks([0.25], [0.0])) == pytest.approx([0.6])  # no such network is known


def test_measures_by_hand() -> None:
    graphs = [LabelledGraph((), ())] * 4
    density, fitness = np.array([0.5, 0.5, 0.1, 0.1]), np.array([0.9, 0.8, 0.2, 0.3])
    asked = Networks(graphs, {"density": density, "fitness": fitness})
    perfect, reversed_within = fitness, np.array([0.8, 0.9, 0.3, 0.2])
    assert [r2(asked, perfect), spearman(asked, perfect), spearman_within(asked, perfect)] == pytest.approx([1, 1, 1])
    assert spearman(asked, reversed_within) == pytest.approx(0.6)
    assert spearman_within(asked, reversed_within) == pytest.approx(-1)
    assert spearman(asked, np.ones(4)) == spearman_within(asked, density) == 0
    assert r2(asked, np.full(4, 0.55)) == pytest.approx(0)
    assert error(asked, reversed_within) == pytest.approx(0.1)


def test_the_same_unit_gives_the_same_rows(place: Place) -> None:
    train_dense(place, Dense(ours=True))
    unit = Pruned(Dense(ours=True), "random", OneShot(0.8))
    assert prune_dense(place, unit) == prune_dense(place, unit)


def test_weights_that_go_back_to_their_start_are_trained_from_there(place: Place) -> None:
    train_dense(place, Dense(ours=True))
    before, after = {}, {}
    for rewind in ("", "start", "another"):
        (row,) = prune_dense(place, Pruned(Dense(ours=True), schedule=OneShot(0.5), rewind=rewind))
        before[rewind], after[rewind] = row["before"], row["test"]
    assert before[""] > 0.9 > 0.5 > before["another"]  # the start under this mask may be good already
    assert before["start"] != before["another"]
    assert min(after.values()) > 0.9


@pytest.mark.parametrize(("kind", "strength"), [("weight decay", 0.005), ("dropout", 0.3), ("L1", 1e-3)])
def test_baselines_without_pruning_learn(place: Place, kind: str, strength: float) -> None:
    found = train_regularised(place, Regularised(kind, strength))
    assert found["test"] > 0.5
    assert 0 < found["left"] <= 1


def test_an_l1_penalty_leaves_fewer_weights(place: Place) -> None:
    left = [train_regularised(place, Regularised("L1", strength))["left"] for strength in (0.0, 0.01)]
    assert left[1] < 0.5 * left[0]


def mask_of(unit: Pruned, kept: int) -> str:
    """The text of random masks, of which the classifier's keeps more where the method is no random one."""
    rng = np.random.default_rng([unit.dense.seed, kept, [*METHODS].index(unit.method)])
    share = {"random": 0.01, "class-uniform": 0.02}.get(unit.method, 0.03)
    last = min(1000, round(share * kept))
    places = [rng.choice(78_400, kept - last, replace=False), 78_400 + rng.choice(1000, last, replace=False)]
    flat = np.zeros(79_400, dtype=np.bool_)
    flat[np.concatenate(places)] = True
    return encode(SparseGenotype.of_flat(SMALL, flat))


def test_the_whole_command_makes_tables_of_its_trainings(
    say: Say, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the results put in the journal's place: what the trainings come to is tested above."""

    def result_of(unit: object) -> object:
        if not isinstance(unit, Pruned):
            return {"epochs": 3, "validation": 0.98, "test": 0.982, "left": 1.0}
        level = {"random": 0.88, "class-uniform": 0.93, "class-distributed": 0.96}.get(unit.method, 0.979)
        level += 0.001 * unit.dense.seed * (unit.method != "class-uniform")
        row = {"total": 79_400, "before": 0.5, "validation": level, "test": level}
        kept = [79_400 >> (step + 1) for step in range(8 if isinstance(unit.schedule, Relative) else 1)]
        masks = [{"mask": mask_of(unit, number)} if unit.masks else {} for number in kept]
        return [{"kept": number, **row, **mask} for number, mask in zip(kept, masks, strict=True)]

    def each(self: object, work: object, shared: object, units: list[object], *rest: object) -> Iterator[object]:
        return ((unit, result_of(unit)) for unit in units)

    monkeypatch.setattr(trainings.Journal, "each", each)
    monkeypatch.setattr(predicted, "Surrogate", partial(Surrogate, "random-forest"))  # the choice of a model takes long
    said = say("reproduce", "ff-pruning", "--data", data, "--out", tmp_path / "out", "--json")
    found = json.loads(said.out)
    rows = {row["item"]: row for table in found["tables"] for row in table["rows"]}
    assert rows["class-blinded minus class-uniform, at least 0.02"]["ours"] == pytest.approx(0.051)
    assert rows["80% of the weights gone, our training, at least 0.977"]["holds"] is True
    assert said.code == 0
    assert rows["R2, surrogate on masks"]["ours"] > 0.9 > 0.1 > rows["R2, density alone"]["ours"]
    assert rows["Spearman among networks of one density, density alone"]["ours"] == 0
    assert rows["mean absolute error, method and density"]["holds"] is None
    assert (tmp_path / "out" / "index.html").read_text().count("data:image/png;base64") == 2


def test_data_without_mnist_are_refused_in_one_line(say: Say, tmp_path: Path) -> None:
    said = say("reproduce", "ff-pruning", "--data", tmp_path)
    assert said.code == 2
    (line,) = said.err.splitlines()
    assert "--data expects a folder with mnist.npz" in line
    images, labels = np.eye(64).reshape(-1, 8, 8), np.arange(4) % 2
    np.savez(tmp_path / "mnist.npz", x_train=images[:4], y_train=labels, x_test=images[4:6], y_test=labels[:2])
    with pytest.raises(InputError, match="expected 600 training images of shape"):
        check_mnist(tmp_path)
