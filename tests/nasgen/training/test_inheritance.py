"""Inherited weights: how they are kept, whose are let go and when, and what happens where they are lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from contracts.landscape import SPACE, outcome_of
from scripted_runs import Scripted, all_at_once

from nasgen.engine.run import Run
from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.storage.store import Store
from nasgen.strategies.baselines import RandomSearch
from nasgen.training.inheritance import Inheritance, MissingWeightsError, WeightStore

STATE = {"weight": torch.arange(6.0).view(2, 3)}


@pytest.fixture
def weights(tmp_path: Path) -> WeightStore:
    return WeightStore(tmp_path / "weights")


@pytest.fixture
def inheritance(weights: WeightStore, monkeypatch: pytest.MonkeyPatch) -> Inheritance:
    """Keeps the weights of the best two."""
    monkeypatch.setattr("nasgen.training.inheritance.KEPT", 2)
    return Inheritance(weights, ["proxy", "search"])


def row(weights: WeightStore, number: int, fitness: float, key: str = "", fidelity: str = "proxy") -> Evaluation:
    """A row whose weights are kept, no two of them the same."""
    digest = weights.save(f"genotype {number}", {"number": torch.tensor([number])})
    request = Request(number, f"genotype {number}", key or f"k{number}", 0, fidelity)
    return Evaluation(request, Outcome(fitness, weights=digest))


def starting_from(number: int, digest: str) -> Request:
    return Request(number, "genotype", f"k{number}", 0, inherits=digest)


def kept(weights: WeightStore) -> set[str]:
    return {path.stem for path in weights.folder.iterdir()}


def digests(rows: Iterable[Evaluation]) -> set[str]:
    return {row.outcome.weights for row in rows}


def test_weights_come_back_with_their_genotype(weights: WeightStore) -> None:
    digest = weights.save("a genotype", STATE)
    assert weights.save("a genotype", STATE) == digest
    assert weights.save("another", STATE) != digest
    genotype, state = weights.load(digest)
    assert genotype == "a genotype"
    assert torch.equal(state["weight"], STATE["weight"])
    assert kept(weights) == {digest, weights.save("another", STATE)}  # and nothing half written beside them


def test_damaged_or_missing_weights_are_named(weights: WeightStore) -> None:
    digest = weights.save("a genotype", STATE)
    content = bytearray(weights.path(digest).read_bytes())
    content[-1] ^= 1
    weights.path(digest).write_bytes(content)
    with pytest.raises(MissingWeightsError, match=f"{digest[:12]} are damaged"):
        weights.load(digest)
    weights.discard(digest)
    with pytest.raises(MissingWeightsError, match=f"{digest[:12]} are not there"):
        weights.load(digest)


def test_the_weights_of_the_best_visible_rows_are_kept(inheritance: Inheritance, weights: WeightStore) -> None:
    rows = [row(weights, number, fitness) for number, fitness in enumerate((0.1, 0.4, 0.2, 0.3))]
    inheritance.tell(rows)
    assert kept(weights) == digests(rows)  # until something ends: whoever was asked before may still read them
    inheritance.release(0)
    assert kept(weights) == digests([rows[1], rows[3]])
    assert inheritance.of(["k0", "k3", "k1"]) == rows[3].outcome.weights
    assert inheritance.of(["k0", "k2"]) == ""


def test_those_of_a_higher_fidelity_come_first(inheritance: Inheritance, weights: WeightStore) -> None:
    low, high = row(weights, 0, 0.9, "key"), row(weights, 1, 0.5, "key", fidelity="search")
    inheritance.tell([high, low])
    inheritance.release(0)
    assert inheritance.of(["key"]) == high.outcome.weights
    assert kept(weights) == digests([high])


def test_what_a_request_in_flight_starts_from_stays(inheritance: Inheritance, weights: WeightStore) -> None:
    rows = [row(weights, number, number / 10) for number in range(4)]
    inheritance.tell(rows[:1])
    inheritance.pin(starting_from(7, rows[0].outcome.weights))
    inheritance.pin(starting_from(8, rows[0].outcome.weights))
    inheritance.tell(rows[1:])
    inheritance.release(7)
    assert kept(weights) == digests([rows[0], rows[2], rows[3]])
    inheritance.release(8)
    assert kept(weights) == digests(rows[2:])


def test_failures_leave_nothing_to_inherit(inheritance: Inheritance) -> None:
    failed = Request(0, "genotype", "key", 0)
    inheritance.tell([Evaluation(failed, Outcome(failure=Failure("diverged", "it did")))])
    assert inheritance.of(["key"]) == ""


class LosesWeights(Scripted):
    """Says of one request that its weights are not what their name says, and answers the others beside it."""

    def collect(self, timeout: float | None = None) -> list[tuple[Request, Outcome]]:
        damaged = Outcome(failure=Failure.of(MissingWeightsError("weights abc are damaged"), "weights-missing"))
        return [(one, damaged if one.number == 3 else outcome) for one, outcome in super().collect(timeout)]


def test_lost_weights_stop_the_search_and_what_ended_beside_them_is_kept(tmp_path: Path) -> None:
    with Store(tmp_path / "store") as store:
        strategy = RandomSearch(SPACE, lambda key: store.was_asked(key, "search"))
        run = Run(SPACE, strategy, LosesWeights(all_at_once), store, 0, 20, window=5)
        with pytest.raises(InputError, match=r"evaluation 3: weights-missing: .* are damaged; put them back, or"):
            run()
        ended = dict(store.rows())
    asked = [request for request, outcome in ended.items() if outcome is None]
    assert [request.number for request in asked] == [3]
    assert all(outcome in (None, outcome_of(request.genotype)) for request, outcome in ended.items())
