"""Random networks in stages."""

from __future__ import annotations

import numpy as np
import pytest

from search_spaces import get_space
from search_spaces.cnn import CnnGenotype, infer_costs, infer_shapes
from search_spaces.cnn.stages import staged
from search_spaces.cnn.validity import Limits, depth, validate


def limits(shape: tuple[int, int, int] = (3, 32, 32), max_macs: int = 20_000_000, shallowest: int = 6) -> Limits:
    return Limits(shape, 10, shallowest, 36, 64, 512, 5_000_000, max_macs)


def drawn(n: int, window: tuple[int, int], within: Limits) -> list[CnnGenotype]:
    genotypes = [staged(np.random.default_rng(seed), window, within) for seed in range(n)]
    return [genotype for genotype in genotypes if genotype is not None]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (1, 8, 8), (3, 8, 40), (1, 4, 4), (1, 1, 1)])
def test_stages_are_valid_of_any_depth_in_the_window_and_near_the_cap(shape: tuple[int, int, int]) -> None:
    within = limits(shape, 20_000_000 if max(shape) > 3 else 200_000)
    genotypes = drawn(200, (6, 12), within)
    assert len(genotypes) == 200
    assert all(validate(genotype, within) == [] for genotype in genotypes)
    assert {depth(genotype) for genotype in genotypes} == set(range(6, 13))
    shares = [sum(infer_costs(genotype, shape, 10).macs) / within.max_macs for genotype in genotypes]
    assert max(shares) <= 1
    assert np.median(shares) > 0.6


def test_a_stage_has_one_pooling_and_a_conv_and_the_first_has_no_pooling() -> None:
    seen = set()
    for genotype in drawn(200, (6, 12), limits()):
        height = infer_shapes(genotype, (3, 32, 32))[-1][1]
        kinds = [op.kind for op in genotype.ops]
        poolings = kinds.count("max_pool") + kinds.count("avg_pool")
        assert height == 32 >> poolings
        assert kinds[1] == "conv"
        assert kinds.count("conv") > poolings
        assert "max_pool" not in kinds or "avg_pool" not in kinds
        assert kinds[-2] in ("conv", "sum")
        seen.add(poolings)
    assert seen == {2, 3, 4}


def test_residual_blocks_add_what_they_read_to_what_two_convs_make_of_it() -> None:
    blocks = 0
    for genotype in drawn(100, (6, 12), limits()):
        for vertex, op in enumerate(genotype.ops):
            if op.kind == "sum":
                start, second = sorted(tail for tail, head in genotype.edges if head == vertex)
                assert genotype.ops[second].kind == "conv"
                assert (start, second - 1) in genotype.edges
                assert (second - 1, second) in genotype.edges
                blocks += 1
    assert blocks > 20


@pytest.mark.parametrize(
    ("window", "within"),
    [((1, 3), limits(shallowest=1)), ((6, 12), limits(max_macs=100_000))],
    ids=["too shallow for stages", "too few MACs for the narrowest"],
)
def test_what_cannot_be_staged_is_left_to_others(window: tuple[int, int], within: Limits) -> None:
    assert drawn(20, window, within) == []


def test_most_pyramids_are_in_stages_and_the_others_have_merges_of_any_kind() -> None:
    space, rng = get_space("cnn", widths="pyramid", max_macs=20_000_000), np.random.default_rng(0)
    kinds = [{op.name for op in space.sample(rng).ops} for _ in range(300)]
    random_topology = sum(bool(names & {"concat", "skip", "conv5x5"}) for names in kinds)
    assert 15 <= random_topology <= 45  # a tenth, and nearly all of them have one of these
