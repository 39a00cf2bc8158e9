"""The SearchSpace protocol and its laws, and the registry of the spaces in the box.

The laws (``tests/contracts/space_contract.py`` runs them over every space):

1. ``sample`` and the operators return valid genotypes: the space is closed under them.
2. ``decode(encode(g)) == g``, and the text is one line.
3. Everything is deterministic under the given ``numpy.random.Generator``.
4. An operator never changes its arguments; one that could not be applied returns its parents and says why.
5. ``key`` is equal when a renaming of vertices preserves all that the network or the look-up reads, and changes
   with any part of it that reaches the output.
6. A trainable space predicts parameter counts and shapes exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from search_spaces.graph import LabelledGraph

if TYPE_CHECKING:
    import torch

G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class Offspring(Generic[G]):
    """What an operator returns: children, its name, and why nothing changed where nothing did.

    A mutation has one child, a crossover two. An operator that could not be applied returns the parents
    themselves and a ``reason``.
    """

    children: tuple[G, ...]
    operator: str
    reason: str = ""

    @property
    def applied(self) -> bool:
        """Whether the operator changed anything."""
        return not self.reason


@runtime_checkable
class SearchSpace(Protocol[G]):
    """What can be searched: drawing, varying, checking, naming and describing genotypes.

    Genotypes are frozen values. Randomness is the first argument everywhere.
    """

    name: str

    def sample(self, rng: np.random.Generator) -> G:
        """A random valid genotype."""
        ...

    def mutate(self, rng: np.random.Generator, genotype: G) -> Offspring[G]:
        """One mutated child."""
        ...

    def crossover(self, rng: np.random.Generator, first: G, second: G) -> Offspring[G]:
        """Two children of two parents."""
        ...

    def validate(self, genotype: G) -> list[str]:
        """Every violation in a sentence that names it; an empty list means valid."""
        ...

    def encode(self, genotype: G) -> str:
        """The genotype as one line of text: its identity on disk, on the wire and in a query."""
        ...

    def decode(self, text: str) -> G:
        """The genotype a text stands for; ValueError says what was expected and what was found."""
        ...

    def key(self, genotype: G) -> str:
        """A short text that is equal for genotypes that mean the same network."""
        ...

    def to_graph(self, genotype: G) -> LabelledGraph:
        """The graph that the surrogate reads; ``info`` holds predicted costs where the space knows them."""
        ...


@runtime_checkable
class TrainableSpace(SearchSpace[G], Protocol[G]):
    """A space whose genotypes become networks.

    An optional class attribute ``reads`` says of what: ``"images"``, as where there is none, or ``"sequences"``, whose
    ``input_shape`` is (steps,) and whose networks map integer codes of shape (n, steps or fewer), 0 after the end of
    each, to logits. A space of sequences whose class takes ``vocabulary`` is told how many codes there are.

    Another one, ``networks``, says in a few words how genotypes become networks. Runs are bound to it: the words change
    whenever a genotype comes to other numbers under the same seed.
    """

    def build(self, genotype: G, input_shape: tuple[int, ...], n_classes: int) -> torch.nn.Module:
        """The network of a genotype; equal keys build equal networks.

        Inputs have the shape (C, H, W), or (T,) where they are sequences.
        """
        ...


@runtime_checkable
class InheritingSpace(TrainableSpace[G], Protocol[G]):
    """A trainable space whose children may start from their parents' weights."""

    def inherit(
        self, network: torch.nn.Module, child: G, parent: G, weights: Mapping[str, torch.Tensor], images: torch.Tensor
    ) -> float:
        """Start the child's network, in place, from the parent's ``state_dict``; returns the share copied.

        ``images`` is a batch of shape (n, C, H, W) by which new layers may learn the scale of what they read.
        """
        ...


@runtime_checkable
class NarrowingSpace(TrainableSpace[G], Protocol[G]):
    """A trainable space whose genotypes have cheaper likenesses: the same structure with fewer channels."""

    def narrowed(self, genotype: G, width: float) -> G:
        """The genotype with about ``width`` (0..1) times its channels, and ``width ** 2`` times its cost."""
        ...


@runtime_checkable
class ResizingSpace(TrainableSpace[G], Protocol[G]):
    """A trainable space whose networks take images of any height and width: trainings may read them small at first."""

    resizes: bool


@runtime_checkable
class PerceptronSpace(TrainableSpace[G], Protocol[G]):
    """A trainable space of multilayer perceptrons: of the same cost, their trainings see many more images."""

    perceptrons: bool


@runtime_checkable
class SourceSpace(TrainableSpace[G], Protocol[G]):
    """A trainable space that can also write its networks down as code."""

    def source(self, genotype: G, input_shape: tuple[int, ...], n_classes: int) -> tuple[str, str]:
        """Python that needs torch alone, and the name of the class in it whose state is that of ``build``'s network."""
        ...


@dataclass(frozen=True)
class Channels:
    """Which channels of a network can only go together.

    Attributes
    ----------
    number
        How many groups of channels there are: 0, 1, ...
    writes, reads
        By the name of a layer of the network, the group of each channel that it writes or reads; ``FIXED`` for one that
        cannot go. A weight's first dimension is what its layer writes, and its second what it reads.
    """

    number: int
    writes: Mapping[str, NDArray[np.int64]]
    reads: Mapping[str, NDArray[np.int64]]


FIXED = -1


@runtime_checkable
class SlimmingNetwork(Protocol):
    """A network of a trainable space that can lose channels, and is then a smaller network of that space."""

    def channels(self) -> Channels:
        """The groups of its channels."""
        ...

    def without_channels(self, kept: NDArray[np.bool_]) -> torch.nn.Module:
        """A smaller network with the groups that are kept; where the others were zero, it computes the same.

        This one is left as it is. ValueError if a layer would have no channel left.
        """
        ...

    def described(self) -> tuple[Any, str, str]:
        """Its genotype, Python that needs torch alone, and the name of the class in that."""
        ...


@runtime_checkable
class ReadingModule(Protocol):
    """A module, of a network that a space builds, whose kind alone does not tell what its weights multiply."""

    def squares(self, name: str, inputs: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Sums of the squares of what weights multiply in one pass, and of how many terms each: one a row and step.

        Parameters
        ----------
        name
            Of the weights, as in ``named_parameters()``; the sums broadcast to their shape.
        inputs
            What the module reads.

        Raises
        ------
        ValueError
            If it has no such weights.
        """
        ...


@runtime_checkable
class FiniteSpace(SearchSpace[G], Protocol[G]):
    """A space small enough to be listed."""

    def genotypes(self) -> Iterator[G]:
        """Every genotype, in a fixed order."""
        ...


def get_space(name: str, **options: Any) -> Any:
    """A search space by name, with the options of its constructor.

    Parameters
    ----------
    name
        One of the names in ``SPACES``.
    options
        Passed to the space: ``get_space("cnn", input_shape=(3, 32, 32))``.

    Raises
    ------
    ValueError
        If there is no space of that name, or it refuses its options.
    """
    return space_class(name)(**options)


def space_class(name: str) -> Any:
    """The class of a search space by name; ValueError if there is none of that name."""
    from importlib import import_module

    if name not in SPACES:
        raise ValueError(f"space must be one of {', '.join(SPACES)}, found {name!r}")
    module, attribute = SPACES[name].split(":")
    return getattr(import_module(module), attribute)


SPACES: Mapping[str, str] = {
    "cnn": "search_spaces.cnn:CnnSpace",
    "rnn": "search_spaces.rnn:RnnSpace",
    "nasbench201": "search_spaces.nasbench201:NasBench201Space",
    "mask": "search_spaces.masks:MaskSpace",
    "sparse": "search_spaces.sparse:SparseSpace",
}
