"""A small space of masks, and spaces like it that break a law each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from search_spaces import Offspring
from search_spaces.masks import MaskGenotype, MaskSpace


class SmallMaskSpace(MaskSpace):
    """Sixteen nodes and two sparsities."""

    def __init__(self) -> None:
        super().__init__(input_shape=(1, 8, 8), hidden=(16,), sparsities=(0.3, 0.45))


class MaskKeyThatIsTheText(SmallMaskSpace):
    """A key that is as long as a text."""

    def key(self, genotype: MaskGenotype) -> str:
        return self.encode(genotype)


class MaskKeyWithoutKept(SmallMaskSpace):
    """A key that forgets part of what ``build`` reads, as the next two do."""

    def key(self, genotype: MaskGenotype) -> str:
        return super().key(replace(genotype, kept=1))


class MaskKeyWithoutOwners(SmallMaskSpace):
    def key(self, genotype: MaskGenotype) -> str:
        return super().key(replace(genotype, owners=bytes(len(genotype.owners))))


class MaskKeyWithoutDirections(SmallMaskSpace):
    """A key that knows who is joined, and not who reads."""

    def key(self, genotype: MaskGenotype) -> str:
        matrix = genotype.matrix
        return super().key(MaskGenotype.of(matrix | matrix.T, genotype.owned, genotype.kept))


class MaskThatLosesEdges(SmallMaskSpace):
    """A mutation that leaves out an edge and puts none in its place."""

    def mutate(self, rng: np.random.Generator, genotype: MaskGenotype) -> Offspring[MaskGenotype]:
        matrix = genotype.matrix
        matrix[0, np.flatnonzero(matrix[0])[-1]] = False
        return Offspring((MaskGenotype.of(matrix, genotype.owned, genotype.kept),), "lose")


class MaskThatMovesNothing(SmallMaskSpace):
    """A mutation that puts the edge back where it was and does not say so."""

    def mutate(self, rng: np.random.Generator, genotype: MaskGenotype) -> Offspring[MaskGenotype]:
        return Offspring((replace(genotype),), "rewire")


class MaskThatChangesInPlace(SmallMaskSpace):
    """A mutation that writes into its parent's matrix."""

    def mutate(self, rng: np.random.Generator, genotype: MaskGenotype) -> Offspring[MaskGenotype]:
        offspring = super().mutate(rng, genotype)
        object.__setattr__(genotype, "rows", bytes(len(genotype.rows)))
        return offspring


class MaskTextWithoutOwners(SmallMaskSpace):
    """A text that gives every input to the node of its number."""

    def encode(self, genotype: MaskGenotype) -> str:
        return super().encode(replace(genotype, owners=bytes(sorted(genotype.owners))))


class MaskTextOfAnyBytes(SmallMaskSpace):
    """A reader that does not look at what it reads."""

    def decode(self, text: str) -> MaskGenotype:
        try:
            return super().decode(text)
        except ValueError:
            return self.sample(np.random.default_rng(0))


class MaskOfOneGenerator(SmallMaskSpace):
    """A sample that draws the same graph and the same owners again."""

    def sample(self, rng: np.random.Generator) -> MaskGenotype:
        return self.draw(np.random.default_rng(0), "ring", "contiguous", self.limits.kept[0])


class MaskOfOwnRandomness(SmallMaskSpace):
    def sample(self, rng: np.random.Generator) -> MaskGenotype:
        return super().sample(np.random.default_rng())


class MaskGraphsThatDrift(SmallMaskSpace):
    """Graphs whose edges are listed in another order each time."""

    def to_graph(self, genotype: MaskGenotype) -> Any:
        graph = super().to_graph(genotype)
        return replace(graph, edges=np.random.default_rng().permutation(graph.edges).tolist())


BROKEN: dict[type[Any], str] = {
    MaskKeyThatIsTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    MaskKeyWithoutKept: "test_keys_tell_unlike_networks_apart",
    MaskKeyWithoutOwners: "test_keys_tell_unlike_networks_apart",
    MaskKeyWithoutDirections: "test_keys_tell_unlike_networks_apart",
    MaskThatLosesEdges: "test_is_closed_under_its_operators",
    MaskThatMovesNothing: "test_a_no_op_returns_the_parents_and_others_something_new",
    MaskThatChangesInPlace: "test_operators_leave_their_arguments_alone",
    MaskTextWithoutOwners: "test_text_is_one_line_and_keeps_everything",
    MaskTextOfAnyBytes: "test_foreign_texts_are_refused_in_one_line",
    MaskOfOneGenerator: "test_samples_are_valid_and_varied",
    MaskOfOwnRandomness: "test_is_deterministic_and_heeds_the_generator",
    MaskGraphsThatDrift: "test_graphs_are_labelled_graphs_and_repeatable",
}
