"""The laws of a search space over every space, and proof that a space which breaks one fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts.space_contract import SpaceContract, laws

from search_spaces import Offspring, SearchSpace
from search_spaces.cnn import CnnGenotype, CnnSpace, Op
from search_spaces.cnn.genotype import MERGES, UNARY, renumbered
from search_spaces.masks import MaskGenotype, MaskSpace
from search_spaces.nasbench201 import OPS, Cell, NasBench201Space
from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.genotype import GATES
from search_spaces.rnn.genotype import renumbered as rnn_renumbered
from search_spaces.sparse import SparseGenotype, SparseSpace


class SmallMaskSpace(MaskSpace):
    """Sixteen nodes and two sparsities."""

    def __init__(self) -> None:
        super().__init__(input_shape=(1, 8, 8), hidden=(16,), sparsities=(0.3, 0.45))


class SmallSparseSpace(SparseSpace):
    """Two hidden layers and two sparsities."""

    def __init__(self) -> None:
        super().__init__((1, 4, 4), 3, hidden=(8, 5), sparsities=(0.5, 0.8))


class AnySparseSpace(SparseSpace):
    """Any number of weights."""

    def __init__(self) -> None:
        super().__init__((1, 4, 4), 3, sparsities=None, hidden=(8,))


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


def relabelled(op: Op) -> list[Op]:
    """The op with another kernel, with other channels, and as another op of as many inputs."""
    if op.kind == "conv":
        return [Op("conv", op.kernel + 2, op.channels), Op("conv", op.kernel, op.channels + 8), Op("skip")]
    kinds = next((kinds for kinds in (UNARY[1:], MERGES) if op.kind in kinds), ())
    return [Op(kind) for kind in kinds if kind != op.kind]


def cnn_edits(genotype: CnnGenotype) -> Iterator[CnnGenotype]:
    """Every vertex relabelled, every edge left out, and every edge led from a vertex that is read more."""
    ops, edges = genotype.ops, genotype.edges
    for vertex, op in enumerate(ops):
        for other in relabelled(op):
            yield CnnGenotype((*ops[:vertex], other, *ops[vertex + 1 :]), edges)
    readers = [len(heads) for heads in genotype.successors()]
    for edge in edges:
        kept = tuple(other for other in edges if other != edge)
        yield CnnGenotype(ops, kept)
        tail, head = edge
        for source in range(head):  # samples are numbered tails first: this makes no cycle
            if source != tail and readers[source] >= readers[tail] and (source, head) not in edges:
                yield CnnGenotype(ops, (*kept, (source, head)))


def rnn_edits(genotype: RnnGenotype) -> Iterator[RnnGenotype]:
    """Every other cell, another embedding, one vertex more, and every edge left out and led from elsewhere."""
    for cell in GATES:
        if cell != genotype.cell:
            yield replace(genotype, cell=cell)
    yield replace(genotype, embedding=genotype.embedding_width + 1)
    yield replace(genotype, size=genotype.size + 1)
    readers = Counter(tail for tail, _ in genotype.edges)
    for tail, head in genotype.edges:
        kept = tuple(other for other in genotype.edges if other != (tail, head))
        yield replace(genotype, edges=kept)
        free = (each for each in range(head) if each != tail and (each, head) not in genotype.edges)
        source = next((each for each in free if readers[each] >= readers[tail]), None)
        if source is not None:  # the numbers of readers are others then, and so is the graph
            yield replace(genotype, edges=(*kept, (source, head)))


def mask_edits(genotype: MaskGenotype) -> Iterator[MaskGenotype]:
    """Another number of weights, every input with another owner, and every edge left out or put in."""
    yield replace(genotype, kept=genotype.kept + 1)
    for place, owner in enumerate(genotype.owners):
        others = bytes([*genotype.owners[:place], (owner + 1) % genotype.nodes, *genotype.owners[place + 1 :]])
        yield replace(genotype, owners=others)
    for edge in np.ndindex(genotype.nodes, genotype.nodes):
        matrix = genotype.matrix
        matrix[edge] = not matrix[edge]
        yield MaskGenotype.of(matrix, genotype.owned, genotype.kept)


def sparse_edits(genotype: SparseGenotype) -> Iterator[SparseGenotype]:
    """Every weight left out or put in, and the weights of one unit given to the next."""
    for place in range(len(genotype.flat)):
        flat = genotype.flat
        flat[place] = not flat[place]
        yield SparseGenotype.of_flat(genotype.widths, flat)
    for layer, mask in enumerate(genotype.arrays()):
        masks = genotype.arrays()
        masks[layer] = np.roll(mask, 1, axis=0)
        if (masks[layer] != mask).any():
            yield SparseGenotype.of(masks)


def topological_order(rng: np.random.Generator, genotype: RnnGenotype) -> list[int]:
    """A random order of the vertices that keeps every tail before its head."""
    order: list[int] = []
    while len(order) < genotype.size:
        waiting = {head for tail, head in genotype.edges if tail not in order}
        order.append(int(rng.choice([v for v in range(genotype.size) if v not in waiting and v not in order])))
    return order


class Contract(SpaceContract):
    def twins(self, space: Any, rng: np.random.Generator, genotype: Any) -> list[Any]:
        if isinstance(genotype, RnnGenotype):
            orders = topological_order(rng, genotype), rng.permutation(genotype.size).tolist()
            twins = [rnn_renumbered(genotype, order) for order in orders]
            assert space.validate(twins[0]) == []
            return twins
        if not isinstance(genotype, CnnGenotype):
            return []
        return [renumbered(genotype, rng.permutation(len(genotype)).tolist()) for _ in range(3)]

    def edits(self, space: Any, genotype: Any) -> list[Any]:
        if isinstance(genotype, CnnGenotype):
            return list(cnn_edits(genotype))
        if isinstance(genotype, RnnGenotype):
            return list(rnn_edits(genotype))
        if isinstance(genotype, MaskGenotype):
            return list(mask_edits(genotype))
        if isinstance(genotype, SparseGenotype):
            return list(sparse_edits(genotype))
        # Without "none" every edge of a cell is alive, and another op than "none" keeps it so.
        places = range(len(genotype.ops)) if "none" not in genotype.ops else ()
        ops = genotype.ops
        return [Cell((*ops[:i], op, *ops[i + 1 :])) for i in places for op in OPS[1:] if op != ops[i]]


class TestLaws(Contract):
    def test_has_the_methods_of_the_protocol(self, space: Any) -> None:
        assert isinstance(space, SearchSpace)
        assert space.name


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
    KeyWithoutKernels: "test_keys_tell_unlike_networks_apart",
    KeyWithoutChannels: "test_keys_tell_unlike_networks_apart",
    KeyWithoutPoolings: "test_keys_tell_unlike_networks_apart",
    KeyWithoutEdges: "test_keys_tell_unlike_networks_apart",
    RnnKeyOfTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    RnnKeyWithoutCell: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutEmbedding: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutLooseVertices: "test_keys_tell_unlike_networks_apart",
    RnnKeyWithoutTails: "test_keys_tell_unlike_networks_apart",
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
    SparseKeyThatIsTheText: "test_keys_are_short_texts_that_depend_on_meaning_alone",
    SparseKeyOfDegrees: "test_keys_tell_unlike_networks_apart",
    SparseThatLosesWeights: "test_is_closed_under_its_operators",
    SparseThatMovesNothing: "test_a_no_op_returns_the_parents_and_others_something_new",
    SparseTextOfCounts: "test_text_is_one_line_and_keeps_everything",
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
def test_a_broken_space_fails_its_law(broken: type[Any]) -> None:
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(Contract(), BROKEN[broken])(broken())


def test_every_space_is_edited(space: Any) -> None:
    """The law about unlike networks says nothing without edits."""
    assert any(Contract().edits(space, space.sample(np.random.default_rng(seed))) for seed in range(15))


def test_every_law_is_broken_by_some_space() -> None:
    assert set(BROKEN.values()) == set(laws())


def test_every_law_is_broken_by_some_space_of_masks() -> None:
    assert {law for space, law in BROKEN.items() if issubclass(space, MaskSpace)} == set(laws())
