"""Mutations: closed, within caps, keeping what they promise, drawing every form, and saying why they do nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.cnn.drawing import CHANNELS
from search_spaces.cnn.genotype import canonical
from search_spaces.cnn.mutation import MUTATIONS, insert, relabel
from search_spaces.cnn.validity import depth, validate

SPACE = CnnSpace()
LOOSE = replace(CnnSpace(depth=(1, 12)).limits, max_parameters=10**9, max_macs=10**12)
INPUT, OUTPUT, S = Op("input"), Op("output"), Op("sum")
COUNTS = pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])


def conv(channels: int, kernel: int = 3) -> Op:
    return Op("conv", kernel, channels)


def chain(*ops: Op) -> CnnGenotype:
    return CnnGenotype((INPUT, *ops, OUTPUT), tuple((i, i + 1) for i in range(len(ops) + 1)))


def bare(genotype: CnnGenotype) -> str:
    """The key of the topology without any label."""
    return SPACE.key(CnnGenotype((Op("skip"),) * len(genotype), genotype.edges))


def form_of_the_insertion(child: CnnGenotype) -> tuple[str, ...]:
    """What was put into a chain: ``chain``, or ``fork`` or ``bypass`` with its merge."""
    inputs = child.predecessors()
    merges = [vertex for vertex, op in enumerate(child.ops) if op.kind in ("sum", "concat")]
    if not merges:
        return ("chain",)
    (merge,) = merges
    left, right = inputs[merge]
    form = "fork" if inputs[left] == inputs[right] else "bypass"
    assert form == "fork" or inputs[right] == [left]
    return form, child.ops[merge].kind


@COUNTS
@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_are_closed_deterministic_and_nearly_always_applied(name: str, count: int) -> None:
    rng = np.random.default_rng(0)
    parent, applied = SPACE.sample(rng), 0
    for seed in range(count):
        if seed % 10 == 0 or depth(parent) > 30 or len(parent) > 55:
            parent = SPACE.sample(rng)
        offspring = MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        assert offspring == MUTATIONS[name](np.random.default_rng(seed), parent, SPACE.limits)
        (child,) = offspring.children
        assert validate(child, SPACE.limits) == []
        assert offspring.operator == name
        if offspring.applied:
            assert child == canonical(child) != parent
            if name in ("relabel", "rescale"):
                assert bare(child) == bare(parent)
            else:
                assert 0 <= depth(child) - depth(parent) <= 2
                assert 2 <= len(child) - len(parent) <= 3
        else:
            assert child is parent
        applied += offspring.applied
        parent = child
    assert applied >= 0.95 * count


def test_relabel_keeps_the_arity_class() -> None:
    parent = chain(*[conv(16)] * 6)
    seen = {op.kind for s in range(40) for op in relabel(np.random.default_rng(s), parent, LOOSE).children[0].ops}
    assert seen == {"input", "output", "conv", "max_pool", "avg_pool", "skip"}
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (1, 4), (3, 4), (4, 5))
    two_sums = CnnGenotype((INPUT, conv(8), conv(8), S, S, OUTPUT), edges)
    merges = {relabel(np.random.default_rng(s), two_sums, LOOSE).children[0] for s in range(40)}
    assert any(op.kind == "concat" for child in merges for op in child.ops)


def test_relabel_changes_one_vertex_or_more_at_the_rate_of_one_and_poisson() -> None:
    parent = chain(*[conv(16)] * 9)
    changed: Counter[int] = Counter()
    channels = set()
    for seed in range(400):
        (child,) = relabel(np.random.default_rng(seed), parent, LOOSE).children
        changes = [(old, new) for old, new in zip(parent.ops, child.ops, strict=True) if old != new]
        assert all(old.name != new.name for old, new in changes)  # other channels alone are no new label
        channels |= {new.channels for _, new in changes}
        changed[len(changes)] += 1
    assert channels == {0, *CHANNELS}
    # Poisson(1) is 0 or 1 for 147 of 400 each, 2 for 74, and more for 32; four standard deviations are 39, 31 and 22.
    assert 108 < changed[1] < 186
    assert 108 < changed[2] < 186
    assert 43 < changed[3] < 105
    assert 10 < sum(changed.values()) - changed[1] - changed[2] - changed[3] < 54


def test_insert_draws_every_form_with_equal_odds() -> None:
    parent = chain(*[conv(8)] * 6)
    forms: Counter[tuple[str, ...]] = Counter()
    kinds: Counter[str] = Counter()
    places = set()
    for seed in range(600):
        (child,) = insert(np.random.default_rng(seed), parent, LOOSE).children
        forms[form_of_the_insertion(child)] += 1
        kinds.update(op.kind for op in (Counter(child.ops) - Counter(parent.ops)).elements())
        places.add(next(place for place, op in enumerate([*child.ops[1:], OUTPUT]) if op != conv(8)))
    # 200 of each form, and 100 with each merge; four standard deviations are 46 and 37.
    assert 154 < forms[("chain",)] < 246
    for form in ("fork", "bypass"):
        assert all(63 < forms[(form, merge)] < 137 for merge in ("sum", "concat"))
    assert sum(forms.values()) == 600
    assert len(forms) == 5
    assert all(kinds[kind] > 40 for kind in ("conv", "max_pool", "avg_pool", "skip"))
    assert places == set(range(7))  # every edge, those at the input and at the output among them


def test_insert_stops_at_the_caps_and_says_so() -> None:
    parent = chain(*[conv(8)] * 6)
    rng = np.random.default_rng(0)
    assert insert(rng, parent, replace(LOOSE, max_depth=8)).applied
    deep = insert(rng, parent, replace(LOOSE, max_depth=7))
    assert deep.children[0] is parent
    assert deep.reason == "every edge would exceed the depth of 7"
    full = insert(rng, parent, replace(LOOSE, max_vertices=9))
    assert full.children[0] is parent
    assert full.reason == "the child would exceed 9 vertices"
    assert len(insert(rng, parent, replace(LOOSE, max_vertices=10)).children[0]) == 10


def test_insert_finds_the_edges_off_the_longest_path() -> None:
    edges = ((0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (4, 5))
    parent = CnnGenotype((INPUT, conv(8), conv(8), conv(8), S, OUTPUT), edges)
    for seed in range(30):
        offspring = insert(np.random.default_rng(seed), parent, replace(LOOSE, max_depth=4))
        assert offspring.applied
        assert depth(offspring.children[0]) == 4


def test_insert_succeeds_where_nothing_more_may_be_spent() -> None:
    parent = chain(*[conv(8)] * 6)
    graph = SPACE.to_graph(parent)
    spent = replace(LOOSE, max_parameters=int(graph.info["parameters"]), max_macs=int(graph.info["macs"]))
    assert all(insert(np.random.default_rng(seed), parent, spent).applied for seed in range(50))


def test_the_space_tries_another_mutation_and_reports_all_reasons() -> None:
    space = CnnSpace(depth=(1, 4), max_depth=4)
    deepest = chain(*[conv(16)] * 4)
    assert {space.mutate(np.random.default_rng(s), deepest).operator for s in range(20)} == {"relabel"}
    only = CnnSpace(depth=(1, 4), max_depth=4, mutations=["insert"])
    assert only.mutate(np.random.default_rng(0), deepest).reason == ("insert: every edge would exceed the depth of 4")
    drawn = {SPACE.mutate(np.random.default_rng(s), chain(*[conv(16)] * 8)).operator for s in range(20)}
    assert drawn == {"relabel", "insert"}
