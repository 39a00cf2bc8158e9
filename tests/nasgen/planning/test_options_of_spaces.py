"""Options of a space and of a strategy: from the command line to what is made, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lookup_search import Say

from nasgen.cli.options import named_values
from nasgen.errors import InputError
from nasgen.planning.resolve import strategy_options
from nasgen.planning.space_options import space_options
from nasgen.settings import Arguments
from nasgen.storage.folder import RunFolder
from nasgen.tasks import get_task
from predictors.metadataset import MetaDataset
from search_spaces import get_space


def test_values_are_json_or_else_text() -> None:
    found = named_values("space-option", ["hidden=[300,100]", "init=fan-in", "self_edges=false", 'name="a=b"'])
    assert found == {"hidden": [300, 100], "init": "fan-in", "self_edges": False, "name": "a=b"}
    assert named_values("space-option", None) == {}
    texts = ["a=.5", "b=[.6,-.75, 1.5]", "c=-.5e-3", "d=a.5b", "e=1.2.3", "f=x.5.json"]
    assert named_values("bonus", texts) == {
        "a": 0.5,
        "b": [0.6, -0.75, 1.5],
        "c": -0.0005,
        "d": "a.5b",
        "e": "1.2.3",
        "f": "x.5.json",
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["hidden"], "--space-option expects NAME=VALUE, found 'hidden'"),
        (["=3"], "--space-option expects NAME=VALUE, found '=3'"),
        (["a=1", "a=2"], "--space-option expects each name once, found a twice"),
    ],
)
def test_other_words_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        named_values("space-option", texts)


@pytest.mark.parametrize("profile", ["default", "paper"])
def test_masks_are_searched_with_the_options_that_were_given(say: Say, tmp_path: Path, profile: str) -> None:
    run = tmp_path / "run"
    words = ("search", "--space", "mask", "--evaluations", 3, "--out", run, "--json", "--profile", profile)
    said = say(
        *words, "--strategy", "bayesian", "--space-option", "hidden=[24]", "--space-option", "sparsities=[0.5]",
        "--strategy-option", "size=20", "--executor", "inline"
    )  # fmt: skip
    assert said.code == 0
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings["space_options"]["hidden"] == [24]
    assert len(settings["space_options"]["input_spread"]) == 64
    assert settings["strategy_options"]["size"] == 20
    assert settings["strategy_options"].get("within") == ("box" if profile == "paper" else None)
    assert settings["strategy_options"].get("similarity") == ("cosine" if profile == "paper" else None)
    assert settings["space_options"].get("generators") == (["er"] if profile == "paper" else None)
    genotype = json.loads(json.loads(said.out.splitlines()[-1])["best"]["genotype"])
    assert genotype["kept"] == round(0.5 * (64 * 24 + 24 * 10)) - 240
    assert settings["fidelities"]["search"]["recipe"]["optimiser"] == ("adam" if profile == "paper" else "sgd")


def paper(space: str = "mask", **given: Any) -> Arguments:
    return Arguments(out="run", space=space, strategy="bayesian", profile="paper", evaluations=3, **given)


def test_the_papers_masks_are_uniformly_random_ones() -> None:
    space = get_space("mask", **space_options(paper(), get_task("digits"), 0))
    assert (space.placements, space.generators, space.focus) == (("random",), ("er",), (0, 0))
    # 2,368 of 9,472 weights are left at .75, of which the classifier takes 1,280: 544 edges of a pixel and two units.
    # Without the 64 of nodes to themselves 480, any of 64 * 63 with equal odds; either way two nodes are joined.
    joined = [len(space.to_graph(space.sample(np.random.default_rng(seed))).edges) for seed in range(100)]
    assert np.mean(joined) == pytest.approx(64 * 63 / 2 * (1 - (1 - 480 / (64 * 63)) ** 2), rel=0.005)


def test_what_the_user_says_goes_before_the_profile() -> None:
    given = {"generators": ["ba"], "focus": [0, 1]}
    options = space_options(paper(space_options=given), get_task("digits"), 0)
    assert {name: options[name] for name in (*given, "placements")} == {**given, "placements": ["random"]}
    options = strategy_options(paper(strategy_options={"similarity": "nearness"}), 3)
    assert options == {"features": "relational5", "within": "box", "similarity": "nearness"}


def test_other_spaces_than_masks_keep_what_they_draw() -> None:
    options = space_options(paper("sparse"), get_task("digits"), 0)
    assert not {"placements", "generators", "focus"} & set(options)


def test_arbitrary_masks_are_searched_as_perceptrons_are(say: Say, tmp_path: Path) -> None:
    run, table = tmp_path / "run", tmp_path / "rows.parquet"
    said = say(
        "search", "--space", "sparse", "--evaluations", 3, "--out", run, "--json", "--space-option", "hidden=[24]",
        "--space-option", "sparsities=[0.5,0.9]", "--executor", "inline"
    )  # fmt: skip
    assert said.code == 0
    settings = json.loads((run / "run.json").read_text())["settings"]
    assert settings["space_options"] == {
        "input_shape": [1, 8, 8], "n_classes": 10, "hidden": [24], "sparsities": [0.5, 0.9]
    }  # fmt: skip
    recipe = settings["fidelities"]["search"]["recipe"]
    masks = tmp_path / "masks"
    say("search", "--space", "mask", "--evaluations", 3, "--out", masks, "--executor", "inline")
    other = json.loads((masks / "run.json").read_text())["settings"]["fidelities"]["search"]["recipe"]
    assert recipe == other
    genotype = json.loads(json.loads(said.out.splitlines()[-1])["best"]["genotype"])
    assert sum(genotype["kept"]) in (round(0.5 * 1776), round(0.1 * 1776))
    assert say("metadataset", run, "--out", table).code == 0
    assert MetaDataset.read(table).columns["source"] == ["search"] * 3


def test_a_space_of_perceptrons_in_a_file_is_trained_as_one(say: Say, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from functools import partial\nfrom search_spaces.sparse import SparseSpace\n"
        "Small = partial(SparseSpace, hidden=(16,), sparsities=(0.5,))\n"
    )
    fidelities = []
    for number, space in enumerate([f"{own}:Small", "sparse"]):
        run = tmp_path / f"run{number}"
        assert say("search", "--space", space, "--evaluations", 3, "--out", run, "--executor", "inline").code == 0
        fidelities.append(RunFolder.open(run).settings().fidelities)
    assert fidelities[0] == fidelities[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--space-option", "sparsities=[2]"), "sparsities must be different numbers from 0 up to below 1"),
        (("--space-option", "depth=[6,12]"), "--space mask has hidden, nodes, sparsities, "),
        (("--space-option", "depth=[6,12]"), "crossovers, found 'depth'"),
        (("--strategy-option", "patience=3"), "--strategy bayesian has features, size, initial, kappa, within, "),
        (("--strategy-option", "within=pool"), "within must be box or database"),
    ],
)
def test_options_that_are_none_are_refused_in_one_line(
    say: Say, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    run = tmp_path / "run"
    said = say("search", "--space", "mask", "--strategy", "bayesian", "--evaluations", 3, "--out", run, *words)
    assert said.code == 2
    assert message in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert not run.exists()
