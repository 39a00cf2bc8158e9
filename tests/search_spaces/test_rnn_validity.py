"""Every violation is named, and the options of the space are checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import TrainableSpace, get_space
from search_spaces.cnn import CnnSpace
from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.validity import Limits, validate

LIMITS = Limits(50, 2, 128, "last", "", ("tanh", "gru"), 6, 3_000, 100_000)
VALID = RnnGenotype("tanh", 16, 4, ((0, 1), (1, 2), (0, 3)))


def test_a_valid_genotype_has_no_violation() -> None:
    assert validate(VALID, LIMITS) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "lstm"}, "the cell must be one of tanh, gru, found lstm"),
        ({"embedding": -1}, "the embedding must have a width of 0..1024, found -1"),
        ({"embedding": 1025}, "the embedding must have a width of 0..1024, found 1025"),
        ({"size": 1, "edges": ()}, "there must be 2..6 vertices, found 1"),
        ({"size": 0, "edges": ()}, "there must be 2..6 vertices, found 0"),
        ({"size": 7, "edges": tuple((0, v) for v in range(1, 7))}, "there must be 2..6 vertices, found 7"),
        ({"edges": ((0, 1), (0, 1), (1, 2), (0, 3))}, "edge (0, 1) is listed 2 times"),
        ({"edges": ((1, 0), (1, 2), (0, 3))}, "edge (1, 0) must lead from a lower to a higher vertex"),
        ({"edges": ((0, 1), (1, 1), (1, 2), (0, 3))}, "edge (1, 1) must lead from a lower to a higher vertex"),
        ({"edges": ((0, 1), (1, 2), (2, 0), (0, 3))}, "edge (2, 0) must lead from a lower to a higher vertex"),
        ({"edges": ((0, 1), (2, 3))}, "the graph must be connected, found 2 parts"),
        ({"edges": ()}, "the graph must be connected, found 4 parts"),
        ({"embedding": 64}, "there must be at most 3000 parameters, found "),
        ({"embedding": 10**9}, "the embedding must have a width of 0..1024, found 1000000000"),
    ],
)
def test_violations_are_named(changes: dict[str, Any], message: str) -> None:
    assert any(message in violation for violation in validate(replace(VALID, **changes), LIMITS))


def test_all_violations_are_named_at_once() -> None:
    broken = RnnGenotype("relu", -3, 7, ((1, 0), (2, 3), (2, 3)))
    assert len(validate(broken, LIMITS)) == 6


def test_macs_are_capped() -> None:
    (violation,) = validate(VALID, replace(LIMITS, max_macs=10))
    assert violation.startswith("there must be at most 10 multiply-accumulates a sequence, found ")


def test_the_network_of_the_thesis_has_its_own_embedding() -> None:
    space = RnnSpace(compat="thesis")
    assert (space.embedding, space.limits.readout) == (0, "last")
    assert space.validate(space.sample(np.random.default_rng(0))) == []
    assert "as wide as the first layer (0), found 16" in space.validate(VALID)[0]


def test_the_space_is_trainable_reads_sequences_and_is_made_again_from_its_options() -> None:
    space = get_space("rnn", input_shape=[20], cells=["gru"], nodes=[4, 9], embedding=0, readout="sinks")
    assert isinstance(space, TrainableSpace)
    assert (RnnSpace.reads, CnnSpace.reads) == ("sequences", "images")
    options = json.loads(json.dumps(space.options()))
    again = RnnSpace(**options)
    assert again.options() == options == space.options()
    assert (again.limits, again.nodes, again.embedding) == (space.limits, (4, 9), 0)
    assert repr(again) == repr(space)
    assert set(RnnSpace.__init__.__annotations__) - {"return"} == set(options)
    assert (RnnSpace().embedding, RnnSpace().limits.max_macs) == (16, 50_000_000)


def test_samples_keep_to_the_options() -> None:
    space = RnnSpace(cells=["gru", "relu"], nodes=(12, 14), generators=["barabasi-albert"], embedding=3)
    genotypes = [space.sample(np.random.default_rng(seed)) for seed in range(60)]
    assert {genotype.size for genotype in genotypes} == {12, 13, 14}
    assert {genotype.cell for genotype in genotypes} == {"gru", "relu"}
    assert {genotype.embedding for genotype in genotypes} == {3}
    assert all(len(genotype.edges) == genotype.size - 1 for genotype in genotypes)  # m = 1: trees
    both = [RnnSpace(nodes=(12, 14)).sample(np.random.default_rng(seed)) for seed in range(60)]
    assert 15 < sum(len(genotype.edges) == genotype.size for genotype in both) < 45  # k = 2: as many as vertices


def test_limits_that_leave_nothing_are_told() -> None:
    with pytest.raises(
        ValueError, match=r"no genotype of 10\.\.50 vertices found within the limits.*max_parameters=9 "
    ):
        RnnSpace(max_parameters=9).sample(np.random.default_rng(0))


def test_the_graph_has_costs_and_the_cell_as_info() -> None:
    graph = RnnSpace().to_graph(RnnGenotype("gru", 0, 4, ((0, 2), (1, 2), (2, 3))))
    assert graph.ops == ("neuron",) * 4
    assert graph.edges == ((0, 2), (1, 2), (2, 3))
    assert graph.directed
    cell = {"tanh": 0, "relu": 0, "lstm": 0, "gru": 1, "gates": 3}
    # Weights 3 * (2 * 2 + 3 + 4 + 1 + 1) = 39, biases 24; the embedding has 128 * 2, the classifier 2 + 2.
    costs = {"parameters": 323, "macs": 50 * 39 + 2, "depth": 3, "embedding": 2}
    assert dict(graph.info) == {**cell, **costs}


@pytest.mark.parametrize(
    "options",
    [
        {"input_shape": (3, 32, 32)},
        {"input_shape": (0,)},
        {"input_shape": (50.0,)},
        {"input_shape": 50},
        {"n_classes": 0},
        {"n_classes": True},
        {"cells": ()},
        {"cells": "gru"},
        {"cells": ["elman"]},
        {"nodes": (2, 5)},
        {"nodes": (9, 5)},
        {"nodes": (10, 65)},
        {"nodes": 10},
        {"max_nodes": 257},
        {"max_nodes": 0},
        {"generators": ["erdos-renyi"]},
        {"embedding": -1},
        {"embedding": 1025},
        {"embedding": True},
        {"embedding": 16, "compat": "thesis"},
        {"readout": "first"},
        {"readout": "sinks", "compat": "thesis"},
        {"vocabulary": 0},
        {"compat": "paper"},
        {"max_parameters": "many"},
        {"max_macs": -1},
        {"mutations": ["insert"]},
        {"crossovers": "splice"},
    ],
)
def test_bad_options_are_refused_with_their_name(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(options))} must .*found"):
        RnnSpace(**options)


EDGES = st.tuples(st.integers(-1, 9), st.integers(-1, 9))


@given(st.sampled_from(["gru", "lstm", "conv"]), st.integers() | st.just(10**400), st.integers(0, 9), st.lists(EDGES))
def test_texts_that_make_no_sense_are_refused_in_order(
    cell: str, embedding: int, vertices: int, edges: list[tuple[int, int]]
) -> None:
    """At decode, or by a list of violations; the test fails on any error but a ValueError of one line."""
    space = RnnSpace()
    fields = {"space": "rnn", "cell": cell, "embedding": embedding, "vertices": vertices, "edges": edges}
    genotype, refusal = attempt(space.decode, json.dumps(fields))
    assert len(refusal.splitlines()) == (genotype is None)
    if genotype is None:
        return
    violations = space.validate(genotype)
    assert all(len(violation.splitlines()) == 1 for violation in violations)
    for read in (space.to_graph, space.key):
        value, refusal = attempt(read, genotype)
        assert len(refusal.splitlines()) == (value is None)
        assert violations or value


def attempt(function: Callable[[Any], Any], value: object) -> tuple[Any, str]:
    """What a function returns, or the message of its ValueError."""
    try:
        return function(value), ""
    except ValueError as error:
        return None, str(error)
