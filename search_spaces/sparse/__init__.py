"""Sparse networks and their graphs (Stier, Granitzer 2022, "deepstruct"), and the space of arbitrary masks.

``linear`` is a layer without the weights that its mask leaves out, ``perceptron`` a network of such layers, ``source``
its code, and ``skip_layers`` a network of any DAG; ``graphs`` are those of masks, on three levels, and ``measures`` say
how many weights are left.

Of the space ``genotype`` is the value, whose masks ``coding`` makes short; ``mutation`` and ``crossover`` vary it,
``validity`` judges it, and ``describing`` makes it a graph for predictors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.choosing import first_applied
from search_spaces.graph import LabelledGraph
from search_spaces.options import known_names, perceptron_layers
from search_spaces.space import Offspring
from search_spaces.sparse.crossover import CROSSOVERS
from search_spaces.sparse.describing import to_graph
from search_spaces.sparse.genotype import SparseGenotype, check_widths, decode, encode, key
from search_spaces.sparse.layers import Bools
from search_spaces.sparse.measures import kept_at
from search_spaces.sparse.mutation import MUTATIONS, kept_of_sample
from search_spaces.sparse.validity import Limits, validate
from search_spaces.texts import shortened

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Limits", "SparseGenotype", "SparseSpace"]


class SparseSpace:
    """The space of multilayer perceptrons with any masks, one for each layer, the classifier included.

    Parameters
    ----------
    input_shape
        (C, H, W), or any other; networks flatten it.
    n_classes
        Units of the classifier.
    hidden
        Widths of the hidden layers.
    sparsities
        Shares of the weights of all layers together that are left out, of which a sampled genotype has one: of
        ``total`` weights exactly (1 - sparsity) * total are kept, to the nearest, half up. None for any number.
    init
        Initial weights: ``dense``, those that the dense network would have under the same seed, or ``fan-in``, the
        same scaled to the number of weights that each unit has.
    mutations, crossovers
        Names of the operators that ``mutate`` and ``crossover`` choose from with equal odds.

    Raises
    ------
    ValueError
        On an option that is out of its domain; the message says which and what was found.
    """

    name: str = "sparse"
    reads: str = "images"  # what its networks read
    perceptrons: bool = True

    def __init__(
        self,
        input_shape: Sequence[int] = (1, 28, 28),
        n_classes: int = 10,
        *,
        hidden: Sequence[int] = (100,),
        sparsities: Sequence[float] | None = (0.9,),
        init: str = "dense",
        mutations: Sequence[str] = tuple(MUTATIONS),
        crossovers: Sequence[str] = tuple(CROSSOVERS),
    ) -> None:
        self.input_shape, layers = perceptron_layers(input_shape, hidden, n_classes, init)
        widths = (prod(self.input_shape), *layers, n_classes)
        check_widths(widths)
        self.init = init
        self.mutations = known_names("mutations", mutations, MUTATIONS)
        self.crossovers = known_names("crossovers", crossovers, CROSSOVERS)
        self.sparsities = None if sparsities is None else _sparsities(sparsities)
        total = Limits(widths, ()).total
        kept = tuple(kept_at(sparsity, total) for sparsity in self.sparsities or ())
        if len(set(kept)) < len(kept) or 0 in kept:
            raise ValueError(f"sparsities must keep different numbers of {total} weights, not 0, found {list(kept)}")
        self.limits = Limits(widths, kept)

    def __repr__(self) -> str:
        return f"SparseSpace({', '.join(f'{name}={value!r}' for name, value in self.options().items())})"

    def options(self) -> dict[str, Any]:
        """JSON values that make this space again: ``SparseSpace(**space.options())``."""
        return {
            "input_shape": list(self.input_shape),
            "n_classes": self.limits.widths[-1],
            "hidden": list(self.limits.widths[1:-1]),
            "sparsities": None if self.sparsities is None else list(self.sparsities),
            "init": self.init,
            "mutations": list(self.mutations),
            "crossovers": list(self.crossovers),
        }

    def sample(self, rng: np.random.Generator) -> SparseGenotype:
        """Uniformly random masks of a random number of kept weights in all."""
        flat = np.zeros(self.limits.total, dtype=np.bool_)
        flat[rng.choice(len(flat), kept_of_sample(rng, self.limits), replace=False)] = True
        return SparseGenotype.of_flat(self.limits.widths, flat)

    def mutate(self, rng: np.random.Generator, genotype: SparseGenotype) -> Offspring[SparseGenotype]:
        """One child by a random mutation; where it cannot be applied, by another one."""
        operators = [partial(MUTATIONS[name], rng, genotype, self.limits) for name in self.mutations]
        return first_applied(rng, operators, (genotype,), "mutate")

    def crossover(
        self, rng: np.random.Generator, first: SparseGenotype, second: SparseGenotype
    ) -> Offspring[SparseGenotype]:
        """Two children by a random crossover; where it cannot be applied, by another one."""
        operators = [partial(CROSSOVERS[name], rng, first, second) for name in self.crossovers]
        return first_applied(rng, operators, (first, second), "crossover")

    def validate(self, genotype: SparseGenotype) -> list[str]:
        """Every violation in a sentence that names it; an empty list means valid."""
        return validate(genotype, self.limits)

    def encode(self, genotype: SparseGenotype) -> str:
        """The genotype as one line of compact JSON."""
        return encode(genotype)

    def decode(self, text: str) -> SparseGenotype:
        """The genotype of a text; ValueError says what was expected and what was found."""
        return decode(text)

    def key(self, genotype: SparseGenotype) -> str:
        """Equal exactly for equal texts."""
        return key(genotype)

    def to_graph(self, genotype: SparseGenotype) -> LabelledGraph:
        """A chain of the layers, with how their weights lie, and what they cost, as numbers."""
        return to_graph(genotype)

    def masks(self, genotype: SparseGenotype) -> list[Bools]:
        """The masks of all layers, each of shape (out, in)."""
        return genotype.arrays()

    def build(self, genotype: SparseGenotype, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """The network of a genotype; equal texts build equal networks. ValueError on other inputs or classes."""
        import torch

        from search_spaces.sparse.perceptron import SparsePerceptron

        _check_ends(genotype, input_shape, n_classes)
        return SparsePerceptron([torch.from_numpy(mask) for mask in genotype.arrays()], init=self.init)

    def source(self, genotype: SparseGenotype, input_shape: tuple[int, ...], n_classes: int) -> tuple[str, str]:
        """Python that needs torch alone, and the name of the class in it that equals :meth:`build`'s network."""
        from search_spaces.sparse.source import SOURCE_CLASS, network_source

        _check_ends(genotype, input_shape, n_classes)
        return network_source(genotype.arrays()), SOURCE_CLASS


def _sparsities(values: Sequence[float]) -> tuple[float, ...]:
    numbers = isinstance(values, list | tuple) and all(type(s) in (int, float) and 0 <= s < 1 for s in values)
    if not numbers or not values or len(set(values)) < len(values):
        expected = "different numbers from 0 up to below 1, or null for any"
        raise ValueError(f"sparsities must be {expected}, found {shortened(values)}")
    return tuple(map(float, values))


def _check_ends(genotype: SparseGenotype, input_shape: Sequence[int], n_classes: int) -> None:
    """Refuse another number of inputs or classes than the masks have."""
    if (prod(input_shape), n_classes) != (genotype.widths[0], genotype.widths[-1]):
        expected = f"{genotype.widths[0]} features and {genotype.widths[-1]} classes, as the masks have"
        raise ValueError(f"a network must have {expected}, found shape {tuple(input_shape)} and {n_classes} classes")
