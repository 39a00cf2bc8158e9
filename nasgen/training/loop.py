"""The training loop: one for every network, on CPU or CUDA, and exact on one CPU thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from nasgen.tasks.examples import Examples
from nasgen.training.numerics import layout_and_dtype
from nasgen.training.optimiser import Optimiser
from nasgen.training.recipe import Precision, Recipe
from nasgen.training.replicas import Replicas

CHECK_EVERY = 16
"""Steps between two looks at the loss: often enough to stop a lost training early, and free on a GPU."""

EXPLODED = 10.0
"""A loss of so many times the first one, or that of guessing if it is larger, does not come back."""

EVALUATION_BATCH = 500


class DivergedError(Exception):
    """The training loss became infinite, NaN, or far larger than at the start."""

    failure_kind = "diverged"


class Epoch(NamedTuple):
    """What one epoch came to: mean training loss, validation loss and validation accuracy (0..1)."""

    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training went: one :class:`Epoch` an epoch, optimiser steps taken, and wall time in seconds.

    Without validation examples the validation columns are NaN.
    """

    curve: tuple[Epoch, ...]
    steps: int
    seconds: float

    @property
    def fitness(self) -> float:
        """Validation accuracy after the last epoch.

        Not the best of all epochs: that would pick the luckiest of several draws, and the one-cycle schedule
        is made to end well.
        """
        return self.curve[-1].validation_accuracy


def scaled(inputs: torch.Tensor, scale: float) -> torch.Tensor:
    """Images of shape (n, C, H, W) at a scale of their height and width, which stay 1 at least."""
    if scale == 1:
        return inputs
    size = [max(1, round(scale * side)) for side in inputs.shape[2:]]
    smaller = nn.functional.interpolate(inputs, size, mode="bilinear", antialias=True)
    return smaller.contiguous(memory_format=torch.channels_last)


class Score(NamedTuple):
    """Mean cross-entropy and accuracy (0..1) over a set of examples."""

    loss: float
    accuracy: float


def initialise(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """The network that ``build`` makes under a seed; the global generators are left as they were."""
    with _seeded(seed, "cpu"):
        return build()


def train(
    network: nn.Module,
    examples: Examples,
    recipe: Recipe,
    *,
    seed: int,
    validation: Examples | None = None,
    glance: Examples | None = None,
    on_epoch: Callable[[int, Epoch], bool] | None = None,
    spent: Callable[[], float] | None = None,
    replicas: int = 1,
) -> Trained:
    """Train a network in place, where its examples lie, and leave it in evaluation mode.

    Parameters
    ----------
    network
        Maps images (n, C, H, W) or codes (n, steps) to logits (n, classes); moved to the device of the examples.
    examples
        To learn from, two at least.
    recipe
        How to train.
    seed
        Of shuffling, augmentation and whatever the network draws (dropout).
    validation
        Scored after the last epoch, and after the others too unless there is a ``glance``.
    glance
        A part of the validation examples, scored after every epoch but the last.
    on_epoch
        Told the number of the epoch from 0 and its figures; the training ends there if it returns True.
    spent
        Says which share of its time the training has used. The schedule follows it, and ends when it reaches 1, where
        the steps of the recipe take longer than that.
    replicas
        Threads that share every batch, on a CPU (:mod:`nasgen.training.replicas`). The numbers depend on it.

    Raises
    ------
    DivergedError
        As soon as the loss is not finite or has exploded.
    """
    started = time.perf_counter()
    dtype = _place(network, examples.device, recipe.precision)
    optimiser = Optimiser(network, recipe)
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)

    def backward(network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
        with _autocast(examples.device, dtype):
            logits = network(inputs)
        loss: torch.Tensor = loss_of(logits.float(), labels) * share
        loss.backward()  # type: ignore[no-untyped-call]  # torch's stubs leave it untyped
        return loss.detach()

    batches = recipe.batches(len(examples))
    steps = recipe.epochs * batches
    generator = torch.Generator().manual_seed(seed)
    watch = _Watch(n_classes=int(examples.labels.max()) + 1)
    curve: list[Epoch] = []
    step, at = 0, 0.0  # ``at`` is where the schedule stands: ahead of ``step`` where the time is short
    with _seeded(seed, examples.device), Replicas(network, replicas) as team:
        for number in range(recipe.epochs):
            team.train()
            for rows in examples.batches(generator, batches):
                by_time = 0.0 if spent is None else steps * recipe.share_of_steps(spent())
                at = by_time if by_time > step + 1 else float(step)
                if at >= steps:
                    break
                inputs = scaled(examples.draw(generator, recipe.augmentation, rows), recipe.scale(at, steps))
                loss = team.backward(backward, inputs, examples.labels[rows.to(examples.device)])
                nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
                optimiser.step(recipe.cycle(at, steps))
                watch.add(loss)
                step += 1
            team.average_statistics()
            last = at >= steps or number == recipe.epochs - 1
            seen = validation if last or glance is None else glance
            scored = Score(math.nan, math.nan) if seen is None else score(network, seen, recipe.precision)
            curve.append(Epoch(watch.end_epoch(), *scored))
            if (on_epoch is not None and on_epoch(number, curve[-1])) or last:
                break
    network.eval()
    return Trained(tuple(curve), step, time.perf_counter() - started)


def score(network: nn.Module, examples: Examples, precision: Precision = "auto") -> Score:
    """Score a network on examples as they are, at the precision of its recipe; it is left in evaluation mode."""
    # not in inference mode, whose tensors could not be trained any more
    dtype = _place(network, examples.device, precision)
    network.eval()
    loss = torch.zeros((), device=examples.device)
    right = torch.zeros((), dtype=torch.int64, device=examples.device)
    with torch.inference_mode(), _autocast(examples.device, dtype):
        for inputs, labels in examples.parts(EVALUATION_BATCH):
            logits = network(inputs).float()
            loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
            right += (logits.argmax(dim=1) == labels).sum()
    return Score(loss.item() / len(examples), right.item() / len(examples))


class _Watch:
    """The losses of an epoch, looked at often enough to see that a training is lost."""

    def __init__(self, n_classes: int) -> None:
        self._limit = EXPLODED * math.log(n_classes)
        self._steps = 0
        self._unseen: list[torch.Tensor] = []
        self._epoch: list[float] = []

    def add(self, loss: torch.Tensor) -> None:
        """Note the loss of a step."""
        self._unseen.append(loss)
        if self._steps == 0 or len(self._unseen) == CHECK_EVERY:
            self._look()

    def end_epoch(self) -> float:
        """The mean loss of the epoch, which ends here."""
        self._look()
        mean = math.fsum(self._epoch) / len(self._epoch) if self._epoch else math.nan
        self._epoch.clear()
        return mean

    def _look(self) -> None:
        losses = torch.stack(self._unseen).tolist() if self._unseen else []
        self._unseen.clear()
        self._epoch += losses
        for loss in losses:
            self._steps += 1
            if self._steps == 1:
                self._limit = max(self._limit, EXPLODED * loss)
            if not math.isfinite(loss) or loss > self._limit:
                raise DivergedError(f"the training loss is {loss:.4g} at step {self._steps}")


def _place(network: nn.Module, device: str, precision: Precision) -> torch.dtype | None:
    """Move a network to a device in the layout that suits it; returns the type of its autocast."""
    layout, dtype = layout_and_dtype(device)
    network.to(device=device, memory_format=layout)  # type: ignore[call-overload]  # unknown to torch's stubs
    return dtype if precision == "auto" else None


def _autocast(device: str, dtype: torch.dtype | None) -> torch.autocast:
    return torch.autocast(torch.device(device).type, dtype=dtype or torch.bfloat16, enabled=dtype is not None)


@contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """Torch's global generators under a seed within the block, and as they were after it."""
    on_cuda = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=on_cuda):
        torch.manual_seed(seed)
        yield
