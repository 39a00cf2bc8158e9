"""CNN graphs: labelled DAGs of convolutions, poolings, merges and skips (Stier, Darji, Granitzer 2021, sec. 4.4).

``genotype`` is the value, ``generator``, ``mutation`` and ``crossover`` make new ones, ``validity`` and
``shapes`` judge them, ``plan``, ``network`` and ``source`` turn them into something that runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.canonical import canonical_key
from search_spaces.choosing import first_applied
from search_spaces.cnn.crossover import CROSSOVERS, PAIRINGS, Crossover, average
from search_spaces.cnn.generator import random_genotype
from search_spaces.cnn.genotype import MAX_VERTICES, CnnGenotype, Op, decode, encode
from search_spaces.cnn.mutation import MUTATIONS
from search_spaces.cnn.shapes import Costs, infer_costs, infer_shapes
from search_spaces.cnn.validity import Limits, depth, validate
from search_spaces.cnn.widths import narrowed
from search_spaces.graph import LabelledGraph
from search_spaces.options import known_names, positive_integers
from search_spaces.space import Offspring

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["CnnGenotype", "CnnSpace", "Costs", "Limits", "Op", "infer_costs", "infer_shapes"]

PAPER_MUTATIONS = ("relabel", "insert")
WIDTHS = ("any", "pyramid")
MACS_A_PIXEL = 300_000  # eight full-resolution 3x3 convs from 64 to 64 channels


class CnnSpace:
    """The space of CNN graphs.

    ``sample`` draws depths from the window ``depth``; what is valid may be as deep as ``max_depth``, since every
    insertion deepens, and no shallower than the window.

    Parameters
    ----------
    input_shape
        (C, H, W) of the images.
    n_classes
        Classes that costs are counted for.
    depth
        Fewest and most operations on the longest path of a sampled genotype.
    max_depth
        Most operations on the longest path of any genotype.
    max_vertices
        Most vertices, input and output included; at most 256.
    max_channels
        Most channels any vertex may return.
    max_parameters
        Most trained parameters.
    max_macs
        Most multiply-accumulates an image; 300,000 a pixel unless told.
    mutations, crossovers
        Names of the operators that ``mutate`` and ``crossover`` choose from with equal odds: those of the paper, to
        which the mutation ``rescale`` may be added.
    pairing
        How the crossover ``average`` pairs convs: ``canonical`` or ``layer_mean``.
    widths
        Channels of random genotypes: ``any``, or ``pyramid`` for more of them where the image is smaller.

    Raises
    ------
    ValueError
        On an option that is out of its domain; the message says which and what was found.
    """

    name: str = "cnn"
    reads: str = "images"  # what its networks read
    resizes: bool = True
    networks: str = "kernels cut to the map"

    def __init__(
        self,
        input_shape: Sequence[int] = (3, 32, 32),
        n_classes: int = 10,
        depth: Sequence[int] = (6, 12),
        max_depth: int = 36,
        max_vertices: int = 64,
        max_channels: int = 512,
        max_parameters: int = 5_000_000,
        max_macs: int | None = None,
        mutations: Sequence[str] = PAPER_MUTATIONS,
        crossovers: Sequence[str] = tuple(CROSSOVERS),
        pairing: str = "canonical",
        widths: str = "any",
    ) -> None:
        channels, height, width = positive_integers("input_shape", input_shape, 3)
        shallowest, deepest = positive_integers("depth", depth, 2)
        macs = MACS_A_PIXEL * height * width if max_macs is None else max_macs
        numbers = (n_classes, max_depth, max_vertices, max_channels, max_parameters, macs)
        names = "n_classes", "max_depth", "max_vertices", "max_channels", "max_parameters", "max_macs"
        for option, value in zip(names, numbers, strict=True):
            positive_integers(option, [value], 1)
        if not shallowest <= deepest <= max_depth:
            raise ValueError(f"depth must ascend and stay within max_depth={max_depth}, found {[shallowest, deepest]}")
        if max_vertices > MAX_VERTICES:
            raise ValueError(f"max_vertices must be at most {MAX_VERTICES}, found {max_vertices}")
        if max_vertices < deepest + 2:
            raise ValueError(f"max_vertices must be at least depth + 2 = {deepest + 2}, found {max_vertices}")
        if pairing not in PAIRINGS:
            raise ValueError(f"pairing must be one of {', '.join(PAIRINGS)}, found {pairing!r}")
        if widths not in WIDTHS:
            raise ValueError(f"widths must be one of {', '.join(WIDTHS)}, found {widths!r}")
        self.depth = (shallowest, deepest)
        self.mutations = known_names("mutations", mutations, MUTATIONS)
        self.crossovers = known_names("crossovers", crossovers, CROSSOVERS)
        self.pairing = pairing
        self.widths = widths
        shape = (channels, height, width)
        self.limits = Limits(shape, n_classes, shallowest, max_depth, max_vertices, max_channels, max_parameters, macs)

    def __repr__(self) -> str:
        return f"CnnSpace({', '.join(f'{name}={value!r}' for name, value in self.options().items())})"

    def options(self) -> dict[str, Any]:
        """JSON values that make this space again: ``CnnSpace(**space.options())``."""
        return {
            "input_shape": list(self.limits.input_shape),
            "n_classes": self.limits.n_classes,
            "depth": list(self.depth),
            "max_depth": self.limits.max_depth,
            "max_vertices": self.limits.max_vertices,
            "max_channels": self.limits.max_channels,
            "max_parameters": self.limits.max_parameters,
            "max_macs": self.limits.max_macs,
            "mutations": list(self.mutations),
            "crossovers": list(self.crossovers),
            "pairing": self.pairing,
            "widths": self.widths,
        }

    def sample(self, rng: np.random.Generator) -> CnnGenotype:
        """A random valid genotype of a depth in the window; ValueError if the limits leave none."""
        return random_genotype(rng, self.depth, self.limits, self.widths)

    def mutate(self, rng: np.random.Generator, genotype: CnnGenotype) -> Offspring[CnnGenotype]:
        """One child by a random mutation; where it cannot be applied, by another one."""
        operators = [partial(MUTATIONS[name], rng, genotype, self.limits) for name in self.mutations]
        return first_applied(rng, operators, (genotype,), "mutate")

    def crossover(self, rng: np.random.Generator, first: CnnGenotype, second: CnnGenotype) -> Offspring[CnnGenotype]:
        """Two children by a random crossover; where it cannot be applied, by another one."""
        known: dict[str, Crossover] = {**CROSSOVERS, "average": partial(average, pairing=self.pairing)}
        operators = [partial(known[name], rng, first, second, self.limits) for name in self.crossovers]
        return first_applied(rng, operators, (first, second), "crossover")

    def validate(self, genotype: CnnGenotype) -> list[str]:
        """Every violation in a sentence that names it; an empty list means valid."""
        return validate(genotype, self.limits)

    def encode(self, genotype: CnnGenotype) -> str:
        """The genotype as one line of compact JSON."""
        return encode(genotype)

    def decode(self, text: str) -> CnnGenotype:
        """The genotype of a text; ValueError says what was expected and what was found."""
        return decode(text)

    def key(self, genotype: CnnGenotype) -> str:
        """Equal exactly for isomorphic genotypes; ValueError on directed cycles."""
        return canonical_key([str(op) for op in genotype.ops], genotype.edges)

    def to_graph(self, genotype: CnnGenotype) -> LabelledGraph:
        """The genotype with ``channels, height, width, parameters, macs`` a vertex, and costs as ``info``.

        Ops are written without channels (``conv3x3``). ValueError if shapes cannot be inferred: every valid
        genotype has a graph.
        """
        costs = infer_costs(genotype, self.limits.input_shape, self.limits.n_classes)
        channels, height, width = zip(*costs.shapes, strict=True)
        return LabelledGraph(
            ops=tuple(op.name for op in genotype.ops),
            edges=genotype.edges,
            attributes={
                "channels": channels,
                "height": height,
                "width": width,
                "parameters": costs.parameters,
                "macs": costs.macs,
            },
            info={
                "parameters": sum(costs.parameters),
                "macs": sum(costs.macs),
                "depth": depth(genotype),
            },
        )

    def build(self, genotype: CnnGenotype, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """The network of a genotype for images of shape (C, H, W); equal keys build equal networks."""
        from search_spaces.cnn.network import build_network

        return build_network(genotype, input_shape, n_classes)

    def inherit(
        self,
        network: nn.Module,
        child: CnnGenotype,
        parent: CnnGenotype,
        weights: Mapping[str, Tensor],
        images: Tensor,
    ) -> float:
        """Start a child's network, in place, from its parent's weights (:mod:`search_spaces.cnn.inheritance`)."""
        from search_spaces.cnn.inheritance import inherit
        from search_spaces.cnn.network import CnnNetwork

        assert isinstance(network, CnnNetwork)  # what build returns
        return inherit(network, child, parent, weights, images)

    def narrowed(self, genotype: CnnGenotype, width: float) -> CnnGenotype:
        """The genotype with about ``width`` times the channels in every conv."""
        return narrowed(genotype, width)

    def source(self, genotype: CnnGenotype, input_shape: tuple[int, ...], n_classes: int) -> tuple[str, str]:
        """Python that needs torch alone, and the name of the class in it that equals :meth:`build`'s network."""
        from search_spaces.cnn.source import SOURCE_CLASS, network_source

        return network_source(genotype, input_shape, n_classes), SOURCE_CLASS
