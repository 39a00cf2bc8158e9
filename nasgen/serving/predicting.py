"""Predictor: from the texts of some genotypes to answers, in the one thread that computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nasgen.errors import one_line
from nasgen.results.querying import Source, answers_of, graph_or_reason
from search_spaces import LabelledGraph

Answer = dict[str, Any]

MOST_CHARACTERS = 400_000
"""Of one genotype. It is read in one go, a tenth of a second for so many; the longest that the CNN space takes, 256
vertices with every edge there can be, has 296,000, and usual ones have 500."""


class Asked(NamedTuple):
    """A genotype to predict, and whether to explain the prediction."""

    text: str
    explain: bool = False


class Predictor:
    """Answers many genotypes at once, in order; one that is malformed has its reason in place of a fitness.

    Parameters
    ----------
    source
        What is served.
    say
        Told of what only a defect in a space of one's own can bring about.
    """

    def __init__(self, source: Source, say: Callable[[str], None]) -> None:
        self._source = source
        self._say = say

    def __call__(self, asked: Sequence[Asked]) -> list[Answer]:
        """One answer a genotype, as ``nasgen predict --json`` prints them."""
        graphs = [self._graph(one.text) for one in asked]
        texts, explain = [one.text for one in asked], [one.explain for one in asked]
        return answers_of(self._source.surrogate, texts, graphs, explain)

    def _graph(self, text: str) -> LabelledGraph | str:
        if len(text) > MOST_CHARACTERS:
            return f"a genotype must have at most {MOST_CHARACTERS:,} characters here, found {len(text):,}"
        try:
            return graph_or_reason(self._source.graph_of, text)
        except Exception as error:  # a space of one's own; others' genotypes are still answered
            self._say(f"nasgen: the search space failed on a genotype: {type(error).__name__}: {one_line(error)}")
            return f"the search space failed on it with {type(error).__name__}"
