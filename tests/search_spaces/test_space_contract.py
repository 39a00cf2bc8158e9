"""The laws of a search space over every space, and proof that a space which breaks one fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts.space_contract import SpaceContract, laws

from search_spaces import Offspring, SearchSpace
from search_spaces.cnn import CnnGenotype, CnnSpace
from search_spaces.cnn.genotype import renumbered
from search_spaces.nasbench201 import NasBench201Space

SPACES: list[Callable[[], Any]] = [CnnSpace, NasBench201Space]


@pytest.fixture(scope="module", params=SPACES, ids=lambda factory: factory.__name__)
def space(request: pytest.FixtureRequest) -> Any:
    return request.param()


class WithCnnTwins(SpaceContract):
    def twins(self, space: Any, rng: np.random.Generator, genotype: Any) -> list[Any]:
        if not isinstance(genotype, CnnGenotype):
            return []
        return [renumbered(genotype, rng.permutation(len(genotype)).tolist()) for _ in range(3)]


class TestLaws(WithCnnTwins):
    def test_has_the_methods_of_the_protocol(self, space: Any) -> None:
        assert isinstance(space, SearchSpace)
        assert space.name


class KeyOfTheText(CnnSpace):
    """A key that depends on the numbering."""

    def key(self, genotype: CnnGenotype) -> str:
        return f"{hash(self.encode(genotype)):x}"


class OwnRandomness(CnnSpace):
    """A sample that does not heed the generator."""

    drawn = 0

    def sample(self, rng: np.random.Generator) -> CnnGenotype:
        type(self).drawn += 1
        return super().sample(np.random.default_rng(self.drawn))


class OneSample(CnnSpace):
    """A sample that never varies."""

    def sample(self, rng: np.random.Generator) -> CnnGenotype:
        return super().sample(np.random.default_rng(0))


class ChangesInPlace(CnnSpace):
    """A mutation that writes into its parent."""

    def mutate(self, rng: np.random.Generator, genotype: CnnGenotype) -> Offspring[CnnGenotype]:
        offspring = super().mutate(rng, genotype)
        object.__setattr__(genotype, "ops", offspring.children[0].ops)
        object.__setattr__(genotype, "edges", offspring.children[0].edges)
        return offspring


class ForgetsKernels(CnnSpace):
    """A text that loses something."""

    def encode(self, genotype: CnnGenotype) -> str:
        return super().encode(genotype).replace("conv5x5", "conv3x3")


class TextOfTwoLines(CnnSpace):
    def encode(self, genotype: CnnGenotype) -> str:
        return super().encode(genotype) + "\n\n"


class AnythingGoes(CnnSpace):
    """A mutation that leaves the space."""

    def mutate(self, rng: np.random.Generator, genotype: CnnGenotype) -> Offspring[CnnGenotype]:
        return Offspring((CnnGenotype(genotype.ops, genotype.edges[1:]),), "cut")


class SilentNoOp(CnnSpace):
    """A mutation that changes nothing and does not say so."""

    def mutate(self, rng: np.random.Generator, genotype: CnnGenotype) -> Offspring[CnnGenotype]:
        return Offspring((genotype,), "nothing")


class NoOpWithACopy(CnnSpace):
    """A no-op that does not return the parents themselves."""

    def crossover(self, rng: np.random.Generator, first: CnnGenotype, second: CnnGenotype) -> Offspring[CnnGenotype]:
        return Offspring((replace(first), replace(second)), "copy", "never applied")


class AcceptsNonsense(CnnSpace):
    def decode(self, text: str) -> CnnGenotype:
        try:
            return super().decode(text)
        except ValueError:
            return CnnGenotype((), ())


class RaisesAnotherError(CnnSpace):
    def decode(self, text: str) -> CnnGenotype:
        try:
            return super().decode(text)
        except ValueError as error:
            raise KeyError("ops") from error


class GraphsThatDrift(CnnSpace):
    calls = 0

    def to_graph(self, genotype: CnnGenotype) -> Any:
        type(self).calls += 1
        return replace(super().to_graph(genotype), info={"calls": self.calls})


BROKEN = {
    KeyOfTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    OwnRandomness: "test_is_deterministic_and_heeds_the_generator",
    OneSample: "test_samples_are_valid_and_varied",
    ChangesInPlace: "test_operators_leave_their_arguments_alone",
    ForgetsKernels: "test_text_is_one_line_and_keeps_everything",
    TextOfTwoLines: "test_text_is_one_line_and_keeps_everything",
    AnythingGoes: "test_is_closed_under_its_operators",
    SilentNoOp: "test_a_no_op_returns_the_parents_and_others_something_new",
    NoOpWithACopy: "test_a_no_op_returns_the_parents_and_others_something_new",
    AcceptsNonsense: "test_foreign_texts_are_refused_in_one_line",
    RaisesAnotherError: "test_foreign_texts_are_refused_in_one_line",
    GraphsThatDrift: "test_graphs_are_labelled_graphs_and_repeatable",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda space: space.__name__)
def test_a_broken_space_fails_its_law(broken: type[CnnSpace]) -> None:
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(WithCnnTwins(), BROKEN[broken])(broken())


def test_every_law_is_broken_by_some_space() -> None:
    assert set(BROKEN.values()) == set(laws())
