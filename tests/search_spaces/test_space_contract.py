"""The laws of a search space over every space, and proof that a space which breaks one fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from contracts import broken_mask_spaces, broken_spaces, broken_sparse_spaces
from contracts.broken_mask_spaces import SmallMaskSpace
from contracts.broken_sparse_spaces import AnySparseSpace, SmallSparseSpace
from contracts.space_contract import laws
from contracts.space_edits import Contract

from search_spaces import SearchSpace
from search_spaces.cnn import CnnSpace
from search_spaces.nasbench201 import NasBench201Space
from search_spaces.rnn import RnnSpace

SPACES: list[Callable[[], Any]] = [
    CnnSpace,
    RnnSpace,
    NasBench201Space,
    SmallMaskSpace,
    SmallSparseSpace,
    AnySparseSpace,
]


@pytest.fixture(scope="module", params=SPACES, ids=lambda factory: factory.__name__)
def space(request: pytest.FixtureRequest) -> Any:
    return request.param()


class TestLaws(Contract):
    def test_has_the_methods_of_the_protocol(self, space: Any) -> None:
        assert isinstance(space, SearchSpace)
        assert space.name


BROKEN = broken_spaces.BROKEN | broken_mask_spaces.BROKEN | broken_sparse_spaces.BROKEN


@pytest.mark.parametrize("broken", BROKEN, ids=lambda space: space.__name__)
def test_a_broken_space_fails_its_law(broken: type[Any]) -> None:
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(Contract(), BROKEN[broken])(broken())


def test_every_space_is_edited(space: Any) -> None:
    """The law about unlike networks says nothing without edits."""
    assert any(Contract().edits(space, space.sample(np.random.default_rng(seed))) for seed in range(15))


def test_every_law_is_broken_by_some_space() -> None:
    assert set(BROKEN.values()) == set(laws())


def test_every_law_is_broken_by_some_space_of_masks() -> None:
    assert set(broken_mask_spaces.BROKEN.values()) == set(laws())
