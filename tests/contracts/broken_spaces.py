"""Spaces of convolutional and recurrent networks that break a law each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from search_spaces import Offspring
from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.genotype import renumbered as rnn_renumbered


def with_ops(genotype: CnnGenotype, change: Callable[[Op], Op]) -> CnnGenotype:
    return CnnGenotype(tuple(map(change, genotype.ops)), genotype.edges)


class KeyOfTheText(CnnSpace):
    """A key that depends on the numbering."""

    def key(self, genotype: CnnGenotype) -> str:
        return f"{hash(self.encode(genotype)):x}"


class KeyWithoutKernels(CnnSpace):
    """A key that forgets part of what ``build`` reads, as the next three do."""

    def key(self, genotype: CnnGenotype) -> str:
        return super().key(with_ops(genotype, lambda op: replace(op, kernel=3) if op.kind == "conv" else op))


class KeyWithoutChannels(CnnSpace):
    def key(self, genotype: CnnGenotype) -> str:
        return super().key(with_ops(genotype, lambda op: replace(op, channels=8) if op.kind == "conv" else op))


class KeyWithoutPoolings(CnnSpace):
    """A key that does not tell one pooling from the other."""

    def key(self, genotype: CnnGenotype) -> str:
        return super().key(with_ops(genotype, lambda op: Op("max_pool") if op.kind == "avg_pool" else op))


class KeyWithoutEdges(CnnSpace):
    """A key that counts edges and does not follow them."""

    def key(self, genotype: CnnGenotype) -> str:
        return f"{len(genotype.edges)}-{super().key(CnnGenotype(genotype.ops, ()))}"


class RnnKeyOfTheText(RnnSpace):
    def key(self, genotype: RnnGenotype) -> str:
        return f"{hash(self.encode(genotype)):x}"


class RnnKeyWithoutCell(RnnSpace):
    def key(self, genotype: RnnGenotype) -> str:
        return super().key(replace(genotype, cell="tanh"))


class RnnKeyWithoutEmbedding(RnnSpace):
    def key(self, genotype: RnnGenotype) -> str:
        return super().key(replace(genotype, embedding=1))


class RnnKeyWithoutLooseVertices(RnnSpace):
    """A key that sees edges alone."""

    def key(self, genotype: RnnGenotype) -> str:
        return super().key(rnn_renumbered(genotype, sorted({vertex for edge in genotype.edges for vertex in edge})))


class RnnKeyWithoutTails(RnnSpace):
    """A key that knows how many neurons each one reads, and not which."""

    def key(self, genotype: RnnGenotype) -> str:
        inputs = Counter(head for _, head in genotype.edges)
        degrees = sorted(inputs[vertex] for vertex in range(genotype.size))
        return f"{hash((genotype.cell, genotype.embedding_width, *degrees)):x}"


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


BROKEN: dict[type[Any], str] = {
    KeyOfTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    KeyWithoutKernels: "test_keys_tell_unlike_networks_apart",
    KeyWithoutChannels: "test_keys_tell_unlike_networks_apart",
    KeyWithoutPoolings: "test_keys_tell_unlike_networks_apart",
    KeyWithoutEdges: "test_keys_tell_unlike_networks_apart",
    RnnKeyOfTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    RnnKeyWithoutCell: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutEmbedding: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutLooseVertices: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutTails: "test_keys_tell_unlike_networks_apart",
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
