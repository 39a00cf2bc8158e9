"""Sequences that a network of one embedding tells apart, and a search space of such networks for a FILE.py."""

from __future__ import annotations

import numpy as np
from tiny_training import Arrays

STEPS = 12


def marked(rows: int = 400, test: int = 150, seed: int = 0) -> Arrays:
    """Sequences of 3 to 12 codes from 1 to 8, an equal number of which holds a 9; that is their label."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, STEPS + 1, rows + test)
    lengths[0] = STEPS
    codes = rng.integers(1, 9, (rows + test, STEPS)) * (np.arange(STEPS) < lengths[:, None])
    labels = np.arange(rows + test) % 2
    places = rng.integers(0, lengths)
    codes[labels == 1, places[labels == 1]] = 9
    return codes[:rows], labels[:rows], codes[rows:], labels[rows:]


SPACE = '''
"""Bags of embeddings: a genotype is their width."""
import json
from dataclasses import dataclass

import torch
from torch import nn

from search_spaces import LabelledGraph
from search_spaces.space import Offspring

SOURCE = """
import torch
from torch import nn


class Bag(nn.Module):
    def __init__(self, width=WIDTH, vocabulary=VOCABULARY, classes=CLASSES):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width, padding_idx=0)
        self.out = nn.Linear(width, classes)
        nn.init.normal_(self.embedding.weight, std=0.01)

    def forward(self, codes):
        ended = (codes == 0).unsqueeze(-1)
        return self.out(self.embedding(codes).masked_fill(ended, -1e9).amax(dim=1))
"""


@dataclass(frozen=True)
class Width:
    width: int


class Bags:
    name = "bags"
    reads = "sequences"

    def __init__(self, input_shape, n_classes, vocabulary):
        (self.steps,) = input_shape
        self.n_classes, self.vocabulary = n_classes, vocabulary

    def sample(self, rng):
        return Width(int(rng.integers(4, 33)))

    def mutate(self, rng, genotype):
        return Offspring((self.sample(rng),), "mutate")

    def crossover(self, rng, first, second):
        return Offspring((first, second), "crossover", "there is nothing to exchange")

    def validate(self, genotype):
        return []

    def encode(self, genotype):
        return json.dumps({"space": "bags", "width": genotype.width})

    def decode(self, text):
        return Width(json.loads(text)["width"])

    def key(self, genotype):
        return f"width-{genotype.width}"

    def to_graph(self, genotype):
        parameters = self.vocabulary * genotype.width + (genotype.width + 1) * self.n_classes
        info = {"parameters": float(parameters), "macs": float(genotype.width * self.n_classes)}
        return LabelledGraph(("input", "bag", "output"), ((0, 1), (1, 2)), {"width": [0, genotype.width, 0]}, info=info)

    def source(self, genotype, input_shape, n_classes):
        text = SOURCE.replace("WIDTH", str(genotype.width)).replace("VOCABULARY", str(self.vocabulary))
        return text.replace("CLASSES", str(n_classes)), "Bag"

    def build(self, genotype, input_shape, n_classes):
        names = {}
        exec(self.source(genotype, input_shape, n_classes)[0], names)
        return names["Bag"]()


class Plain(Bags):
    """Knows its vocabulary itself."""

    def __init__(self, input_shape, n_classes):
        super().__init__(input_shape, n_classes, 10)


def made(input_shape, n_classes):
    """A space made by a function, which does not say what the networks read."""
    return Plain(input_shape, n_classes)


class Odd(Plain):
    reads = "sounds"
'''
