"""Wiring: where the weights of a recurrent network of random structure stand when all its layers run at once.

A layer at step t reads lower layers at step t and itself at step t - 1. Layer l at step t may therefore be computed
together with layer l + 1 at step t - 1, and so on: on the diagonal d = t + l, every layer has one step to do. An edge
that spans k layers then reads a state of k diagonals before, and a layer's own last state is one diagonal old. So a
sequence of T steps through L layers takes T + L - 1 matrix products, not T L.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from search_spaces.canonical import layering

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Wiring:
    """The neurons of a DAG by layer, and what each reads.

    Attributes
    ----------
    layer
        The layer of each neuron, ascending; shape (n,).
    starts
        The first neuron of every layer, and n at the end; layers + 1 numbers.
    forward
        Edges as pairs (reader, column), ordered as given; shape (m, 2).
    recurrent
        The same of every neuron and those of its own layer, itself included: they read each other's last states.
        Readers ascend, and so do sources for a reader; shape (sum of squared widths, 2).
    sources, delays
        What a column reads: a neuron, so many diagonals ago; shape (columns,).
    sinks
        The neurons without successors, ascending.
    """

    layer: Ints
    starts: tuple[int, ...]
    forward: Ints
    recurrent: Ints
    sources: Ints
    delays: Ints
    sinks: Ints

    @classmethod
    def of(cls, size: int, edges: Sequence[tuple[int, int]]) -> Wiring:
        """The wiring of ``size`` neurons joined by ``edges``.

        ValueError if they are not numbered by layer: those without predecessors first, and so on.
        """
        layer = np.array(layering(size, edges), dtype=np.int64)
        if (np.diff(layer) < 0).any():
            raise ValueError("neurons must be numbered by layer, found a higher layer before a lower one")
        widths = np.bincount(layer).tolist()
        starts = tuple(accumulate(widths, initial=0))
        columns = {(1, neuron): neuron for neuron in range(size)}  # every last state is read
        forward = [
            (head, columns.setdefault((int(layer[head] - layer[tail]), tail), len(columns))) for tail, head in edges
        ]
        own = [range(starts[number], starts[number + 1]) for number in layer]
        recurrent = [(reader, source) for reader in range(size) for source in own[reader]]
        read = np.array([*columns], dtype=np.int64)
        return cls(
            layer=layer,
            starts=starts,
            forward=np.array(forward, dtype=np.int64).reshape(-1, 2),
            recurrent=np.array(recurrent, dtype=np.int64),
            sources=read[:, 1],
            delays=read[:, 0],
            sinks=np.setdiff1d(np.arange(size), [tail for tail, _ in edges]),
        )

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.layer)

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.starts) - 1

    @property
    def first(self) -> int:
        """Neurons in the first layer, which reads the embedding."""
        return self.starts[1]

    @property
    def last(self) -> Ints:
        """The neurons of the last layer, ascending."""
        return np.arange(self.starts[-2], self.size)

    @property
    def widths(self) -> Ints:
        """How many neurons are in the layer of each neuron, shape (n,)."""
        return np.bincount(self.layer)[self.layer]

    @property
    def reach(self) -> int:
        """How many diagonals back the oldest state lies that is read."""
        return int(self.delays.max(initial=1))

    def rows_of_history(self) -> Ints:
        """Where columns stand in the last ``reach`` diagonals, one below the other, the oldest first."""
        return (self.reach - self.delays) * self.size + self.sources
