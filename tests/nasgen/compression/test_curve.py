"""The curve as its user has it: a table, a folder a rate, a picture, JSON; and what is refused before anything."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny_training
from lookup_search import Say
from tiny_sequences import marked

import nasgen
from nasgen.compression.curve import Pruned, prune, table_lines
from nasgen.compression.options import Options
from nasgen.compression.plot import plot_curve
from nasgen.compression.points import Point
from nasgen.compression.rows import row_of
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


def test_a_call_with_other_rates_adds_them_to_the_curve(run: Path, tmp_path: Path) -> None:
    def curve() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((tmp_path / "out" / "prune.json").read_text())["rows"]
        return found

    (half,) = prune(run, [0.5], retrain=0, out=tmp_path / "out", seeds=2).rows
    (most,) = prune(run, [0.9], retrain=0, out=tmp_path / "out").rows
    assert curve() == [half, most]
    assert half["over_seeds"]["n"] == 2
    assert prune(run, [0.5], retrain=0, out=tmp_path / "out").rows == [half]  # with the seeds that it has
    shutil.rmtree(tmp_path / "out" / "rate-0.5")
    lines: list[str] = []
    assert prune(run, [0.9], retrain=0, out=tmp_path / "out", say=lines.append).rows == [most]
    assert lines[0].startswith("3 of 4 networks known")
    assert curve() == [half, most]
    assert (tmp_path / "out" / "rate-0.5" / "weights.safetensors").is_file()


@pytest.mark.parametrize("text", ["", "[]", '{"rows": [{"rate": 50}]}', '{"rows": [{"rate": "half"}]}', '{"rows": 3}'])
def test_a_curve_that_is_damaged_is_told_and_kept(run: Path, tmp_path: Path, text: str) -> None:
    prune(run, [0.5], retrain=0, out=tmp_path / "out")
    path = tmp_path / "out" / "prune.json"
    values = json.loads(path.read_text())
    path.write_text(text if not text.startswith("{") else json.dumps({**values, **json.loads(text)}))
    before = path.read_text()
    with pytest.raises(InputError, match=r"prune\.json: expected what an earlier call wrote, found another text"):
        prune(run, [0.9], retrain=0, out=tmp_path / "out")
    assert path.read_text() == before


def test_several_seeds_have_a_mean_and_an_interval(run: Path, say: Say, tmp_path: Path) -> None:
    words = ("prune", run, "--method", "random", "--rate", 0.8, "--retrain", 0, "--out", tmp_path / "out")
    (first,) = json.loads(say(*words, "--json").out)["rows"]
    said = say(*words, "--seeds", 3, "--json")
    (row,) = json.loads(said.out)["rows"]
    seeds = row.pop("over_seeds")
    assert row == first  # the network of the first seed
    assert (seeds["n"], seeds["failed"]) == (3, 0)
    assert seeds["low"] < seeds["mean"] < seeds["high"]
    assert said.err.splitlines()[-2].endswith(f"{seeds['mean']:.4f} ({seeds['low']:.4f} to {seeds['high']:.4f})")


def test_a_seed_that_failed_is_told_and_not_in_the_mean() -> None:
    options = Options("weight", "magnitude", "global", "geometric", 1, 1, (), 0)
    points = [Point(0.5, options, number, "") for number in range(3)]
    measured = {"kept": 5, "weights": 10, "parameters": 12, "macs": None, "sha256": ""}
    results: dict[Any, dict[str, Any]] = {
        points[0]: {**measured, "test_accuracy": 0.8},
        points[1]: {"failure": "the memory ran out"},
        points[2]: {**measured, "test_accuracy": 0.9},
    }
    row = row_of(points, results, measured)
    seeds = row["over_seeds"]
    assert (seeds["n"], seeds["failed"], seeds["mean"]) == (3, 1, pytest.approx(0.85))
    assert seeds["high"] - seeds["mean"] == pytest.approx(12.706 * 0.05, rel=1e-3)  # t of one degree of freedom
    dense = {**measured, "kept": 10, "test_accuracy": 0.9}
    line = table_lines(Pruned(Path("out"), {"dense": dense, "rows": [row]}))[2]
    assert line.endswith("1 of 3 failed")
    results[points[2]] = {"failure": "the memory ran out"}
    assert row_of(points, results, measured)["over_seeds"] == {
        "n": 3,
        "failed": 2,
        "mean": 0.8,
        "low": None,
        "high": None,
    }
    results[points[0]], results[points[2]] = results[points[2]], results[points[0]]
    row = row_of(points, results, measured)
    assert (row["failure"], row["over_seeds"]["mean"]) == ("the memory ran out", 0.8)
    line = table_lines(Pruned(Path("out"), {"dense": dense, "rows": [row]}))[2]
    assert line.endswith("the memory ran out; over the seeds 0.8000, 2 of 3 failed")
    results[points[2]] = {"failure": "the memory ran out"}
    row = row_of(points, results, measured)
    assert (row["failure"], row["over_seeds"]["failed"], row["over_seeds"]["mean"]) == ("the memory ran out", 3, None)


@pytest.mark.parametrize("rows", [[], [{"rate": 0.5, "failure": "the memory ran out"}]])
def test_a_curve_without_points_is_drawn(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    plot_curve({"test_accuracy": 0.9}, rows, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").is_file()


def test_a_folder_of_other_options_is_not_written_over(run: Path, tmp_path: Path) -> None:
    prune(run, [0.5], retrain=0, out=tmp_path / "out")
    before = (tmp_path / "out" / "prune.json").read_text()
    with pytest.raises(InputError, match=r"other networks \(steps was 1, is 2\): name another --out"):
        prune(run, [0.5], retrain=0, steps=2, out=tmp_path / "out")
    assert (tmp_path / "out" / "prune.json").read_text() == before


def test_a_folder_of_another_winner_is_not_written_over(run: Path, tmp_path: Path) -> None:
    (row,) = prune(run, [0.5], retrain=0, out=tmp_path / "out").rows
    winner = tmp_path / "other"
    shutil.copytree(tmp_path / "out" / "rate-0.5", winner)
    with pytest.raises(InputError, match=r"holds other networks \(source_sha256 was .*\): name another --out"):
        prune(winner, [0.9], retrain=0, out=tmp_path / "out", task=str(run / "data.npz"))
    before = (tmp_path / "out" / "rate-0.5" / "weights.safetensors").read_bytes()
    assert hashlib.sha256(before).hexdigest() == row["sha256"]


def test_what_was_sparse_before_is_shown_so(run: Path, tmp_path: Path) -> None:
    prune(run, [0.5], retrain=0, out=tmp_path / "out")
    again = prune(tmp_path / "out" / "rate-0.5", [0.5], retrain=0, out=tmp_path / "again", task=str(run / "data.npz"))
    assert table_lines(again)[1].split()[:3] == ["dense", f"{again.dense['kept']:,}", "50.0%"]


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
        (("--seed", -1), "--seed must be from 0 up to below 2**62, found -1"),
        (("--seeds", 0), "--seeds must be from 1 to 1000, found 0"),
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


@pytest.mark.parametrize("space", ["mask", "sparse", "rnn"])
def test_networks_of_every_space_are_judged_by_what_their_weights_multiply(space: str, tmp_path: Path) -> None:
    task = marked() if space == "rnn" else tiny_training.digits()
    options = {"rnn": {"nodes": [10, 12]}, "sparse": {"hidden": [16]}, "mask": {}}[space]
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.shorten(patch)
        tiny_training.search(tmp_path / "run", task, evaluations=2, augment="auto", space=space, space_options=options)
    with pytest.raises(InputError, match="networks that can lose channels, as those of the space cnn"):
        prune(tmp_path / "run", granularity="channel")
    pruned = prune(tmp_path / "run", [0.5], method="activation", scope="uniform", retrain=0)
    (row,) = pruned.rows
    assert row["kept"] == pruned.dense["weights"] - pruned.dense["weights"] // 2
    assert pruned.out.name == "pruned-weight-activation"
