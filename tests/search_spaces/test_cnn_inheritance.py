"""Weight inheritance: which vertices are paired, what is copied, and that an insertion changes next to nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_cnns import SHAPE, SPACE, images, trained

from search_spaces import get_space
from search_spaces.cnn import CnnGenotype, Op
from search_spaces.cnn.genotype import canonical
from search_spaces.cnn.inheritance import paired_vertices
from search_spaces.cnn.network import CnnNetwork, build_network


def chain(*ops: str) -> CnnGenotype:
    names = ("input", *ops, "output")
    return CnnGenotype(tuple(map(Op.parse, names)), tuple((n, n + 1) for n in range(len(names) - 1)))


def born(child: CnnGenotype, parent: CnnGenotype, old: CnnNetwork) -> tuple[CnnNetwork, float]:
    torch.manual_seed(9)
    network = build_network(child, SHAPE, 5)
    share = SPACE.inherit(network, child, parent, old.state_dict(), images())
    return network.eval(), share


def test_a_clone_has_its_parents_weights_and_logits() -> None:
    for seed in range(10):
        genotype = SPACE.sample(np.random.default_rng(seed))
        old = trained(genotype)
        new, share = born(genotype, genotype, old)
        assert share == 1
        assert torch.equal(new(images()), old(images()))


def test_an_inserted_conv_as_wide_as_what_it_reads_passes_it_on() -> None:
    parent = chain("conv3x3:16", "max_pool", "conv3x3:32", "skip", "skip", "skip")
    child = chain("conv3x3:16", "max_pool", "conv3x3:16", "conv3x3:32", "skip", "skip", "skip")
    old = trained(parent)
    new, share = born(child, parent, old)
    assert share < 1
    torch.testing.assert_close(new(images()), old(images()), rtol=1e-4, atol=1e-4)


def test_a_conv_added_to_what_was_there_hardly_changes_it() -> None:
    parent = chain("conv3x3:16", "max_pool", "conv3x3:32", "skip", "skip", "skip")
    names = ("input", "conv3x3:16", "max_pool", "conv3x3:16", "sum", "conv3x3:32", "skip", "skip", "skip", "output")
    edges = ((0, 1), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9))
    child = CnnGenotype(tuple(map(Op.parse, names)), edges)
    old = trained(parent)
    new, _ = born(child, parent, old)
    torch.manual_seed(9)
    fresh = build_network(child, SHAPE, 5).eval()
    before = old(images())
    assert (new(images()) - before).abs().mean() < 0.1 * (fresh(images()) - before).abs().mean()


def test_widening_keeps_the_function() -> None:
    parent, child = chain("conv3x3:16", "max_pool", "conv3x3:32"), chain("conv3x3:24", "max_pool", "conv3x3:32")
    old = trained(parent)
    new, share = born(child, parent, old)
    assert 0.5 < share < 1
    torch.testing.assert_close(new(images()), old(images()), rtol=1e-4, atol=1e-4)


def test_insertion_leaves_only_new_vertices_unpaired() -> None:
    rng = np.random.default_rng(0)
    space = get_space("cnn", input_shape=SHAPE, n_classes=5, mutations=["insert"])
    for _ in range(60):
        parent = space.sample(rng)
        offspring = space.mutate(rng, parent)
        (child,) = offspring.children
        pairs = paired_vertices(child, parent)
        assert len(pairs) >= len(parent) - 1  # a vertex that merges anew may be another's twin
        ours, theirs = canonical(child).ops, canonical(parent).ops
        assert all(ours[a].name == theirs[b].name for a, b in pairs.items())
        assert len(set(pairs.values())) == len(pairs)


@pytest.mark.parametrize("seed", range(20))
def test_every_child_can_inherit_and_then_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = SPACE.sample(rng), SPACE.sample(rng)
    old = trained(first)
    for offspring in (SPACE.mutate(rng, first), SPACE.crossover(rng, first, second)):
        child = offspring.children[0]
        new, share = born(child, first, old)
        assert 0 <= share <= 1
        new.train()(images()).square().mean().backward()
        assert all(torch.isfinite(p.grad).all() for p in new.parameters() if p.grad is not None)
        assert torch.isfinite(new.eval()(images())).all()


def test_inheriting_repeats_exactly() -> None:
    rng = np.random.default_rng(3)
    parent = SPACE.sample(rng)
    child = SPACE.mutate(rng, parent).children[0]
    old = trained(parent)
    states = [born(child, parent, old)[0].state_dict() for _ in range(2)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
