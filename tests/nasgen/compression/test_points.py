"""One rate: how much is left, what it scores, and that the folder holds the network that was scored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_training
import torch

import nasgen
from nasgen.compression import points
from nasgen.compression.options import Options
from nasgen.compression.points import AsExported, Place, Point, measure
from nasgen.compression.source import find_source
from nasgen.errors import InputError
from nasgen.training.loop import DivergedError
from nasgen.winner.export import export_best, exported_network
from search_spaces import get_space
from search_spaces.cnn import CnnGenotype, Op

ROUNDED = 0.021
"""Three rows of 150, by which bfloat16 may differ from the float32 of an exported network."""

OPTIONS = Options("weight", "magnitude", "global", "geometric", steps=1, retrain=1, spare=(), seed=0)


def point(rate: float = 0.8, number: int = 0, **options: Any) -> Point:
    return Point(rate, replace(OPTIONS, **options), number, "")


@pytest.fixture
def place(run: Path, tmp_path: Path) -> Place:
    return Place(find_source(str(run), None), tmp_path / "out")


def accuracy(network: torch.nn.Module, place: Place) -> float:
    task = place.source.task()
    with torch.inference_mode():
        return float((network(torch.tensor(task.x_test)).argmax(dim=1) == torch.tensor(task.y_test)).double().mean())


def test_as_it_is_it_scores_what_the_search_said(place: Place, run: Path) -> None:
    dense = measure(place, AsExported(""))
    with nasgen.Store(run / "store.sqlite", read_only=True) as store:
        final = store.meta("final")
    assert dense["test_accuracy"] == final["test_accuracy"]
    assert dense["parameters"] == final["parameters"]
    assert dense["kept"] == dense["weights"]
    assert accuracy(exported_network(place.out / "dense"), place) == pytest.approx(dense["test_accuracy"], abs=ROUNDED)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_rate_of_weights_is_met_exactly_and_exported_with_zeros(place: Place, steps: int) -> None:
    row = measure(place, point(steps=steps))
    total = row["weights"]
    assert row["kept"] == total - round(0.8 * total)
    left = exported_network(place.out / "rate-0.8")
    zeros = sum(int((value == 0).sum()) for name, value in left.state_dict().items() if value.ndim > 1)
    assert zeros == total - row["kept"]
    assert accuracy(left, place) == pytest.approx(row["test_accuracy"], abs=ROUNDED)


def test_without_channels_the_network_is_a_smaller_one(place: Place) -> None:
    dense = measure(place, AsExported(""))
    row = measure(place, point(rate=0.5, granularity="channel", method="activation", scope="uniform"))
    assert row["weights"] == row["kept"] < 0.5 * dense["weights"]
    assert row["macs"] < 0.5 * dense["macs"]
    left = exported_network(place.out / "rate-0.5")
    assert sum(parameter.numel() for parameter in left.parameters()) == row["parameters"] < dense["parameters"]
    assert accuracy(left, place) == pytest.approx(row["test_accuracy"], abs=ROUNDED)
    genotype = (place.out / "rate-0.5" / "genotype.json").read_text().strip()
    assert get_space("cnn").to_graph(get_space("cnn").decode(genotype)).info["parameters"] > 0


def test_without_retraining_every_step_recalibrates(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recalibrated: list[Any] = []
    monkeypatch.setattr(points, "update_bn", lambda rows, network: recalibrated.append(network))
    for rate, granularity in ((0.0, "weight"), (0.5, "channel")):
        measure(place, point(rate, granularity=granularity, scope="uniform", steps=3, retrain=0))
    assert len(recalibrated) == 6


def test_a_rate_of_nothing_trains_on(place: Place) -> None:
    dense, row = measure(place, AsExported("")), measure(place, point(rate=0.0))
    assert row["kept"] == dense["kept"]
    before, after = (exported_network(place.out / name).state_dict() for name in ("dense", "rate-0.0"))
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_without_retraining_what_is_left_stays_as_it_was(place: Place) -> None:
    measure(place, AsExported(""))
    measure(place, point(rate=0.5, retrain=0))
    before, after = (exported_network(place.out / name).state_dict() for name in ("dense", "rate-0.5"))
    kept = after["head.weight"] != 0
    assert torch.equal(before["head.weight"][kept], after["head.weight"][kept])


@pytest.mark.parametrize("granularity", ["weight", "channel"])
def test_without_retraining_batch_norms_know_what_is_left(
    place: Place, monkeypatch: pytest.MonkeyPatch, granularity: str
) -> None:
    told = point(0.5, granularity=granularity, scope="uniform", retrain=0)
    row = measure(place, told)
    state = exported_network(place.out / "rate-0.5").state_dict()
    monkeypatch.setattr(points, "update_bn", lambda *_: None)
    stale = measure(place, told)
    other = exported_network(place.out / "rate-0.5").state_dict()
    changed = {name for name in state if not torch.equal(state[name], other[name])}
    assert {name.rpartition(".")[2] for name in changed} >= {"running_mean", "running_var"}
    assert all("running" in name or "batches" in name for name in changed)
    assert row["kept"] == stale["kept"]


def test_of_several_seeds_the_first_is_exported(place: Place) -> None:
    first = measure(place, point(method="random"))
    before = (place.out / "rate-0.8" / "weights.safetensors").read_bytes()
    second = measure(place, point(method="random", number=1))
    assert (place.out / "rate-0.8" / "weights.safetensors").read_bytes() == before
    assert "sha256" in first.keys() - second.keys()
    assert second["kept"] == first["kept"]


def test_what_was_pruned_before_stays_so(place: Place, tmp_path: Path) -> None:
    before = measure(place, point(rate=0.9))
    again = Place(replace(place.source, weights=place.out / "rate-0.9" / "weights.safetensors"), tmp_path / "again")
    for rate in (0.0, 0.5):
        assert measure(again, point(rate=rate))["kept"] <= before["kept"]
    further = measure(again, point(rate=0.95))
    assert further["kept"] == before["weights"] - round(0.95 * before["weights"])


@pytest.mark.parametrize(("granularity", "rate"), [("weight", 1e-7), ("channel", 1e-4), ("channel", 0.999)])
def test_every_rate_is_trained_as_long(
    place: Place, monkeypatch: pytest.MonkeyPatch, granularity: str, rate: float
) -> None:
    seeds = []
    monkeypatch.setattr(points, "train", lambda *_, seed, **__: seeds.append(seed))
    measure(place, point(rate=rate, granularity=granularity, steps=3))
    assert seeds == [0, 1000, 2000]


def test_a_recurrent_network_is_pruned_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    codes, labels = rng.integers(1, 5, (300, 6)), rng.integers(0, 2, 300)
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.shorten(patch)
        run = tmp_path / "run"
        task = (codes, labels, codes[:60], labels[:60])
        tiny_training.search(run, task, space="rnn", evaluations=2)
    place = Place(find_source(str(run), None), tmp_path / "out")
    dense, row = (measure(place, unit) for unit in (AsExported(""), point(scope="gate")))
    assert row["kept"] == dense["weights"] - round(0.8 * dense["weights"])
    left = exported_network(place.out / "rate-0.8")
    right = left(torch.tensor(codes[:60])).argmax(dim=1) == torch.tensor(labels[:60])
    assert float(right.double().mean()) == pytest.approx(row["test_accuracy"])


def test_the_same_seed_gives_the_same_network(place: Place) -> None:
    first, again, other = (measure(place, point(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first["kept"] == other["kept"]


def test_a_training_that_diverges_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*arguments: Any, **options: Any) -> None:
        raise DivergedError("the training loss is nan at step 1")

    measure(place, point())
    monkeypatch.setattr(points, "train", diverge)
    assert measure(place, point()) == {"failure": "the training loss is nan at step 1"}
    assert not (place.out / "rate-0.8").exists()  # that of another training


def test_weights_that_were_taken_away_need_their_data_named(place: Place, run: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    shutil.copytree(run / "best", away)
    with pytest.raises(InputError, match=r"expected weights in their run, .* give --task"):
        find_source(str(away), None)
    source = find_source(str(away / "weights.safetensors"), str(run / "data.npz"))
    assert measure(Place(source, tmp_path / "out"), AsExported("")) == measure(place, AsExported(""))
    with pytest.raises(InputError, match="reads images, and the task reber is of sequences"):
        find_source(str(away), "reber")
    (away / "genotype.json").unlink()
    with pytest.raises(InputError, match="expected its genotype beside it"):
        find_source(str(away), "digits")


def test_a_network_that_lost_its_order_with_its_channels_is_refused(tmp_path: Path) -> None:
    ops = "input conv3x3:16 conv3x3:24 concat skip skip skip skip output"
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8))
    space = get_space("cnn", input_shape=(1, 8, 8))
    network = space.build(CnnGenotype(tuple(map(Op.parse, ops.split())), edges), (1, 8, 8), 10)
    narrow = min(network.channels().writes.values(), key=len)
    smaller = network.without_channels(~np.isin(np.arange(40), narrow[:12]))  # conv3x3:4 comes after conv3x3:24
    genotype, code, base = smaller.described()
    texts = {"genotype": space.encode(genotype), "source": code, "base": base}
    export_best(
        tmp_path / "left",
        **texts,
        state=smaller.state_dict(),
        input_shape=(1, 8, 8),
        normalisation=None,
        classes=tuple("0123456789"),
    )
    with pytest.raises(InputError, match="canonical order"):
        find_source(str(tmp_path / "left"), "digits")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("weights.safetensors", "{}"),
        ("genotype.json", "{}"),
        ("genotype.json", '{"space":[]}'),
        ("genotype.json", '{"space":"nasbench201"}'),
        ("genotype.json", '{"space":"cnn"}'),
        ("genotype.json", "?"),
    ],
)
def test_damaged_files_are_told_in_one_line(run: Path, tmp_path: Path, name: str, text: str) -> None:
    away = tmp_path / "away"
    shutil.copytree(run / "best", away)
    (away / name).write_text(text)
    with pytest.raises(InputError) as told:
        find_source(str(away), str(run / "data.npz"))
    assert "\n" not in str(told.value)
