"""The table of recurrent networks beside this file: random graphs, each trained with every kind of cell.

    SEARCH="nasgen search --space benchmarks/rnn_priors.py:AllSinks --task reber --profile paper --evaluations 240"
    $SEARCH --strategy benchmarks/rnn_priors.py:Priors --out runs/first
    nasgen metadataset runs/first --features graph23 --out benchmarks/rnn_priors.parquet
    $SEARCH --strategy benchmarks/rnn_priors.py:Again --out runs/again
    nasgen metadataset runs/first runs/again --features graph23 --out benchmarks/rnn_priors.parquet

Graphs are drawn as Stier, Darji, Granitzer 2021, sec. 4.3 draw them, Watts-Strogatz and Barabasi-Albert in turn, and
trained by their protocol (Darji 2021: Adam, 15 epochs, 25,000 strings of the Reber grammar), twice. The networks are
those of the paper's formula, which the authors' code departs from, and all have an embedding of 16. ``fitness`` is the
accuracy on validation strings after the last epoch; a network that diverged has none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasgen import HistoryStrategy, Proposal
from nasgen.evaluation import Evaluation
from nasgen.strategies.protocol import draw_fresh
from search_spaces.rnn import RnnGenotype, RnnSpace
from search_spaces.rnn.genotype import GATES
from search_spaces.rnn.priors import GENERATORS

#: Recurrent networks whose classifier reads every neuron that no other one reads, in whichever layer.
AllSinks = partial(RnnSpace, readout="sinks")

TABLE = Path(__file__).resolve().with_name("rnn_priors.parquet")


class Priors(HistoryStrategy[RnnGenotype]):
    """One random graph after another, with each of the four cells; ``operator`` is the generator."""

    def __init__(self, space: RnnSpace, asked: Callable[[str], bool]) -> None:
        super().__init__(space, asked)
        self._n = 0
        self._graph = ""

    def ask(self, rng: np.random.Generator) -> list[Proposal[RnnGenotype]]:
        """The next cell on the same graph, or the first on a new one."""
        cells, generators = list(GATES), list(GENERATORS)
        cell, generator = cells[self._n % len(cells)], generators[self._n // len(cells) % len(generators)]
        self._n += 1
        if cell != cells[0]:
            return [Proposal(replace(self.space.decode(self._graph), cell=cell), operator=generator)]
        assert isinstance(self.space, RnnSpace)  # the command above
        prior = RnnSpace(**{**self.space.options(), "cells": [cell], "generators": [generator]})
        proposal = draw_fresh(self.space, rng, self.asked, lambda: Proposal(prior.sample(rng), operator=generator))
        self._graph = self.space.encode(proposal.genotype)
        return [proposal]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is learned from the others."""

    def state(self) -> Any:
        """Where the walk through graphs and cells stands."""
        return {"n": self._n, "graph": self._graph}

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Go on with it."""
        super().restore(state, told)
        self._n, self._graph = state["n"], state["graph"]


class Again(HistoryStrategy[RnnGenotype]):
    """The networks of the table once more, with another seed."""

    def __init__(self, space: RnnSpace, asked: Callable[[str], bool]) -> None:
        super().__init__(space, asked)
        self._texts = list(dict.fromkeys(pd.read_parquet(TABLE, columns=["genotype"])["genotype"]))
        self._n = 0

    def ask(self, rng: np.random.Generator) -> list[Proposal[RnnGenotype]]:
        """The next one of the table."""
        text = self._texts[self._n % len(self._texts)]
        self._n += 1
        return [Proposal(self.space.decode(text), operator="again", repeat=1)]

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Nothing is learned from the others."""

    def state(self) -> Any:
        """How many have been asked for."""
        return self._n

    def restore(self, state: Any, told: Sequence[Evaluation]) -> None:
        """Go on with the next."""
        super().restore(state, told)
        self._n = state
