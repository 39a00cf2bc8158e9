"""The vocabularies: what is run, how often in a sample, and how often in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from freed_memory import broken, genotypes, images, others
from freed_memory.comparing import Case, Setting


@dataclass(frozen=True)
class Vocabulary:
    """Operations of one kind.

    Attributes
    ----------
    cases
        Draws so many of them.
    sample, all
        How many for each layout.
    channels_last_alone, float32_alone
        Whether they know no other layout, and no other type.
    """

    cases: Callable[[np.random.Generator, int, Setting], Iterator[Case]]
    sample: int
    all: int
    channels_last_alone: bool = False
    float32_alone: bool = False


VOCABULARIES: Mapping[str, Vocabulary] = {
    "convolutions": Vocabulary(images.convolutions, 60, 2_000),
    "poolings": Vocabulary(images.poolings, 8, 200),
    "merges": Vocabulary(images.merges, 8, 400),
    "heads": Vocabulary(images.heads, 6, 300),
    "probes": Vocabulary(images.probes, 4, 100),
    "batches": Vocabulary(images.batches, 6, 300),
    "recurrent": Vocabulary(others.recurrent, 12, 300, channels_last_alone=True),
    "perceptrons": Vocabulary(others.perceptrons, 12, 400, channels_last_alone=True),
    # weights are float32 whatever a network computes in
    "optimisers": Vocabulary(others.optimisers, 6, 200, float32_alone=True),
    "losses": Vocabulary(others.losses, 6, 300, channels_last_alone=True),
    **{
        f"{name} genotypes": Vocabulary(partial(genotypes.trainings, space_name=name), 6, 200, channels_last_alone=True)
        for name in genotypes.SPACES
    },
    "broken by hand": Vocabulary(broken.by_hand, 1, 1),
    "broken by torch": Vocabulary(broken.by_torch, 1, 1),
}
