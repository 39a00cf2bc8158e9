"""Bayesian optimisation: over a box, over a database, and what is fetched from one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nasgen.errors import SearchSpaceExhaustedError
from nasgen.evaluation import Evaluation, Failure, Outcome, Request
from nasgen.strategies.bayesian import Bayesian
from nasgen.strategies.database import SIMILARITIES, Database
from nasgen.strategies.gp_ucb import suggest
from predictors import get_features
from search_spaces import get_space

Floats = NDArray[np.float64]


def branin(unit: Floats) -> float:
    """Minus Branin's function on its usual domain; 3 summits of -0.398."""
    x, y = 15 * unit[0] - 5, 15 * unit[1]
    valley = (y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6) ** 2
    return -float(valley + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


def bowl(unit: Floats) -> float:
    return -float(np.sum((unit - [0.3, 0.7, 0.5, 0.2, 0.9]) ** 2))


def optimised(of: Callable[[Floats], float], dimensions: int, seed: int) -> Floats:
    """The values of five random points and twenty suggested ones."""
    rng = np.random.default_rng(seed)
    X = rng.random((5, dimensions))
    y = np.array([of(x) for x in X])
    for _ in range(20):
        x = suggest(rng, X, y)
        X, y = np.vstack([X, x]), np.append(y, of(x))
    return y


@pytest.mark.parametrize("seeds", [4, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("of", "dimensions"), [(branin, 2), (bowl, 5)])
def test_it_beats_random_search_on_a_box(of: Callable[[Floats], float], dimensions: int, seeds: int) -> None:
    ours = [optimised(of, dimensions, seed).max() for seed in range(seeds)]
    drawn = [max(map(of, np.random.default_rng(100 + seed).random((25, dimensions)))) for seed in range(seeds)]
    assert np.mean(ours) > np.mean(drawn)
    assert np.mean(np.array(ours) > drawn) >= 0.5


def test_the_same_seed_leaves_the_same_trace() -> None:
    first, again, other = (optimised(bowl, 5, seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert not (first == other).all()


def test_suggestions_stay_in_the_box() -> None:
    rng = np.random.default_rng(0)
    corner = suggest(rng, np.array([[0.0, 0.0], [0.9, 0.9]]), np.array([0.0, 1.0]), kappa=0.0)
    assert ((corner >= 0) & (corner <= 1)).all()
    assert corner.min() > 0.5


VECTORS = np.array([[1.0, 1000.0], [2.0, 1001.0], [3.0, 1000.0], [1.0, 1002.0]])


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_fetch_is_the_first_of_the_most_similar(similarity: str) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.random((50, 5))
    database = Database(list(range(50)), np.vstack([vectors[:25], vectors[:25]]))
    for wanted in rng.random((20, 5)):
        values = SIMILARITIES[similarity](database.vectors, wanted)
        found = database.fetch(wanted, similarity)
        assert found == min(np.flatnonzero(values == values.max()))
        assert found < 25


def test_similarities_by_hand() -> None:
    wanted = np.array([3.0, 1000.0])
    raw = SIMILARITIES["cosine"](VECTORS, wanted)
    assert raw.min() > 0.999  # one column is a thousand times the other: they all look alike
    assert raw[1] == pytest.approx((6 + 1001 * 1000) / np.hypot(2, 1001) / np.hypot(3, 1000))
    z = (VECTORS - VECTORS.mean(axis=0)) / VECTORS.std(axis=0)
    point = (wanted - VECTORS.mean(axis=0)) / VECTORS.std(axis=0)
    standardised = SIMILARITIES["standardised cosine"](VECTORS, wanted)
    assert standardised[3] == pytest.approx(z[3] @ point / np.linalg.norm(z[3]) / np.linalg.norm(point))
    assert standardised.argmax() == 2
    assert SIMILARITIES["nearness"](VECTORS, wanted)[2] == pytest.approx(1)


def test_an_empty_database_and_an_unlike_wish_are_refused() -> None:
    with pytest.raises(ValueError, match="a database must have at least one genotype and a vector for each, found 0"):
        Database([], np.empty((0, 5)))
    database = Database(["only"], np.array([[1.0, 1.0]]))
    with pytest.raises(ValueError, match="expected a vector of a similarity above 0, found -1 at most"):
        database.fetch(np.array([-1.0, -1.0]), "cosine")
    with pytest.raises(ValueError, match=r"similarity must be one of cosine, .* found 'L2'"):
        database.fetch(np.array([1.0, 1.0]), "L2")


def masks(**options: Any) -> Any:
    return get_space("mask", input_shape=(1, 8, 8), hidden=(16,), n_classes=4, sparsities=[0.3, 0.6], **options)


def properties_of(space: Any, genotypes: Sequence[Any]) -> Floats:
    return get_features("relational5").compute([space.to_graph(genotype) for genotype in genotypes])


def clustering_of(space: Any, genotype: Any) -> float:
    return float(properties_of(space, [genotype])[0, 2])


def quadratic_over_masks() -> Callable[[Any, Any], float]:
    """Minus the squared distance, in standard deviations of all five properties, from those of one mask."""
    rng = np.random.default_rng(1000)
    rows = properties_of(masks(), [masks().sample(rng) for _ in range(200)])

    def value(space: Any, genotype: Any) -> float:
        return -float(np.sum(((properties_of(space, [genotype])[0] - rows[0]) / rows.std(axis=0)) ** 2))

    return value


def request_for(space: Any, genotype: Any, number: int) -> Request:
    text, key = space.encode(genotype), space.key(genotype)
    return Request(number=number, genotype=text, key=key, seed=0, fidelity="search", round=number)


class Played:
    """A strategy over masks whose fitness is their clustering, unless told."""

    def __init__(
        self, evaluations: int = 30, seed: int = 0, fitness: Callable[[Any, Any], float] = clustering_of, **options: Any
    ) -> None:
        self.fitness = fitness
        self.space = masks()
        self.rows: list[Evaluation] = []
        self.keys: set[str] = set()
        self.seed = seed
        self.strategy = Bayesian(self.space, self.keys.__contains__, features="relational5", size=120, **options)
        self.go_on(evaluations)

    def go_on(self, evaluations: int) -> None:
        for number in range(len(self.rows), len(self.rows) + evaluations):
            rng = np.random.default_rng([self.seed, number])
            (proposal,) = self.strategy.ask(rng)
            request = request_for(self.space, proposal.genotype, number)
            row = Evaluation(request, Outcome(self.fitness(self.space, proposal.genotype)))
            assert proposal.key not in self.keys
            self.keys.add(proposal.key)
            self.rows.append(row)
            self.strategy.tell([row])

    @property
    def best(self) -> float:
        return max(row.fitness for row in self.rows if row.fitness is not None)


@pytest.mark.parametrize("seeds", [4, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", [{}, {"within": "box"}, {"within": "box", "similarity": "nearness"}])
def test_it_beats_random_search_over_a_database(options: dict[str, Any], seeds: int) -> None:
    fitness = quadratic_over_masks()
    ours = [Played(25, seed, fitness, **options).best for seed in range(seeds)]
    drawn = []
    for seed in range(seeds):
        rng = np.random.default_rng(100 + seed)
        drawn.append(max(fitness(masks(), masks().sample(rng)) for _ in range(25)))
    assert np.mean(ours) > np.mean(drawn)
    assert np.mean(np.array(ours) > drawn) >= 0.5


@pytest.mark.parametrize("options", [{}, {"within": "box"}, {"within": "box", "similarity": "nearness"}])
def test_it_finds_better_masks_than_the_first_of_the_database(options: dict[str, Any]) -> None:
    played = Played(20, **options)
    assert played.best > max(row.fitness or 0 for row in played.rows[:5])


def test_a_mask_that_is_known_is_observed_again_and_not_asked_again() -> None:
    played = Played(15, within="box", similarity="cosine")
    state = played.strategy.state()
    suggested = [key for _, key in state["suggested"]]
    assert len(suggested) > len(set(suggested))
    assert len(played.keys) == len(played.rows) == 15


@pytest.mark.parametrize("within", ["box", "database"])
def test_restored_it_goes_on_as_before(within: str) -> None:
    whole, part = Played(12, within=within), Played(8, within=within)
    state = json.loads(json.dumps(part.strategy.state()))
    part.strategy = Bayesian(part.space, part.keys.__contains__, features="relational5", size=120, within=within)
    part.strategy.restore(state, part.rows)
    part.go_on(4)
    assert [row.genotype for row in part.rows] == [row.genotype for row in whole.rows]


def test_failures_are_not_learned_from() -> None:
    space = masks()
    genotype = space.sample(np.random.default_rng(0))
    strategy = Bayesian(space, lambda key: False)
    strategy.tell([Evaluation(request_for(space, genotype, 0), Outcome(failure=Failure("exception", "no")))])
    assert not strategy._values


def test_a_database_whose_features_never_vary_is_searched_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    space = masks()
    genotypes = [space.sample(np.random.default_rng(seed)) for seed in range(3)]
    monkeypatch.setattr(Database, "of", lambda *found: Database(genotypes, np.ones((3, 1))))
    strategy = Bayesian(space, lambda key: False, within="box", genotypes=genotypes)
    (proposal,) = strategy.ask(np.random.default_rng(0))
    assert proposal.genotype in genotypes


@pytest.mark.parametrize("within", ["box", "database"])
def test_of_a_stored_database_each_genotype_is_asked_once_and_no_other(within: str) -> None:
    space, rng = masks(), np.random.default_rng(0)
    genotypes = [space.sample(rng) for _ in range(12)]
    keys: list[str] = []
    strategy = Bayesian(space, keys.__contains__, within=within, genotypes=[*genotypes, *genotypes[:5]])
    for number in range(12):
        (proposal,) = strategy.ask(rng)
        assert proposal.key not in keys
        keys.append(proposal.key)
        strategy.tell([Evaluation(request_for(space, proposal.genotype, number), Outcome(number / 12))])
    assert set(keys) == {space.key(genotype) for genotype in genotypes}
    with pytest.raises(SearchSpaceExhaustedError, match="every genotype of the database was asked"):
        strategy.ask(rng)


def test_what_is_maximised_must_be_named_rightly() -> None:
    with pytest.raises(ValueError, match="within must be box or database, found 'pool'"):
        Bayesian(masks(), lambda key: False, within="pool")
