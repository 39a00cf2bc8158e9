"""Operators on genotypes at the caps: what does not fit is refused with a reason, and nothing invalid comes out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from operator import is_

import numpy as np
import pytest

from search_spaces.cnn import CnnGenotype, CnnSpace
from search_spaces.cnn.crossover import CROSSOVERS
from search_spaces.cnn.mutation import MUTATIONS, insert
from search_spaces.cnn.validity import Limits, depth, validate

NARROW = CnnSpace(depth=(6, 10), max_channels=128, max_parameters=200_000, max_macs=40_000_000)
#: By what stops insertion; in all but the last of these, little more may be spent as well.
LIMITS = {
    "depth": replace(NARROW.limits, max_depth=14),
    "vertices": replace(NARROW.limits, max_vertices=40),
    "either": CnnSpace().limits,
}
OPERATORS = {**MUTATIONS, **CROSSOVERS}

Pool = tuple[Limits, list[CnnGenotype]]


@pytest.fixture(scope="module", params=LIMITS)
def pool(request: pytest.FixtureRequest) -> Pool:
    """Genotypes into which nothing more can be inserted."""
    limits = LIMITS[request.param]
    genotypes = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        genotype = NARROW.sample(rng)
        while (offspring := insert(rng, genotype, limits)).applied:
            (genotype,) = offspring.children
            assert validate(genotype, limits) == []
        genotypes.append(genotype)
    return limits, genotypes


def test_the_pool_is_at_its_cap(pool: Pool) -> None:
    limits, genotypes = pool
    assert {max(depth(each) - limits.max_depth, len(each) - limits.max_vertices) for each in genotypes} <= {-1, 0}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_operators_are_closed_at_the_caps(pool: Pool, name: str, rounds: int) -> None:
    limits, genotypes = pool
    applied: Counter[bool] = Counter()
    for seed in range(rounds):
        fresh = NARROW.sample(np.random.default_rng(seed))
        for first, second in [*pairwise(genotypes), *((genotype, fresh) for genotype in genotypes)]:
            parents = (first,) if name in MUTATIONS else (first, second)
            offspring = OPERATORS[name](np.random.default_rng(seed), *parents, limits)  # type: ignore[operator]  # one parent or two
            assert [violation for child in offspring.children for violation in validate(child, limits)] == []
            assert offspring.applied or all(map(is_, offspring.children, parents))
            applied[offspring.applied] += 1
    assert applied[name != "insert"] > rounds
