"""The bare DAG of a random genotype: a spine, and branches that leave and rejoin it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from search_spaces.choosing import pick

SECOND_BRANCH = 0.2  # odds that a merge asks for a third input


@dataclass
class Skeleton:
    """Vertices without labels; vertex 0 is the input, and ``layers`` holds longest-path layers."""

    layers: list[int] = field(default_factory=lambda: [0])
    inputs: list[list[int]] = field(default_factory=lambda: [[]])

    def grow(self, tail: int, length: int) -> list[int]:
        """Append a chain behind a vertex."""
        chain = []
        for _ in range(length):
            self.inputs.append([tail])
            self.layers.append(self.layers[tail] + 1)
            tail = len(self.layers) - 1
            chain.append(tail)
        return chain


def draw_skeleton(rng: np.random.Generator, depth: int, max_operations: int) -> Skeleton:
    """A spine of ``depth`` vertices, and branches that end in vertices of the spine or of one another."""
    skeleton = Skeleton()
    merge_share = 0.6 * rng.random()  # by genotype: from bare chains to dense meshes
    room = int(rng.random() * (1 + min(depth, max_operations - depth)))
    merges = [v for v in skeleton.grow(0, depth) if skeleton.layers[v] > 1 and rng.random() < merge_share]
    for merge in merges:  # the list grows while it is walked
        for _ in range(1 + (rng.random() < SECOND_BRANCH)):
            source = _draw_source(rng, skeleton, merge)
            if source is None:
                continue
            longest = min(room, skeleton.layers[merge] - skeleton.layers[source] - 1)
            length = int(rng.random() ** 2 * (longest + 1))
            if source in skeleton.inputs[merge]:
                if not longest:
                    continue
                length = max(length, 1)
            branch = skeleton.grow(source, length)
            room -= length
            skeleton.inputs[merge].append(branch[-1] if branch else source)
            merges += [v for v in branch if skeleton.layers[v] > 1 and rng.random() < merge_share / 2]
    return skeleton


def _draw_source(rng: np.random.Generator, skeleton: Skeleton, merge: int) -> int | None:
    """A vertex from which a branch may reach the merge: near for half of the draws, anywhere for the others."""
    layer, inputs = skeleton.layers[merge], skeleton.inputs[merge]
    lowest = layer - 3 if rng.random() < 0.5 else 0
    candidates = [v for v, at in enumerate(skeleton.layers) if lowest <= at < layer - (v in inputs)]
    return pick(rng, candidates) if candidates else None
