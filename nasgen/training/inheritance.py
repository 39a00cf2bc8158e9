"""Inherited weights: where trained weights are kept, and which of them a new candidate starts from.

Weights are files named by the SHA-256 of their contents, written before the outcome that names them leaves the
worker. Whose weights may be inherited depends on the visible results alone, so that a request repeats exactly.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nasgen.errors import InputError
from nasgen.evaluation import Evaluation, Request

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 32
"""Visible rows, the best, whose weights are kept."""


class MissingWeightsError(Exception):
    """Weights that a request names are not there, or are not what their name says."""

    failure_kind = "weights-missing"


class WeightStore:
    """A folder of weights, each with the genotype it belongs to."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, digest: str) -> Path:
        """The file of a digest."""
        return self.folder / f"{digest}.safetensors"

    def save(self, genotype: str, state: Mapping[str, Tensor]) -> str:
        """Keep a network's state durably; returns the digest that names it."""
        from safetensors.torch import save

        content = save({name: tensor.cpu().contiguous() for name, tensor in state.items()}, {"genotype": genotype})
        digest = hashlib.sha256(content).hexdigest()
        self.keep(digest, content)
        return digest

    def keep(self, digest: str, content: bytes) -> None:
        """Keep the bytes of a file of weights durably, under the digest that names them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        scratch = self.folder / f".{digest}.{os.getpid()}"
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path(digest))
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # or the name might not outlast a loss of power
        finally:
            os.close(folder)

    def load(self, digest: str) -> tuple[str, dict[str, Tensor]]:
        """The genotype and the state kept under a digest.

        Raises
        ------
        MissingWeightsError
            If there is no such file, or its contents are others.
        """
        import json

        from safetensors.torch import load

        try:
            content = self.path(digest).read_bytes()
        except OSError as error:
            raise MissingWeightsError(f"weights {digest[:12]} are not there any more") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise MissingWeightsError(f"weights {digest[:12]} are damaged")
        length = int.from_bytes(content[:8], "little")
        genotype: str = json.loads(content[8 : 8 + length])["__metadata__"]["genotype"]
        return genotype, load(content)

    def discard(self, digest: str) -> None:
        """Remove the file of a digest, if it is there."""
        self.path(digest).unlink(missing_ok=True)


class Inheritance:
    """Which weights a request starts from, and which are still needed.

    Parameters
    ----------
    store
        Where workers keep weights.
    fidelities
        Names, from the lowest to the highest: weights of a higher one come first.
    """

    def __init__(self, store: WeightStore, fidelities: Sequence[str]) -> None:
        self._store = store
        self._levels = {name: level for level, name in enumerate(fidelities)}
        self._kept: dict[str, tuple[tuple[float, ...], str]] = {}  # by key: rank and digest
        self._pinned: dict[int, str] = {}  # by the number of a request in flight
        self._unneeded: set[str] = set()

    def tell(self, evaluations: Sequence[Evaluation]) -> None:
        """Take the weights of visible rows, and let go those of all but the best."""
        for row in evaluations:
            if not row.outcome.weights or row.fitness is None:
                continue
            rank = (float(self._levels[row.request.fidelity]), row.fitness, float(-row.number))
            known = self._kept.get(row.key)
            if known is None or rank > known[0]:
                self._kept[row.key] = (rank, row.outcome.weights)
                if known is not None:
                    self._unneeded.add(known[1])
            else:
                self._unneeded.add(row.outcome.weights)
        for key in sorted(self._kept, key=lambda key: self._kept[key][0], reverse=True)[KEPT:]:
            self._unneeded.add(self._kept.pop(key)[1])

    def of(self, parents: Sequence[str]) -> str:
        """The digest of the weights of the first parent that has some; empty where none has."""
        return next((self._kept[key][1] for key in parents if key in self._kept), "")

    def pin(self, request: Request) -> None:
        """Keep what a request in flight starts from.

        Raises
        ------
        InputError
            If it is gone: the request could not be repeated.
        """
        if not request.inherits:
            return
        if not self._store.path(request.inherits).is_file():
            raise InputError(
                f"evaluation {request.number} starts from weights {request.inherits[:12]}, which are missing from "
                f"{self._store.folder}: put them back, or search anew"
            )
        self._pinned[request.number] = request.inherits

    def release(self, number: int) -> None:
        """Let go what a request started from, and remove what nobody needs."""
        self._pinned.pop(number, None)
        needed = {digest for _, digest in self._kept.values()} | set(self._pinned.values())
        for digest in self._unneeded - needed:
            self._store.discard(digest)
        self._unneeded &= needed
