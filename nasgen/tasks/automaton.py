"""The Reber grammar and the automata of its false strings: each accepts texts, and draws them by random walks.

Stier, Darji, Granitzer 2021, "Experiments on Properties of Hidden Structures of Sparse Neural Networks", sec. 4.3;
Reber 1967, "Implicit learning of artificial grammars".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
"""One text a row, shape (n, longest): ASCII codes, and 0 after its end."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """A deterministic finite automaton with one start and one end.

    Attributes
    ----------
    moves
        Of each state: the state to which a letter leads. Letters that are not listed are refused. The end can be
        reached from every state.
    start, end
        A text is accepted if it leads from the start to the end. Nothing leads on from the end.
    """

    moves: tuple[Mapping[str, int], ...]
    start: int
    end: int

    def accepts(self, text: str) -> bool:
        """Whether a text leads from the start to the end."""
        state = self.start
        for letter in text:
            onward = self.moves[state].get(letter)
            if onward is None:
                return False
            state = onward
        return state == self.end

    def walk(self, rng: np.random.Generator) -> str:
        """The letters of one walk from the start to the end; every branch is a fair coin."""
        return self.walks(rng, 1).tobytes().decode("ascii")

    def walks(self, rng: np.random.Generator, n: int) -> Codes:
        """The letters of n independent walks, taken in step with each other; shape (n, longest)."""
        branches = np.array([len(moves) for moves in self.moves])
        letters = np.zeros((len(self.moves), branches.max()), dtype=np.uint8)
        heads = np.zeros(letters.shape, dtype=np.int64)
        for state, moves in enumerate(self.moves):
            letters[state, : len(moves)] = [ord(letter) for letter in moves]
            heads[state, : len(moves)] = list(moves.values())
        underway, states = np.arange(n), np.full(n, self.start)
        columns = []
        while len(underway):
            taken = rng.integers(branches[states])
            columns.append(np.zeros(n, dtype=np.uint8))
            columns[-1][underway] = letters[states, taken]
            states = heads[states, taken]
            onward = states != self.end
            underway, states = underway[onward], states[onward]
        return np.stack(columns, axis=1)


_BRANCHES = ((1, 2), (1, 3), (2, 2), (2, 4), (3, 3), (3, 5), (4, 3), (4, 6), (5, 4), (5, 6))
"""Moves (from state, to state) that are a choice of two; B leads from 0 to 1 and E from 6 to 7, the end."""


def _lettered(letters: str) -> Automaton:
    """The Reber grammar with other letters at its ten branches, in the order of ``_BRANCHES``."""
    moves: tuple[dict[str, int], ...] = tuple({} for _ in range(8))
    for (tail, head), letter in zip(((0, 1), *_BRANCHES, (6, 7)), f"B{letters.replace(' ', '')}E", strict=True):
        moves[tail][letter] = head
    return Automaton(tuple(map(MappingProxyType, moves)), start=0, end=7)


REBER = _lettered("TP SX TV XS PV")  # a pair of letters for each of the states 1 to 5

NEGATIVES: Mapping[str, Automaton] = MappingProxyType(
    {
        # the grammar's own letters, some at other branches
        "N1": _lettered("PT SX TV XS PV"),
        "N2": _lettered("TP SX TV PV XS"),
        "N3": _lettered("TP XS VT XS PV"),
        "N4": _lettered("TP TV SX XS PV"),
        # other letters
        "O1": _lettered("AC DF JI HG LK"),
        "O2": _lettered("MN OQ WV UR ZY"),
        "O3": _lettered("MN OQ CA UR FD"),
        "O4": _lettered("QO MN CA UR FD"),
    }
)
"""What the authors' false strings were drawn from; inferred from their files, and named here."""
