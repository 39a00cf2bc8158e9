"""Search spaces of the user's own in FILE.py: networks that diverge or raise, and spaces that cannot be used."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import Arrays, contents, digits, search, shorten

import nasgen
from nasgen.cli.app import main
from nasgen.errors import InputError
from nasgen.plugins import load_plugin
from nasgen.results.querying import open_source
from nasgen.results.summary import open_store, status_lines
from predictors import Surrogate

SPACES = '''
"""The space of CNN graphs, and what goes wrong with it. A key begins with a hexadecimal digit by chance."""
from torch import nn

from search_spaces.cnn import CnnSpace


class Poison(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        return self.network(images) * float("nan")


class Small(CnnSpace):
    def __init__(self, input_shape, n_classes):
        super().__init__(input_shape, n_classes, max_macs=200_000)


class Mine(CnnSpace):
    """Made of what its options say, as surrogates need it that are saved with it."""


class Moody(Small):
    """A third diverge, and a third raise."""

    def build(self, genotype, input_shape, n_classes):
        first = int(self.key(genotype)[0], 16)
        if first % 3 == 0:
            return Poison(super().build(genotype, input_shape, n_classes))
        if first % 3 == 1:
            raise RuntimeError("no such layer")
        return super().build(genotype, input_shape, n_classes)


class Hopeless(Small):
    def build(self, genotype, input_shape, n_classes):
        return Poison(super().build(genotype, input_shape, n_classes))


class Flat(Small):
    """Its networks take images of one size alone."""

    resizes = False

    def build(self, genotype, input_shape, n_classes):
        channels, height, width = input_shape
        return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, n_classes))


class Refusing(CnnSpace):
    def __init__(self, input_shape, n_classes):
        raise ValueError("images of 8 x 8 are too small for me")


class Without:
    """All of a space but one method."""

    missing = ""

    def __init__(self, input_shape, n_classes):
        self.whole = Small(input_shape, n_classes)

    def __getattr__(self, name):
        if name == self.missing:
            raise AttributeError(name)
        return getattr(self.whole, name)


class WithoutMutate(Without):
    missing = "mutate"


class WithoutBuild(Without):
    missing = "build"
'''


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("spaces") / "spaces.py"
    path.write_text(SPACES)
    return str(path)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    return digits()


@pytest.fixture(scope="module")
def moody(file: str, arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> nasgen.SearchResult:
    """What a search of twelve came to, two thirds of which cannot be trained."""
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        out = tmp_path_factory.mktemp("moody") / "run"
        return search(out, arrays, space=f"{file}:Moody", evaluations=12)


def failures(run: Path) -> list[Any]:
    return [outcome.failure if outcome else None for _, outcome in contents(run)]


def test_networks_that_diverge_or_raise_fail_and_the_search_goes_on(moody: nasgen.SearchResult) -> None:
    kinds = {0: "diverged", 1: "exception", 2: None}
    expected = [kinds[int(request.key[0], 16) % 3] for request, _ in contents(moody.path)]
    assert [failure and failure.kind for failure in failures(moody.path)] == expected
    assert {"diverged", "exception", None} == set(expected)
    assert moody.evaluations == 12
    assert moody.failed == 12 - expected.count(None)
    assert moody.trained == expected.count(None)


def test_failures_say_what_happened_and_where(moody: nasgen.SearchResult) -> None:
    for failure in failures(moody.path):
        if failure is not None and failure.kind == "diverged":
            assert failure.message == "DivergedError: the training loss is nan at step 1"
        elif failure is not None:
            assert failure.message == "RuntimeError: no such layer"
            assert failure.trace[-1] == 'spaces.py, build: raise RuntimeError("no such layer")'


def test_the_winner_is_a_healthy_one(moody: nasgen.SearchResult) -> None:
    assert moody.best is not None
    assert int(moody.best.key[0], 16) % 3 == 2
    assert moody.final is not None
    assert 0.2 < moody.final.test_accuracy <= 1
    assert (moody.path / "best" / "network.py").is_file()


def test_status_names_each_cause_with_its_count(moody: nasgen.SearchResult) -> None:
    kinds = [failure and failure.kind for failure in failures(moody.path)]
    lines = status_lines(moody.path)
    assert f"failed       {kinds.count('exception')} x exception: RuntimeError: no such layer" in lines
    diverged = "diverged: DivergedError: the training loss is nan at step 1"
    assert f"failed       {kinds.count('diverged')} x {diverged}" in lines


@pytest.mark.parametrize("budget", [{"evaluations": 3}, {"evaluations": 3, "minutes": 5.0}])
def test_networks_that_take_one_size_alone_see_large_images_as_they_are(
    file: str, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: dict[str, Any]
) -> None:
    shorten(monkeypatch)
    x, y, x_test, y_test = arrays
    larger = (x.repeat(3, axis=1).repeat(3, axis=2), y, x_test.repeat(3, axis=1).repeat(3, axis=2), y_test)
    result = search(tmp_path / "run", larger, space=f"{file}:Flat", surrogate="off", **budget)
    assert failures(result.path) == [None] * 3
    assert result.final is not None
    assert result.final.test_accuracy > 0.2


def test_a_command_in_which_every_candidate_fails_exits_1(
    file: str, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shorten(monkeypatch)
    task, run = tmp_path / "task.npz", tmp_path / "run"
    np.savez(task, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays, strict=True)))
    words = ["search", "--task", task, "--space", f"{file}:Hopeless", "--out", run, "--json"]
    words += ["--evaluations", 4, "--augment", "none", "--executor", "inline"]
    monkeypatch.setattr(sys, "argv", ["nasgen", *map(str, words)])
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        main()
    signal.signal(signal.SIGTERM, handler)
    said = capsys.readouterr()
    assert ended.value.code == 1
    values = json.loads(said.out)
    assert (values["best"], values["evaluations"], values["trained"], values["failed"]) == (None, 4, 0, 4)
    assert f"no candidate of 4 has a fitness; `nasgen status {run}` says why" in said.err
    assert "Traceback" not in said.err
    assert not (run / "best").exists()
    with open_store(run) as store:
        assert store.failure_counts() == {"diverged: DivergedError: the training loss is nan at step 1": 4}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Refusing", r":Refusing: cannot be made with the options input_shape, n_classes: ValueError: images of 8 x 8"),
        ("WithoutMutate", r":WithoutMutate: a search space needs mutate \("),
        ("WithoutBuild", r":WithoutBuild: a search space needs build \("),
        ("Absent", r":Absent: expected 'Absent' in the file, found CnnSpace, Flat, Hopeless, Mine, Moody"),
    ],
    ids=["refusing", "without-mutate", "without-build", "absent"],
)
@pytest.mark.parametrize(
    "budget", [{"evaluations": 4}, {"evaluations": None, "minutes": 1.0}], ids=["evaluations", "minutes"]
)
def test_spaces_that_cannot_be_used_are_refused_and_leave_nothing(
    file: str, arrays: Arrays, tmp_path: Path, name: str, message: str, budget: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        search(tmp_path / "deep" / "run", arrays, space=f"{file}:{name}", **budget)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_space_none_of_whose_networks_train_is_refused_by_a_rehearsal(
    file: str, arrays: Arrays, tmp_path: Path
) -> None:
    """A budget of evaluations would record every failure; one of minutes has nothing to measure."""
    with pytest.raises(InputError, match=r"none of 5 random genotypes of .*:Hopeless could be trained: DivergedError"):
        search(tmp_path / "run", arrays, space=f"{file}:Hopeless", evaluations=None, minutes=1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_surrogate_remembers_the_file_of_its_space(
    file: str, arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = load_plugin(f"{file}:Mine")((1, 8, 8), 10, max_macs=200_000)
    genotypes = [space.sample(np.random.default_rng(seed)) for seed in range(5)]
    surrogate = Surrogate("mean").fit([space.to_graph(genotype) for genotype in genotypes], [0.1, 0.2, 0.3, 0.4, 0.5])
    surrogate.save(tmp_path / "saved", space=space)
    graph_of = open_source(str(tmp_path / "saved")).graph_of
    assert graph_of(space.encode(genotypes[0])) == space.to_graph(genotypes[0])

    shorten(monkeypatch)
    monkeypatch.chdir(Path(file).parent)
    search(tmp_path / "run", arrays, space="spaces.py:Mine", surrogate=str(tmp_path / "saved"), evaluations=1)
    with pytest.raises(InputError, match=r"was fitted on the space .*spaces\.py:Mine, found --space .*:Moody"):
        search(tmp_path / "other", arrays, space="spaces.py:Moody", surrogate=str(tmp_path / "saved"), evaluations=1)


def test_a_changed_file_is_refused(arrays: Arrays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)
    own = tmp_path / "mine.py"
    own.write_text(SPACES)
    search(tmp_path / "run", arrays, space=f"{own}:Small", evaluations=1)
    own.write_text(SPACES.replace("200_000", "100_000"))
    with pytest.raises(InputError, match="space_hash was"):
        nasgen.resume(tmp_path / "run", evaluations=2)
    assert len(contents(tmp_path / "run")) == 1
