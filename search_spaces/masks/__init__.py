"""Pruning masks as graphs: a relational graph of nodes says which weights of a multilayer perceptron are kept.

You, Leskovec, He, Xie 2020, "Graph Structure of Neural Networks"; "Bayes Optimal Neural Network Pruning using
Relational Graph Properties". ``genotype`` is the value and ``relational`` what it means: masks. ``placement`` says who
owns which inputs, ``generators`` draw graphs, of which ``edges`` takes exactly so many; ``mutation`` and ``crossover``
vary them, ``validity`` judges them. ``describing`` makes them graphs for predictors, and ``network`` modules, of the
layers in :mod:`search_spaces.sparse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from search_spaces.choosing import first_applied, pick
from search_spaces.graph import LabelledGraph
from search_spaces.masks.crossover import CROSSOVERS
from search_spaces.masks.describing import to_graph
from search_spaces.masks.edges import first_edges
from search_spaces.masks.generators import GENERATORS, Frame, focused, one_way
from search_spaces.masks.genotype import MAX_NODES, Bools, MaskGenotype, decode, encode, key
from search_spaces.masks.mutation import MUTATIONS
from search_spaces.masks.placement import PLACEMENTS, centres, input_density
from search_spaces.masks.relational import edge_weights, masks_of, slices
from search_spaces.masks.validity import Limits, kept_weights, masked_weights, masked_widths, validate
from search_spaces.options import known_names, perceptron_layers
from search_spaces.space import Offspring
from search_spaces.texts import shortened

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Limits", "MaskGenotype", "MaskSpace"]

SPARSITIES = (0.9, 0.75, 0.6, 0.45, 0.3, 0.15)  # those of the paper
MOST_FOCUS = 10.0


class MaskSpace:
    """The space of sparse multilayer perceptrons whose masks are relational graphs of a fixed number of weights.

    Every node of a graph owns some input features and a slice of each hidden layer; the units of a node read those of
    the nodes that it reads, in every layer before a hidden one. The classifier is dense unless told, and counts among
    the weights.

    Parameters
    ----------
    input_shape
        (C, H, W), or any other; networks flatten it.
    n_classes
        Classes that weights are counted for.
    hidden
        Widths of the hidden layers.
    nodes
        Number of nodes: the narrowest layer before the classifier, or that too where it is masked, but 256 at most,
        unless told.
    sparsities
        Shares of all weights that are left out, of which a sampled genotype has one. Unless told, 0.9, or the highest
        one of .75, .6, .45, .3 and .15 of which the dense classifier and the self edges leave room for anything.
    generators
        The random graphs to choose from (:mod:`search_spaces.masks.generators`).
    mutual
        Least and largest share of the pairs of nodes that read each other, where one reads the other: a sampled graph
        has a random one. (1, 1) is for symmetric graphs, as in You et al. 2020, all of which have the same degree on
        average. It is no matter to ``er``.
    focus
        Where there is ``input_spread``: the least and the largest exponent by which edges to nodes whose inputs spread
        little come later. Half of the sampled graphs have the least, the others a random one. (0, 0) is for symmetric
        graphs.
    placements
        Who owns which inputs (:mod:`search_spaces.masks.placement`): ``contiguous``, ``random``, ``tiles``, and where
        there is ``input_spread``, ``spread``; all of these unless told.
    input_spread
        A number of at least 0 for each input feature, such as the standard deviation of the training pixels.
    self_edges
        Whether every node reads itself, as in You et al. 2020.
    masked_classifier
        Whether nodes own the classes too, and the classifier's weights are masked as those of the other layers.
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

    name: str = "mask"
    reads: str = "images"  # what its networks read
    perceptrons: bool = True

    def __init__(
        self,
        input_shape: Sequence[int] = (1, 28, 28),
        n_classes: int = 10,
        *,
        hidden: Sequence[int] = (128,),
        nodes: int | None = None,
        sparsities: Sequence[float] | None = None,
        generators: Sequence[str] = tuple(GENERATORS),
        mutual: Sequence[float] = (0.0, 1.0),
        focus: Sequence[float] = (0.0, 2.0),
        placements: Sequence[str] | None = None,
        input_spread: Sequence[float] | None = None,
        self_edges: bool = True,
        masked_classifier: bool = False,
        init: str = "dense",
        mutations: Sequence[str] = tuple(MUTATIONS),
        crossovers: Sequence[str] = tuple(CROSSOVERS),
    ) -> None:
        shape, widths = perceptron_layers(input_shape, hidden, n_classes, init)
        for option, value in (("self_edges", self_edges), ("masked_classifier", masked_classifier)):
            if type(value) is not bool:
                raise ValueError(f"{option} must be true or false, found {value!r}")
        if masked_classifier and n_classes < 2:
            raise ValueError(f"masked_classifier needs two classes or more, found {n_classes}")
        masked = masked_widths(widths, n_classes, masked_classifier)
        most = min(prod(shape), *masked, MAX_NODES)
        number = most if nodes is None else nodes
        if type(number) is not int or not 2 <= number <= most:
            raise ValueError(f"nodes must be 2..{most}, no more than the narrowest layer has units, found {nodes!r}")
        self.init = init
        self.generators = known_names("generators", generators, GENERATORS)
        self.mutual = _ascending("mutual", mutual, 1.0)
        self.focus = _ascending("focus", focus, MOST_FOCUS)
        self.input_spread = _spread(input_spread, prod(shape))
        known = [name for name in PLACEMENTS if name != "spread" or self.input_spread]
        self.placements = known_names("placements", known if placements is None else placements, PLACEMENTS)
        if "spread" in self.placements and not self.input_spread:
            raise ValueError("input_spread must have a number an input feature for the placement 'spread', found none")
        self.mutations = known_names("mutations", mutations, MUTATIONS)
        self.crossovers = known_names("crossovers", crossovers, CROSSOVERS)
        head = 0 if masked_classifier else widths[-1] * n_classes
        self.sparsities, kept = _sparsities(sparsities, prod(shape), masked, head, number if self_edges else 0)
        self.limits = Limits(shape, n_classes, widths, number, kept, self_edges, masked_classifier)

    def __repr__(self) -> str:
        return f"MaskSpace({', '.join(f'{name}={value!r}' for name, value in self.options().items())})"

    def options(self) -> dict[str, Any]:
        """JSON values that make this space again: ``MaskSpace(**space.options())``."""
        return {
            "input_shape": list(self.limits.input_shape),
            "n_classes": self.limits.n_classes,
            "hidden": list(self.limits.hidden),
            "nodes": self.limits.nodes,
            "sparsities": list(self.sparsities),
            "generators": list(self.generators),
            "mutual": list(self.mutual),
            "focus": list(self.focus),
            "placements": list(self.placements),
            "input_spread": None if self.input_spread is None else list(self.input_spread),
            "self_edges": self.limits.self_edges,
            "masked_classifier": self.limits.masked_classifier,
            "init": self.init,
            "mutations": list(self.mutations),
            "crossovers": list(self.crossovers),
        }

    def sample(self, rng: np.random.Generator) -> MaskGenotype:
        """A random graph of a random generator, on a random placement, of a random sparsity."""
        kept, generator = pick(rng, self.limits.kept), pick(rng, self.generators)
        return self.draw(rng, generator, pick(rng, self.placements), kept)

    def draw(self, rng: np.random.Generator, generator: str, placement: str, kept: int) -> MaskGenotype:
        """A random graph of one generator, on one placement, with one of the numbers of weights of the space."""
        limits, n = self.limits, self.limits.nodes
        spread = None if self.input_spread is None else np.array(self.input_spread)
        owners = PLACEMENTS[placement](rng, limits.input_shape, n, spread)
        weights = edge_weights(owners, limits.widths, n)
        own = int(np.trace(weights))  # edges of nodes to themselves take no part in what follows
        share = min(1.0, max(0.0, (kept - own) / max(1, limits.masked - own)))
        least, most = self.mutual
        mutual = max(2 * share - 1, least + (most - least) * rng.random())  # more than all pairs there are not
        frame = Frame((n - 1) * min(1.0, 2 * share / (1 + mutual)), centres(owners, n, limits.input_shape))
        ranks = GENERATORS[generator](rng, frame)
        if spread is not None:
            low, high = self.focus
            exponent = low if rng.random() < 0.5 else rng.uniform(low, high)
            ranks = focused(ranks, input_density(owners, spread, n), exponent)
        if generator != "er":
            ranks = one_way(rng, ranks, mutual)
        if limits.self_edges:
            np.fill_diagonal(ranks, -1.0)
        return MaskGenotype.of(first_edges(ranks, weights, kept), owners, kept)

    def mutate(self, rng: np.random.Generator, genotype: MaskGenotype) -> Offspring[MaskGenotype]:
        """One child by a random mutation; where it cannot be applied, by another one."""
        operators = [partial(MUTATIONS[name], rng, genotype, self.limits) for name in self.mutations]
        return first_applied(rng, operators, (genotype,), "mutate")

    def crossover(self, rng: np.random.Generator, first: MaskGenotype, second: MaskGenotype) -> Offspring[MaskGenotype]:
        """Two children by a random crossover; where it cannot be applied, by another one."""
        operators = [partial(CROSSOVERS[name], rng, first, second, self.limits) for name in self.crossovers]
        return first_applied(rng, operators, (first, second), "crossover")

    def validate(self, genotype: MaskGenotype) -> list[str]:
        """Every violation in a sentence that names it; an empty list means valid."""
        return validate(genotype, self.limits)

    def encode(self, genotype: MaskGenotype) -> str:
        """The genotype as one line of compact JSON."""
        return encode(genotype)

    def decode(self, text: str) -> MaskGenotype:
        """The genotype of a text; ValueError says what was expected and what was found."""
        return decode(text)

    def key(self, genotype: MaskGenotype) -> str:
        """Equal exactly for equal texts."""
        return key(genotype)

    def to_graph(self, genotype: MaskGenotype) -> LabelledGraph:
        """The undirected graph of nodes, with costs and what it means in the image as ``info``."""
        return to_graph(genotype, self.limits, None if self.input_spread is None else np.array(self.input_spread))

    def masks(self, genotype: MaskGenotype) -> list[Bools]:
        """The masks of the masked layers, each of shape (out, in); ValueError where it has no such."""
        return masks_of(genotype, self.limits.widths)

    def build(self, genotype: MaskGenotype, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
        """The network of a genotype; equal texts build equal networks. ValueError on another number of inputs."""
        from search_spaces.masks.network import build_network

        return build_network(genotype, self.limits.widths, input_shape, self._dense(n_classes), init=self.init)

    def source(self, genotype: MaskGenotype, input_shape: tuple[int, ...], n_classes: int) -> tuple[str, str]:
        """Python that needs torch alone, and the name of the class in it that equals :meth:`build`'s network."""
        from search_spaces.sparse.source import SOURCE_CLASS, network_source

        return network_source(self.masks(genotype), self._dense(n_classes)), SOURCE_CLASS

    def _dense(self, n_classes: int) -> int | None:
        """The width of a dense classifier; None where it is masked, for as many classes as the masks have."""
        if not self.limits.masked_classifier:
            return n_classes
        if n_classes != self.limits.n_classes:
            raise ValueError(f"n_classes must be {self.limits.n_classes}, for which masks are, found {n_classes}")
        return None


def _spread(values: Sequence[float] | None, inputs: int) -> tuple[float, ...] | None:
    if values is None:
        return None
    numbers = isinstance(values, list | tuple) and all(type(value) in (int, float) for value in values)
    found = np.array(values if numbers else [], dtype=np.float64)
    if found.shape != (inputs,) or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        expected = f"{inputs} finite numbers of at least 0, one an input feature and not all of them 0"
        raise ValueError(f"input_spread must be {expected}, found {shortened(values)}")
    return tuple(found.tolist())


def _ascending(option: str, values: Sequence[float], most: float) -> tuple[float, float]:
    found = tuple(values) if isinstance(values, list | tuple) else ()
    if len(found) != 2 or not all(type(one) in (int, float) for one in found) or not 0 <= found[0] <= found[1] <= most:
        expected = f"two numbers that ascend from 0 or more to {most:g} or less"
        raise ValueError(f"{option} must be {expected}, found {shortened(values)}")
    return float(found[0]), float(found[1])


def _sparsities(
    values: Sequence[float] | None, inputs: int, widths: tuple[int, ...], head: int, nodes: int
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The sparsities, and how many weights of the masked layers each keeps.

    ``head`` is 0 where the classifier is masked too, and ``nodes`` without self edges.
    """
    needed = _most_self_weights(inputs, widths, nodes) if nodes else 1
    kept = {s: kept_weights(inputs, widths, head, s) for s in SPARSITIES}
    chosen = next(([s] for s in SPARSITIES if kept[s] > needed), [0.0]) if values is None else values
    numbers = isinstance(chosen, list | tuple) and all(type(s) in (int, float) and 0 <= s < 1 for s in chosen)
    if not numbers or not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"sparsities must be different numbers from 0 up to below 1, found {shortened(values)}")
    found = tuple(kept_weights(inputs, widths, head, s) for s in chosen)
    for sparsity, number in zip(chosen, found, strict=True):
        if number < needed:
            dense = [f"the {head} weights of the dense classifier"] if head else []
            own = [f"{needed} weights of nodes that read themselves"] if nodes else []
            raise ValueError(
                f"sparsities must leave room for {' and '.join(dense + own) or 'a weight'}, found {sparsity}, "
                f"which leaves {head + number} of {masked_weights(inputs, widths) + head}: lower it"
                + (", or take more nodes" if nodes else "")
            )
    return tuple(map(float, chosen)), found


def _most_self_weights(inputs: int, widths: tuple[int, ...], nodes: int) -> int:
    """How many weights the edges of nodes to themselves have at most, whoever owns the inputs."""
    units = [np.bincount(slices(width, nodes)) for width in widths]
    later = sum(int((above * below).sum()) for below, above in pairwise(units))
    return int(units[0].max()) * inputs + later
