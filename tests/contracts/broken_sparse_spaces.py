"""Small spaces of sparse perceptrons, and others like them that break a law each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from search_spaces import Offspring
from search_spaces.sparse import SparseGenotype, SparseSpace


class SmallSparseSpace(SparseSpace):
    """Two hidden layers and two sparsities."""

    def __init__(self) -> None:
        super().__init__((1, 4, 4), 3, hidden=(8, 5), sparsities=(0.5, 0.8))


class AnySparseSpace(SparseSpace):
    """Any number of weights."""

    def __init__(self) -> None:
        super().__init__((1, 4, 4), 3, sparsities=None, hidden=(8,))


class SparseKeyThatIsTheText(SmallSparseSpace):
    """A key that is as long as a text."""

    def key(self, genotype: SparseGenotype) -> str:
        return self.encode(genotype)


class SparseKeyOfDegrees(SmallSparseSpace):
    """A key that knows how many weights each unit reads, and not which."""

    def key(self, genotype: SparseGenotype) -> str:
        return f"{hash(tuple(int(row.sum()) for mask in genotype.arrays() for row in mask)):x}"


class SparseThatLosesWeights(SmallSparseSpace):
    """A mutation that leaves out a weight and puts none in its place."""

    def mutate(self, rng: np.random.Generator, genotype: SparseGenotype) -> Offspring[SparseGenotype]:
        flat = genotype.flat
        flat[np.flatnonzero(flat)[0]] = False
        return Offspring((SparseGenotype.of_flat(genotype.widths, flat),), "lose")


class SparseThatMovesNothing(SmallSparseSpace):
    """A mutation that puts the weight back where it was and does not say so."""

    def mutate(self, rng: np.random.Generator, genotype: SparseGenotype) -> Offspring[SparseGenotype]:
        return Offspring((replace(genotype),), "rewire")


class SparseTextOfCounts(SmallSparseSpace):
    """A text that says how many weights each layer keeps, the first ones."""

    def encode(self, genotype: SparseGenotype) -> str:
        masks = [np.sort(mask.ravel())[::-1].reshape(mask.shape) for mask in genotype.arrays()]
        return super().encode(SparseGenotype.of(masks))


BROKEN: dict[type[Any], str] = {
    SparseKeyThatIsTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    SparseKeyOfDegrees: "test_keys_tell_unlike_networks_apart",
    SparseThatLosesWeights: "test_is_closed_under_its_operators",
    SparseThatMovesNothing: "test_a_no_op_returns_the_parents_and_others_something_new",
    SparseTextOfCounts: "test_text_is_one_line_and_keeps_everything",
}
