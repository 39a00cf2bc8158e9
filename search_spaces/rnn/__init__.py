"""Recurrent networks on random graphs: one neuron a vertex, in layers (Stier, Darji, Granitzer 2021, sec. 4.3).

``genotype`` is the value, ``priors`` draws graphs, ``mutation`` and ``crossover`` vary them, ``validity`` and
``costs`` judge them. ``network`` runs them, by the ``wiring``, the ``cells`` and the ``wavefront``; ``source`` writes
them down as code; ``thesis`` has the networks of the authors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.choosing import first_applied, pick
from search_spaces.graph import LabelledGraph
from search_spaces.options import known_names, positive_integers
from search_spaces.rnn.costs import COMPATS, READOUTS, Costs, infer_costs
from search_spaces.rnn.crossover import CROSSOVERS
from search_spaces.rnn.genotype import GATES, MAX_VERTICES, RnnGenotype, canonical, decode, encode, key
from search_spaces.rnn.mutation import MUTATIONS
from search_spaces.rnn.priors import GENERATORS
from search_spaces.rnn.validity import MAX_EMBEDDING, Limits, costs_of, is_valid, validate
from search_spaces.space import Offspring

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Costs", "Limits", "RnnGenotype", "RnnSpace", "infer_costs"]

ATTEMPTS = 500
EMBEDDING = 16
FEWEST_NODES = 3  # a Watts-Strogatz graph has more vertices than neighbours
MACS_A_STEP = 1_000_000  # three times what 64 neurons can take


class RnnSpace:
    """The space of recurrent networks on oriented random graphs.

    ``sample`` draws from the generators of the paper; what is valid may be any connected graph of two vertices up to
    ``max_nodes``.

    Parameters
    ----------
    input_shape
        (T,): the symbols of a sequence that costs are counted for. Networks read sequences of any length.
    n_classes
        Classes that costs are counted for.
    cells
        The cells to choose from: ``tanh``, ``relu``, ``lstm``, ``gru``.
    nodes
        Fewest and most vertices of a sampled genotype.
    max_nodes
        Most vertices of any genotype; at most 256.
    generators
        The random graphs to choose from: ``watts-strogatz``, ``barabasi-albert``.
    embedding
        Width of the embedding of a sampled genotype: 16 unless told; 0 for as wide as the first layer, as in the
        paper, where accuracy depends on that width for that reason as well.
    readout
        What the classifier reads: the ``last`` layer, as in the paper, or the ``sinks``, every neuron that no other
        one of the same step reads. Neurons from which no path leads to what is read do nothing.
    vocabulary
        Number of different symbols; 128 is ASCII.
    compat
        ``thesis`` builds the networks of Darji 2021, whose code differs from the formula of the paper: a second
        cell for every two layers that an edge joins over others, and masks of the gates in another order.
    max_parameters
        Most trained parameters.
    max_macs
        Most multiply-accumulates a sequence; 1,000,000 a step unless told.
    mutations, crossovers
        Names of the operators that ``mutate`` and ``crossover`` choose from with equal odds.

    Raises
    ------
    ValueError
        On an option that is out of its domain; the message says which and what was found.
    """

    name: str = "rnn"
    reads: str = "sequences"  # what its networks read

    def __init__(
        self,
        input_shape: Sequence[int] = (50,),
        n_classes: int = 2,
        *,
        cells: Sequence[str] = tuple(GATES),
        nodes: Sequence[int] = (10, 50),
        max_nodes: int = 64,
        generators: Sequence[str] = tuple(GENERATORS),
        embedding: int | None = None,
        readout: str = "last",
        vocabulary: int = 128,
        compat: str = "",
        max_parameters: int = 5_000_000,
        max_macs: int | None = None,
        mutations: Sequence[str] = tuple(MUTATIONS),
        crossovers: Sequence[str] = tuple(CROSSOVERS),
    ) -> None:
        (steps,) = _steps(input_shape)
        fewest, most = positive_integers("nodes", nodes, 2)
        macs = MACS_A_STEP * steps if max_macs is None else max_macs
        numbers = (n_classes, max_nodes, vocabulary, max_parameters, macs)
        names = "n_classes", "max_nodes", "vocabulary", "max_parameters", "max_macs"
        for option, value in zip(names, numbers, strict=True):
            positive_integers(option, [value], 1)
        if max_nodes > MAX_VERTICES:
            raise ValueError(f"max_nodes must be at most {MAX_VERTICES}, found {max_nodes}")
        if not FEWEST_NODES <= fewest <= most <= max_nodes:
            expected = f"ascend from {FEWEST_NODES} or more and stay within max_nodes={max_nodes}"
            raise ValueError(f"nodes must {expected}, found {[fewest, most]}")
        for option, choice, choices in (("readout", readout, READOUTS), ("compat", compat, COMPATS)):
            if choice not in choices:
                raise ValueError(f"{option} must be one of {', '.join(map(repr, choices))}, found {choice!r}")
        if compat == "thesis" and readout != "last":
            raise ValueError(f"readout must be 'last' with compat='thesis', found {readout!r}")
        self.nodes = (fewest, most)
        self.generators = known_names("generators", generators, GENERATORS)
        self.embedding = _embedding(embedding, compat)
        self.mutations = known_names("mutations", mutations, MUTATIONS)
        self.crossovers = known_names("crossovers", crossovers, CROSSOVERS)
        known = known_names("cells", cells, GATES)
        self.limits = Limits(steps, n_classes, vocabulary, readout, compat, known, max_nodes, max_parameters, macs)

    def __repr__(self) -> str:
        return f"RnnSpace({', '.join(f'{name}={value!r}' for name, value in self.options().items())})"

    def options(self) -> dict[str, Any]:
        """JSON values that make this space again: ``RnnSpace(**space.options())``."""
        return {
            "input_shape": [self.limits.steps],
            "n_classes": self.limits.n_classes,
            "cells": list(self.limits.cells),
            "nodes": list(self.nodes),
            "max_nodes": self.limits.max_nodes,
            "generators": list(self.generators),
            "embedding": self.embedding,
            "readout": self.limits.readout,
            "vocabulary": self.limits.vocabulary,
            "compat": self.limits.compat,
            "max_parameters": self.limits.max_parameters,
            "max_macs": self.limits.max_macs,
            "mutations": list(self.mutations),
            "crossovers": list(self.crossovers),
        }

    def sample(self, rng: np.random.Generator) -> RnnGenotype:
        """A random graph of a random generator and a random cell; ValueError if the limits leave none."""
        fewest, most = self.nodes
        for _ in range(ATTEMPTS):
            cell, generator = pick(rng, self.limits.cells), pick(rng, self.generators)
            n = fewest + int(rng.random() * (most - fewest + 1))
            genotype = RnnGenotype(cell, self.embedding, n, GENERATORS[generator](rng, n))
            if is_valid(genotype, self.limits):
                return canonical(genotype)
        raise ValueError(
            f"no genotype of {fewest}..{most} vertices found within the limits, in {ATTEMPTS} attempts: raise "
            f"max_parameters={self.limits.max_parameters} or max_macs={self.limits.max_macs}, or lower nodes"
        )

    def mutate(self, rng: np.random.Generator, genotype: RnnGenotype) -> Offspring[RnnGenotype]:
        """One child by a random mutation; where it cannot be applied, by another one."""
        operators = [partial(MUTATIONS[name], rng, genotype, self.limits) for name in self.mutations]
        return first_applied(rng, operators, (genotype,), "mutate")

    def crossover(self, rng: np.random.Generator, first: RnnGenotype, second: RnnGenotype) -> Offspring[RnnGenotype]:
        """Two children by a random crossover; where it cannot be applied, by another one."""
        operators = [partial(CROSSOVERS[name], rng, first, second, self.limits) for name in self.crossovers]
        return first_applied(rng, operators, (first, second), "crossover")

    def validate(self, genotype: RnnGenotype) -> list[str]:
        """Every violation in a sentence that names it; an empty list means valid."""
        return validate(genotype, self.limits)

    def encode(self, genotype: RnnGenotype) -> str:
        """The genotype as one line of compact JSON."""
        return encode(genotype)

    def decode(self, text: str) -> RnnGenotype:
        """The genotype of a text; ValueError says what was expected and what was found."""
        return decode(text)

    def key(self, genotype: RnnGenotype) -> str:
        """Equal exactly for isomorphic graphs of one cell and one width of the embedding; ValueError on cycles."""
        return key(genotype)

    def to_graph(self, genotype: RnnGenotype) -> LabelledGraph:
        """The graph of neurons, with costs, layers (``depth``), embedding and cell as ``info``.

        ``embedding`` is the width that is built, ``gates`` those of the cell, and the name of the cell is 1, those
        of the other cells 0. ValueError on directed cycles.
        """
        costs = costs_of(genotype, self.limits)
        return LabelledGraph(
            ops=("neuron",) * genotype.size,
            edges=genotype.edges,
            info={
                "parameters": costs.parameters,
                "macs": costs.macs,
                "depth": len(costs.widths),
                "embedding": genotype.embedding_width,
                "gates": GATES[genotype.cell],
                **{cell: float(cell == genotype.cell) for cell in GATES},
            },
        )

    def build(self, genotype: RnnGenotype, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """The network of a genotype for sequences of any length; equal keys build equal networks."""
        vocabulary = self.limits.vocabulary
        if self.limits.compat == "thesis":
            from search_spaces.rnn.thesis import build_thesis_network

            return build_thesis_network(genotype, n_classes, vocabulary=vocabulary)
        from search_spaces.rnn.network import build_network

        return build_network(genotype, n_classes, vocabulary=vocabulary, readout=self.limits.readout)

    def source(self, genotype: RnnGenotype, input_shape: tuple[int, ...], n_classes: int) -> tuple[str, str]:
        """Python that needs torch alone, and the name of the class in it that equals :meth:`build`'s network.

        ValueError with ``compat="thesis"``, whose networks are there to be compared with.
        """
        from search_spaces.rnn.source import SOURCE_CLASS, network_source

        if self.limits.compat:
            raise ValueError(f"networks of compat={self.limits.compat!r} have no code of their own: leave compat out")
        limits = self.limits
        text = network_source(genotype, n_classes, vocabulary=limits.vocabulary, readout=limits.readout)
        return text, SOURCE_CLASS


def _steps(input_shape: Sequence[int]) -> tuple[int, ...]:
    found = tuple(input_shape) if isinstance(input_shape, list | tuple) else ()
    if len(found) != 1 or type(found[0]) is not int or found[0] <= 0:
        raise ValueError(f"input_shape must be (T,), the symbols of a sequence, found {input_shape!r}")
    return found


def _embedding(width: int | None, compat: str) -> int:
    if width is None:
        return 0 if compat == "thesis" else EMBEDDING
    if type(width) is not int or not 0 <= width <= MAX_EMBEDDING:
        raise ValueError(f"embedding must be a whole number of 0..{MAX_EMBEDDING}, found {width!r}")
    if compat == "thesis" and width:
        raise ValueError(f"embedding must be 0 with compat='thesis', as wide as the first layer, found {width}")
    return width
