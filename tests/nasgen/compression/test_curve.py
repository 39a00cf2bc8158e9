"""The curve as its user has it: a table, a folder a rate, a picture, JSON; and what is refused before anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_training
from lookup_search import Say

import nasgen
from nasgen.compression.curve import Pruned, prune
from nasgen.errors import InputError


def test_a_curve_by_channels_goes_on_from_what_is_done(run: Path, say: Say, tmp_path: Path) -> None:
    out = tmp_path / "smaller"
    words = ("prune", run, "--granularity", "channel", "--rate", 0.5, "--rate", 0, "--out", out)
    said = say(*words, "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert json.loads((out / "prune.json").read_text()) == found
    assert [row["rate"] for row in found["rows"]] == [0, 0.5]
    assert found["rows"][0]["density"] == 1 > found["rows"][1]["density"]
    assert found["retrain"] == 1  # a fifth of three epochs
    for row in found["rows"]:
        assert {"genotype.json", "network.py", "weights.safetensors"} == {
            p.name for p in (out / row["folder"]).iterdir()
        }
        assert all(times["low"] <= times["speedup"] <= times["high"] for times in row["latency"].values())
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    lines = said.err.splitlines()
    assert any(line.split()[:2] == ["dense", f"{found['dense']['kept']:,}"] for line in lines)
    assert lines[-1] == f"curve and networks in {out}"

    before = (out / "done.jsonl").read_text()
    shutil.rmtree(out / "rate-0.5")
    (out / "done.jsonl").write_text(before[:-20])  # cut off in the last line
    again = json.loads(say(*words, "--json").out)
    assert (out / "rate-0.5" / "weights.safetensors").is_file()
    for one, other in zip(found["rows"], again["rows"], strict=True):
        assert {**one, "latency": 0} == {**other, "latency": 0}


def test_a_folder_holds_what_its_row_says_whatever_else_was_asked_for_in_between(run: Path, tmp_path: Path) -> None:
    def weights(seed: int) -> bytes:
        prune(run, [0.5], method="random", retrain=0, out=tmp_path / "out", seed=seed)
        (tmp_path / "out" / "prune.json").unlink()  # as if it had been interrupted
        return (tmp_path / "out" / "rate-0.5" / "weights.safetensors").read_bytes()

    first, other, again = (weights(seed) for seed in (0, 1, 0))
    assert first == again != other


def test_a_folder_of_other_options_is_not_written_over(run: Path, tmp_path: Path) -> None:
    prune(run, [0.5], retrain=0, out=tmp_path / "out")
    before = (tmp_path / "out" / "prune.json").read_text()
    with pytest.raises(InputError, match=r"other options \(steps was 1, is 2\): name another --out"):
        prune(run, [0.5], retrain=0, steps=2, out=tmp_path / "out")
    assert (tmp_path / "out" / "prune.json").read_text() == before


def test_folders_of_the_users_own_are_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / ".my-own").mkdir()
    prune(run, [0.5], retrain=0, out=tmp_path)
    assert (tmp_path / ".my-own").is_dir()
    (tmp_path / "other" / "dense").mkdir(parents=True)
    with pytest.raises(InputError, match="holds dense, which this would write"):
        prune(run, [0.5], retrain=0, out=tmp_path / "other")


def test_an_interruption_says_how_to_go_on(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nasgen.compression.curve.prune", interrupt)
    said = say("prune", "anything")
    assert said.code == 130
    assert said.err.splitlines() == [
        "nasgen: interrupted; the rates that are done are kept, and the same command goes on"
    ]


def test_if_every_training_diverges_the_command_fails(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    dense = {"kept": 10, "weights": 10, "parameters": 12, "macs": None, "test_accuracy": 0.9}
    rows = [{"rate": 0.5, "failure": "the training loss is nan at step 1"}]
    pruned = Pruned(Path("out"), {"dense": dense, "rows": rows})
    monkeypatch.setattr("nasgen.compression.curve.prune", lambda *_, **__: pruned)
    said = say("prune", "anything")
    assert said.code == 1
    assert said.out.splitlines()[2].split(maxsplit=1) == ["0.5", "the training loss is nan at step 1"]


def test_in_python(run: Path, tmp_path: Path) -> None:
    pruned = nasgen.prune(run, [0.9], method="random", retrain=0, out=tmp_path / "out")
    (row,) = pruned.rows
    assert row["kept"] == pruned.dense["weights"] - round(0.9 * pruned.dense["weights"])
    assert row["test_accuracy"] < pruned.dense["test_accuracy"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rate", 1), "--rate must be different numbers from 0 up to below 1, found 1.0"),
        (("--rate", 0.5, "--rate", 0.5), "--rate must be different numbers"),
        (("--method", "luck"), "--method must be one of random, magnitude, obd, activation, found 'luck'"),
        (("--scope", "all"), "--scope must be one of global, uniform, amount, distributed, gate, found 'all'"),
        (("--granularity", "channel", "--scope", "gate"), "--scope must be one of global, uniform, found 'gate'"),
        (("--granularity", "layer"), "--granularity must be one of weight, channel, found 'layer'"),
        (("--schedule", "slow"), "--schedule must be one of geometric, cubic, found 'slow'"),
        (("--steps", 0), "--steps must be at least 1, found 0"),
        (("--retrain", -1), "--retrain must be at least 0, found -1"),
        (("--spare", "tail.*"), "--spare leaves nothing to prune, or names nothing: expected weights called tail.*"),
        (("--spare", "*"), "--spare leaves nothing to prune"),
        (("--granularity", "channel", "--spare", "head.*"), "--spare goes with --granularity weight"),
        (("--granularity", "channel", "--out", __file__), "--out expects a folder, found a file"),
        (("--task", "nowhere.npz"), "nowhere.npz: no such file"),
        (("--task", "digits"), "digits: expected the data that the run"),
        (("--seed", -1), "--seed must be from 0 up to below 2**63, found -1"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_wrong_words_get_one_line_and_leave_nothing(run: Path, say: Say, words: tuple[object, ...], told: str) -> None:
    before = sorted(run.iterdir())
    said = say("prune", run, *words)
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert told in line
    assert sorted(run.iterdir()) == before


def test_a_folder_without_a_winner_is_refused(say: Say, tmp_path: Path) -> None:
    said = say("prune", tmp_path / "nowhere")
    assert (said.code, len(said.err.splitlines())) == (2, 1)
    (tmp_path / "empty").mkdir()
    said = say("prune", tmp_path / "empty")
    assert "expected a run, or a folder with weights.safetensors, found neither" in said.err


def test_networks_without_channels_say_so(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.shorten(patch)
        tiny_training.search(tmp_path / "run", tiny_training.digits(), evaluations=2, space="mask")
    with pytest.raises(InputError, match="networks that can lose channels, as those of the space cnn"):
        prune(tmp_path / "run", granularity="channel")
    with pytest.raises(InputError, match="--method activation cannot judge this network"):
        prune(tmp_path / "run", method="activation")
