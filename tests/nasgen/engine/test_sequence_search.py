"""A search on sequences, with a space of the user's own, from a file of arrays to a network that needs torch alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_sequences import SPACE, STEPS, marked
from tiny_training import contents, digits, search
from torch_alone import BLOCKED

import nasgen
from nasgen.errors import InputError
from nasgen.planning import rehearsal, time_budget
from nasgen.planning.budget import Regime, SequenceRegime
from nasgen.planning.kinds import default_task
from nasgen.planning.rates import Rates
from nasgen.planning.time_budget import budget_for
from nasgen.results.metadata import write_metadataset
from nasgen.settings import read_arguments
from nasgen.storage.clock import Clock
from nasgen.storage.folder import RunFolder
from nasgen.tasks import get_task
from nasgen.training.recipe import Recipe

TORCH_ALONE = f"""{BLOCKED}
import json
import torch
from network import Network
rows, labels = json.load(open("rows.json"))
with torch.inference_mode():
    print((Network()(torch.tensor(rows)).argmax(1) == torch.tensor(labels)).double().mean().item())
"""


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("spaces") / "spaces.py"
    path.write_text(SPACE)
    return str(path)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "marked.npz"
    np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), marked(), strict=True)))
    return str(path)


@pytest.fixture(scope="module")
def found(spaces: str, file: str, tmp_path_factory: pytest.TempPathFactory) -> nasgen.SearchResult:
    """What a search with two worker processes came to."""
    out = tmp_path_factory.mktemp("found") / "run"
    return search(out, file, space=f"{spaces}:Bags", augment="auto", executor="processes", workers=2)


def test_candidates_are_trained_under_the_recipe_for_sequences(found: nasgen.SearchResult) -> None:
    settings = RunFolder(found.path).settings()
    assert settings.space_options == {"input_shape": [STEPS], "n_classes": 2, "vocabulary": 10}
    assert settings.augment == "none"
    assert Recipe(**settings.fidelities["search"].recipe) == Recipe.for_sequences(320, 12)
    assert found.failed == 0
    assert found.best is not None
    assert found.best.fitness is not None
    assert found.best.fitness > 0.9


def test_the_exported_network_scores_what_the_run_says_with_torch_alone(found: nasgen.SearchResult) -> None:
    assert found.final is not None
    assert found.final.test_accuracy > 0.95
    best, (_, _, x_test, y_test) = found.path / "best", marked()
    (best / "rows.json").write_text(json.dumps([x_test.tolist(), y_test.tolist()]))
    (best / "main.py").write_text(TORCH_ALONE)
    output = subprocess.check_output([sys.executable, "main.py"], cwd=best, text=True)
    assert float(output) == found.final.test_accuracy


def test_the_same_search_in_one_process_has_the_same_rows(
    found: nasgen.SearchResult, spaces: str, file: str, tmp_path: Path
) -> None:
    result = search(tmp_path / "run", file, space=f"{spaces}:Bags")
    rows = [
        [(request.genotype, outcome and outcome.fitness) for request, outcome in contents(one.path)]
        for one in (found, result)
    ]
    assert rows[0] == rows[1]


def test_a_run_goes_on(found: nasgen.SearchResult, tmp_path: Path) -> None:
    run = shutil.copytree(found.path, tmp_path / "run")
    assert nasgen.resume(run, evaluations=found.evaluations + 1, executor="inline").evaluations == 7


@pytest.mark.parametrize("name", ["Plain", "made"])
def test_a_space_that_takes_no_vocabulary_is_not_told_it(spaces: str, tmp_path: Path, name: str) -> None:
    result = search(tmp_path / "run", marked(), space=f"{spaces}:{name}", evaluations=2)
    assert result.failed == 0
    assert RunFolder(result.path).settings().space_options == {"input_shape": [STEPS], "n_classes": 2}


def test_the_paper_profile_trains_as_published(spaces: str, tmp_path: Path) -> None:
    result = search(tmp_path / "run", marked(), space=f"{spaces}:Plain", evaluations=1, profile="paper")
    settings = RunFolder(result.path).settings()
    assert settings.final is not None
    assert settings.fidelities["search"] == settings.final
    assert Recipe(**settings.final.recipe) == Recipe.published_for_sequences(15)
    assert result.final is not None
    assert result.final.epochs == 15


@pytest.mark.parametrize(
    ("space", "data", "options", "message"),
    [
        (
            "cnn",
            "sequences",
            {},
            "--space cnn reads images, and the task arrays is of sequences: use --space rnn, or a task of images such "
            "as digits",
        ),
        (
            "Plain",
            "images",
            {},
            ":Plain reads sequences, and the task arrays is of images: use --space cnn, or a task of sequences such as "
            "reber",
        ),
        ("Odd", "sequences", {}, ":Odd: reads must be one of images, sequences, found 'sounds'"),
        ("made", "images", {}, r":made: cannot be made with the options input_shape, n_classes: ValueError"),
        ("Plain", "sequences", {"augment": "shift"}, "--augment shift is for images, and the task arrays is of seq"),
        ("Plain", "sequences", {"inherit": True}, "--inherit needs a space with the method inherit"),
    ],
)
@pytest.mark.parametrize("budget", [{"evaluations": 2}, {"evaluations": None, "minutes": 1.0}])
def test_what_does_not_go_together_is_refused_and_leaves_nothing(
    spaces: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    space: str,
    data: str,
    options: dict[str, Any],
    message: str,
    budget: dict[str, Any],
) -> None:
    monkeypatch.setattr(rehearsal, "MEASURED_STEPS", 1)
    task = marked() if data == "sequences" else digits()
    name = space if space == "cnn" else f"{spaces}:{space}"
    with pytest.raises(InputError, match=message) as caught:
        search(tmp_path / "deep" / "run", task, space=name, **{**options, **budget})
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_search_by_the_clock_rehearses_on_a_space_without_a_cap(
    spaces: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a clock by which each result takes 100 s: the search ends within 300 s."""
    monkeypatch.setattr(Clock, "used", lambda clock: 100.0 * clock._results)
    monkeypatch.setattr("nasgen.winner.final.LONGEST_FINAL_EPOCHS", 2)
    monkeypatch.setattr(rehearsal, "MEASURED_STEPS", 2)
    monkeypatch.setattr(time_budget, "FEWEST_PASSES", 40)
    monkeypatch.setattr(time_budget, "MOST_PASSES", 700)
    result = search(tmp_path / "run", marked(), space=f"{spaces}:Plain", evaluations=None, minutes=5.0)
    settings = RunFolder(result.path).settings()
    assert list(settings.fidelities) == ["glimpse", "proxy", "search"]
    assert {one.recipe["optimiser"] for one in settings.fidelities.values()} == {"adam"}
    assert {one.width for one in settings.fidelities.values()} == {1.0}
    assert result.failed == 0
    assert result.final is not None


def test_under_a_clock_candidates_on_sequences_see_more_of_them_than_candidates_on_images() -> None:
    """100,000 for each 30,000 images: fewer candidates are trained, for longer."""
    steps, pixels, labels = np.ones((40_000, 16), np.int64), np.ones((40_000, 4, 4)), np.arange(40_000) % 2
    arguments = read_arguments(out="run", minutes=10.0, strategy="random")
    seen = []
    for rows, regime in ((steps, SequenceRegime()), (pixels, Regime())):
        task = get_task((rows, labels, rows[:10], labels[:10]))
        budget = budget_for(Rates(1e-4, 0.0), task, arguments, 2, 1, 36_000, regime, 600.0)
        one = budget.fidelities["search"]
        seen.append((one.rows or 36_000) * one.recipe["epochs"])
    assert seen[0] > 1.5 * seen[1]


def test_the_task_that_a_search_has_by_default_is_one_that_its_space_reads() -> None:
    assert (default_task("rnn"), default_task("cnn"), default_task("mine.py:Bags")) == ("reber", "digits", "digits")


def test_a_meta_dataset_of_sequences_has_no_proxies_and_takes_the_steps(spaces: str, file: str, tmp_path: Path) -> None:
    out = str(tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=r"--proxies must name a task of images, found .*marked.npz of sequences"):
        write_metadataset(out, space="cnn", count=2, proxies=file)
    with pytest.raises(InputError, match=r":Plain reads sequences, whose shape is the steps alone, found 3,8,8"):
        write_metadataset(out, space=f"{spaces}:Plain", count=2, input_shape="3,8,8")
    assert list(tmp_path.iterdir()) == []
