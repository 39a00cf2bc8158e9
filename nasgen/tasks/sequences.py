"""Sequences: a part of a task as tensors in memory, from which batches of like length are gathered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch

from nasgen.tasks.augmentation import Augmentation
from nasgen.tasks.task import Codes, Integers, Pixels


@dataclass(frozen=True, eq=False)
class Sequences:
    """Labelled sequences in memory.

    What a network reads are int64 codes of shape (rows, steps), 0 after the end of each sequence; the steps are those
    of the longest of these rows.

    Attributes
    ----------
    codes
        Shape (n, steps), uint8 or int32, 0 after the end.
    labels
        Shape (n,), int64.
    lengths
        Steps of each, shape (n,), int64; on the CPU, wherever the others lie.
    """

    codes: torch.Tensor
    labels: torch.Tensor
    lengths: torch.Tensor

    @classmethod
    def of(cls, codes: Codes | Pixels, labels: Integers, device: str = "cpu") -> Self:
        """Sequences of shape (n, steps) with their labels, copied to a device."""
        return cls(
            torch.tensor(codes, device=device),
            torch.tensor(labels, device=device),
            torch.tensor((codes != 0).sum(axis=1)),
        )

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self.labels)

    @property
    def device(self) -> str:
        """Where the sequences lie."""
        return str(self.labels.device)

    def first(self, rows: int) -> Self:
        """The first rows as sequences of their own; no copy."""
        return replace(self, codes=self.codes[:rows], labels=self.labels[:rows], lengths=self.lengths[:rows])

    def batches(self, generator: torch.Generator, count: int) -> Sequence[torch.Tensor]:
        """Batches of sequences of like length, in disorder: little of what a network reads is then padding.

        All rows are shuffled, sorted by length, cut, and the batches shuffled: which of equal length come together
        is left to chance.
        """
        shuffled = torch.randperm(len(self), generator=generator)
        by_length = shuffled[self.lengths[shuffled].argsort(stable=True)].tensor_split(count)
        return [by_length[place] for place in torch.randperm(count, generator=generator).tolist()]

    def draw(self, generator: torch.Generator, augmentation: Augmentation, rows: torch.Tensor) -> torch.Tensor:
        """The codes of the given rows, shape (rows, steps); ValueError if they are to be augmented."""
        if augmentation != "none":
            raise ValueError(f"sequences have no augmentation, found {augmentation!r}")
        return self._gathered(rows)

    def take(self, rows: slice) -> torch.Tensor:
        """The codes of a range of rows, in their order; shape (rows, steps)."""
        return self.codes[rows, : int(self.lengths[rows].max())].long()

    def parts(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Codes and labels of up to ``size`` rows at a time, from the shortest to the longest."""
        for rows in torch.split(self.lengths.argsort(stable=True), size):
            yield self._gathered(rows), self.labels.index_select(0, rows.to(self.device))

    def _gathered(self, rows: torch.Tensor) -> torch.Tensor:
        steps = int(self.lengths[rows].max())
        return self.codes.index_select(0, rows.to(self.device))[:, :steps].long()
