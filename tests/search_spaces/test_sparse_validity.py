"""Every violation is named, and the options of the space are checked."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from search_spaces import PerceptronSpace, SourceSpace, TrainableSpace, get_space
from search_spaces.sparse import Limits, SparseGenotype, SparseSpace
from search_spaces.sparse.measures import kept_at
from search_spaces.sparse.validity import validate

LIMITS = Limits((3, 2, 1), (2, 4))
ANY = Limits((3, 2, 1), ())
VALID = SparseGenotype.of([np.array([[1, 0, 0], [0, 0, 0]]), np.array([[0, 1]])])
EMPTY = SparseGenotype.of([np.zeros((2, 3)), np.zeros((1, 2))])
WIDE = SparseGenotype.of([np.ones((2, 4)), np.ones((1, 2))])


def test_a_valid_genotype_has_no_violation() -> None:
    assert validate(VALID, LIMITS) == validate(VALID, ANY) == []


@pytest.mark.parametrize(
    ("genotype", "limits", "messages"),
    [
        (EMPTY, LIMITS, ["2 or 4 weights must be kept in all layers, found 0"]),
        (EMPTY, ANY, ["a weight or more must be kept, found none"]),
        (WIDE, ANY, ["layers must be of the widths 3 x 2 x 1, found 4 x 2 x 1"]),
        (
            WIDE,
            LIMITS,
            [
                "layers must be of the widths 3 x 2 x 1, found 4 x 2 x 1",
                "2 or 4 weights must be kept in all layers, found 10",
            ],
        ),
    ],
)
def test_all_violations_are_named(genotype: SparseGenotype, limits: Limits, messages: list[str]) -> None:
    assert validate(genotype, limits) == messages


@pytest.mark.parametrize("sparsities", [[0.5, 0.25], None])
def test_the_space_is_trainable_reads_images_and_is_made_again_from_its_options(sparsities: Any) -> None:
    space = get_space(
        "sparse",
        input_shape=[1, 8, 8],
        n_classes=4,
        hidden=[32, 20],
        sparsities=sparsities,
        init="fan-in",
        mutations=["rewire"],
        crossovers=["layers"],
    )
    assert isinstance(space, TrainableSpace)
    assert isinstance(space, SourceSpace)
    assert isinstance(space, PerceptronSpace)
    assert SparseSpace.reads == "images"
    options = json.loads(json.dumps(space.options()))
    again = SparseSpace(**options)
    assert again.options() == options == space.options()
    assert again.limits == space.limits
    assert repr(again) == repr(space)
    assert set(SparseSpace.__init__.__annotations__) - {"return"} == set(options)
    rngs = np.random.default_rng(3), np.random.default_rng(3)
    assert again.sample(rngs[0]) == space.sample(rngs[1])


def test_exactly_so_many_weights_of_all_layers_are_kept() -> None:
    rates = (0.5, 0.9, 0.95, 0.98, 0.99609375)
    space = SparseSpace(sparsities=rates)
    assert space.limits == Limits((784, 100, 10), (39_700, 7_940, 3_970, 1_588, 310))
    assert space.limits.kept == tuple(kept_at(rate, 79_400) for rate in rates)
    kept = {sum(space.sample(np.random.default_rng(seed)).kept) for seed in range(40)}
    assert kept == set(space.limits.kept)


def test_the_default_is_the_network_of_the_papers_at_a_tenth() -> None:
    space = get_space("sparse")
    assert space.limits == Limits((784, 100, 10), (7_940,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": 784}, "input_shape and hidden must have a number or more, found 784 and (100,)"),
        ({"input_shape": (1, 0, 8)}, "input_shape must be 3 positive integers, found (1, 0, 8)"),
        ({"hidden": ()}, "input_shape and hidden must have a number or more"),
        ({"hidden": (3, -1)}, "hidden must be 2 positive integers, found (3, -1)"),
        ({"n_classes": 2.5}, "n_classes must be a positive integer, found 2.5"),
        ({"hidden": (10**6, 10**6)}, "widths must have at most 4000000 weights between them, found [784, 1000000, "),
        ({"hidden": (1,) * 101}, "widths must be 2..101 positive integers"),
        ({"sparsities": ()}, "sparsities must be different numbers from 0 up to below 1, or null for any, found ()"),
        ({"sparsities": 0.9}, "sparsities must be different numbers from 0 up to below 1, or null for any, found 0.9"),
        ({"sparsities": (0.5, 0.5)}, "sparsities must be different numbers"),
        ({"sparsities": (1.0,)}, "sparsities must be different numbers"),
        ({"sparsities": (float("nan"),)}, "sparsities must be different numbers"),
        (
            {"sparsities": (0.5, 0.5000001)},
            "sparsities must keep different numbers of 79400 weights, not 0, found [39700, 39700]",
        ),
        ({"sparsities": (0.999999,)}, "sparsities must keep different numbers of 79400 weights, not 0, found [0]"),
        ({"init": "zeros"}, "init must be one of 'dense', 'fan-in', found 'zeros'"),
        ({"mutations": ("grow",)}, "mutations must be some of rewire, rewire-in-layer, sparsity, found ('grow',)"),
        ({"crossovers": ()}, "crossovers must be some of uniform, layers, found ()"),
    ],
)
def test_options_out_of_their_domain_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below, as plain text
        SparseSpace(**options)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_drawing_and_describing_masks_loads_nothing_heavy() -> None:
    code = (
        "import sys, numpy; from search_spaces import get_space; space = get_space('sparse');"
        "g = space.mutate(numpy.random.default_rng(0), space.sample(numpy.random.default_rng(0))).children[0];"
        "space.to_graph(space.decode(space.encode(g))); space.validate(g);"
        "print({'torch', 'networkx', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
