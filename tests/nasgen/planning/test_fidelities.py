"""A search that trains on a ladder of fidelities, stops what falls behind, and inherits weights, for real."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from tiny_training import contents, digits, interrupt_search, learned, search, shorten

import nasgen
from nasgen.evaluation import Request
from nasgen.results.summary import open_store
from nasgen.settings import read_arguments
from nasgen.storage.store import Store
from nasgen.strategies.halving import PROMOTE
from nasgen.training.evaluators import TrainingEvaluator
from nasgen.training.inheritance import WeightStore
from nasgen.training.recipe import Recipe
from nasgen.training.stopping import hopeless
from search_spaces import get_space
from search_spaces.cnn import CnnSpace

OPTIONS = {"evaluations": 26, "halving": True, "curve_stop": True, "inherit": True, "surrogate": "off"}


@pytest.fixture(scope="module", autouse=True)
def small() -> None:
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        patch.setattr("nasgen.training.stopping.FEWEST", 4)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, small: None) -> Path:
    out = tmp_path_factory.mktemp("ladder") / "run"
    assert search(out, digits(), **OPTIONS).failed == 0
    return out


def test_the_best_third_of_the_proxies_was_trained_longer_and_one_of_them_won(run: Path) -> None:
    rows = contents(run)
    proxies = {asked.key: outcome for asked, outcome in rows if asked.fidelity == "proxy"}
    promoted = [asked for asked, _ in rows if asked.fidelity == "search"]
    assert 4 <= len(promoted) <= 2 * len(proxies) / 3  # who was in the best third once may not stay there
    assert {asked.operator for asked in promoted} == {PROMOTE}
    assert all(asked.key in proxies for asked in promoted)
    with open_store(run) as store:
        (best,) = store.best()
    assert best.request.fidelity == "search"
    assert best.fitness == max(outcome.fitness for asked, outcome in rows if asked.fidelity == "search")
    assert nasgen.resume(run).final.number == best.number


def test_children_and_promoted_rows_start_from_the_weights_of_their_parents(run: Path) -> None:
    weights = {outcome.weights: asked for asked, outcome in contents(run)}
    heirs = [(asked, outcome) for asked, outcome in contents(run) if asked.inherits]
    assert len(heirs) > 8
    for asked, outcome in heirs:
        assert outcome.origin == "inherited"
        assert weights[asked.inherits].key in asked.parents
        assert weights[asked.inherits].number < asked.number
        assert 0 < outcome.metrics["inherited"] <= 1
    promoted = [outcome.metrics["inherited"] for asked, outcome in heirs if asked.operator == PROMOTE]
    assert promoted
    assert set(promoted) == {1.0}


def test_a_fidelity_of_half_the_width_trains_narrower_networks_and_tells_the_cost_of_the_whole() -> None:
    """A conv of 16 channels is trained with 8; the row says the parameters of the network with 16."""
    space = get_space("cnn", input_shape=[1, 8, 8])
    genotype = space.decode('{"space":"cnn","ops":["input","conv3x3:16","output"],"edges":[[0,1],[1,2]]}')
    recipe = Recipe.for_rows(64, 1).model_dump()
    fidelities = {"narrow": {"recipe": recipe, "rows": 64, "width": 0.5}, "whole": {"recipe": recipe, "rows": 64}}
    with TemporaryDirectory() as weights:
        evaluator = TrainingEvaluator("cnn", space.options(), "digits", 0, fidelities, weights=weights)
        told = {}
        for fidelity in fidelities:
            request = Request(0, space.encode(genotype), space.key(genotype), seed=0, fidelity=fidelity)
            outcome = evaluator.evaluate(request)
            trained, state = WeightStore(weights).load(outcome.weights)
            told[fidelity] = outcome.metrics
            assert state["head.weight"].shape == (10, 8 if fidelity == "narrow" else 16)
            assert space.decode(trained).ops[1].channels == state["head.weight"].shape[1]
    # 9 weights a channel, 2 of its norm, 10 of the head; 10 biases
    assert told["narrow"]["parameters"] == told["whole"]["parameters"] == 16 * (9 + 2 + 10) + 10
    assert told["narrow"]["loss"] != told["whole"]["loss"]


def test_a_space_without_narrower_networks_refuses_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(CnnSpace, "narrowed")
    space = get_space("cnn", input_shape=[1, 8, 8])
    fidelities = {"search": {"recipe": Recipe.for_rows(64, 1).model_dump(), "rows": 64, "width": 0.5}}
    evaluator = TrainingEvaluator("cnn", space.options(), "digits", 0, fidelities)
    genotype = space.sample(np.random.default_rng(0))
    with pytest.raises(TypeError, match="cnn has no narrower networks"):
        evaluator.evaluate(Request(0, space.encode(genotype), space.key(genotype), seed=0))


def test_stopped_rows_were_hopeless_where_they_ended_and_the_others_nowhere(run: Path) -> None:
    stopped = 0
    for asked, outcome in contents(run):
        losses = outcome.metrics["loss"]
        behind = [hopeless(asked.ceilings, epoch, loss) for epoch, loss in enumerate(losses)]
        if "stopped" in outcome.metrics:
            assert outcome.metrics["stopped"] == len(losses)
            assert behind[-1]
            stopped += 1
        assert not any(behind[:-1])
    assert stopped > 0


def test_weights_on_disk_are_whole_and_those_of_visible_or_later_rows(run: Path) -> None:
    store = WeightStore(run / "weights")
    genotypes = {outcome.weights: asked.genotype for asked, outcome in contents(run)}
    files = sorted((run / "weights").iterdir())
    assert files
    for file in files:
        genotype, state = store.load(file.stem)
        assert genotype == genotypes[file.stem]
        assert state


def test_a_search_interrupted_in_between_ends_as_one_that_was_not(run: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_search(patch, after=13)
        with pytest.raises(KeyboardInterrupt):
            search(tmp_path / "again", digits(), **OPTIONS)
    nasgen.resume(tmp_path / "again")
    assert learned(tmp_path / "again") == learned(run)


def test_workers_come_to_the_same_rows(run: Path, tmp_path: Path) -> None:
    search(tmp_path / "again", digits(), **{**OPTIONS, "executor": "processes", "workers": 2})
    assert learned(tmp_path / "again") == learned(run)


def test_missing_weights_stop_a_resume_with_an_error(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        interrupt_search(patch, after=13)
        with pytest.raises(KeyboardInterrupt):
            search(out, digits(), **OPTIONS)
    with Store(out / "store.sqlite") as store:
        needed = [request.inherits for request, _ in store.pending() if request.inherits]
    assert needed
    WeightStore(out / "weights").discard(needed[0])
    with pytest.raises(nasgen.InputError, match=r"starts from weights .*, which are missing from .*: put them back"):
        nasgen.resume(out)


def test_what_cannot_inherit_is_refused_at_the_door(tmp_path: Path) -> None:
    space = tmp_path / "spaces.py"
    space.write_text(
        "from search_spaces.cnn import CnnSpace\n\n\nclass Barren(CnnSpace):\n    inherit = property()\n",
        encoding="utf-8",
    )
    with pytest.raises(nasgen.InputError, match="--inherit needs a space with the method inherit, found none in"):
        search(tmp_path / "run", digits(), space=f"{space}:Barren", inherit=True)
    with pytest.raises(nasgen.InputError, match="--inherit are for trainings, found --table"):
        search(tmp_path / "run", None, space="nasbench201", table="t.csv", fitness="f", augment="auto", inherit=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "ladder"),
    [
        ({"minutes": 1.0}, True),
        ({"minutes": 1.0, "halving": False}, False),
        ({"minutes": 1.0, "profile": "paper"}, False),
        ({"minutes": 1.0, "strategy": "random"}, False),
        ({"evaluations": 9}, False),
        ({"evaluations": 9, "halving": True}, True),
    ],
)
def test_the_default_strategy_is_on_a_ladder_under_a_clock(options: dict[str, object], ladder: bool) -> None:
    assert read_arguments(out="run", **options).on_a_ladder is ladder
