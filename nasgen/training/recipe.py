"""Recipe: how a network is trained, as a frozen value that is stored with the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from nasgen.tasks.augmentation import Augmentation

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Progressive = tuple[tuple[Share, Positive], ...]
Precision = Literal["auto", "float32"]

SEQUENCE_BATCH = 128
SEQUENCE_LR = 6e-3
"""Peak learning rate of Adam on sequences in batches of ``SEQUENCE_BATCH``, under a one-cycle schedule.

With gradients cut at 1. Of 3e-3, 6e-3 and 1e-2 with cuts at 1 and 5, five epochs of Reber strings on six random
graphs (one seed), this came to the highest mean validation accuracy with tanh, ReLU and LSTM. With GRU 1e-2 was better
by .004, but a network of ReLUs died at that rate.
"""

_ADAM: Mapping[str, Any] = {"optimiser": "adam", "weight_decay": 0.0, "label_smoothing": 0.0, "precision": "float32"}

PUBLISHED_EPOCHS = 15
"""Of Darji 2021."""

PUBLISHED_MASK_EPOCHS = 25
"""By which the dense network of BoGP comes to its published .970: there 50 full batches, from which it does not."""

FULL_BATCH_EPOCHS, FULL_BATCH_LR = 50, 1e-2

UNCUT = 1e9
"""A bound that no gradient reaches; JSON has no infinity."""

PERCEPTRON_BATCH, PERCEPTRON_LR = 128, 0.1
"""Peak learning rate of SGD on perceptrons without normalisation, in batches of that size."""


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """Nesterov SGD and Muon, or Adam, under a one-cycle schedule, with smoothed labels and clipped gradients.

    ``recipe.model_dump_json()`` and ``Recipe.model_validate_json(text)`` are its way to disk and back.

    Attributes
    ----------
    epochs
        Passes over the training rows.
    batch
        Rows a step: an epoch is cut into ``rows // batch`` nearly equal batches, none smaller than this.
    peak_lr
        Learning rate of SGD or Adam at the top of the cycle.
    optimiser
        ``sgd`` or ``adam`` (Kingma and Ba 2015).
    schedule
        ``one-cycle``, or ``constant``: the peak at every step.
    warmup
        Share of the steps on which the rate climbs to its peak; it falls to zero over the rest. Both are
        straight lines (Smith and Topin 2019, "Super-convergence", sec. 3).
    momentum
        Of SGD, with Nesterov's method.
    muon_lr
        Of the norm of a convolution, the share by which Muon moves it at the top of the cycle
        (:class:`nasgen.training.optimiser.Muon`); with 0 convolutions are left to the optimiser too.
    muon_momentum
        Of Muon, with Nesterov's method.
    weight_decay
        Times the weights that are left to the optimiser; biases and batch norms are spared. Under Adam it is kept
        apart from the gradient (Loshchilov and Hutter 2019).
    label_smoothing
        Share of the target spread over all classes.
    clip
        Largest norm of the gradient of all weights together.
    augmentation
        ``none``, ``shift`` or ``flip+shift``.
    progressive
        Pairs (until, scale), ascending: up to that share of the steps images are read at that scale of their height
        and width, and in full after the last (Touvron, Vedaldi, Douze, Jegou 2019 and Tan, Le 2021, sec. 4, train on
        smaller images first). A step costs about ``scale ** 2`` of a full one.
    precision
        ``auto``: bfloat16 where the device has it (:func:`nasgen.training.numerics.layout_and_dtype`); or ``float32``.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=2)]
    peak_lr: Positive
    optimiser: Literal["sgd", "adam"] = "sgd"
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    warmup: Share = 0.25
    momentum: Share = 0.9
    muon_lr: Share = 0.0
    muon_momentum: Share = 0.6
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    label_smoothing: Share = 0.1
    clip: Positive = 2.0
    augmentation: Augmentation = "none"
    progressive: Progressive = ()
    precision: Precision = "auto"

    @classmethod
    def for_rows(cls, rows: int, epochs: int, augmentation: Augmentation = "none") -> Recipe:
        """The default recipe for a number of training rows.

        Batches grow with the data, from 32 below 12,000 rows to 512 (an epoch then has steps enough to learn
        something), and the learning rate with the square root of the batch.
        """
        batch = min(512, max(32, 2 ** round(math.log2(max(rows, 1) / 256))))
        return cls(epochs=epochs, batch=batch, peak_lr=0.25 * math.sqrt(batch / 32), augmentation=augmentation)

    @classmethod
    def for_sequences(cls, rows: int, epochs: int) -> Recipe:
        """The default recipe for a number of training sequences.

        Batches grow with the data, from 32 to 512 and 128 at about 16,000 rows, and the learning rate with the square
        root of the batch. Sums over many steps are kept in float32.
        """
        batch = min(512, max(32, 2 ** round(math.log2(max(rows, 1) / SEQUENCE_BATCH))))
        peak_lr = SEQUENCE_LR * math.sqrt(batch / SEQUENCE_BATCH)
        return cls(epochs=epochs, batch=batch, peak_lr=peak_lr, clip=1.0, **_ADAM)

    @classmethod
    def published_for_sequences(cls, epochs: int) -> Recipe:
        """The protocol of Darji 2021: Adam at a constant 1e-3, batches of 128, gradients cut at 5; there 15 epochs."""
        return cls(epochs=epochs, batch=128, peak_lr=1e-3, schedule="constant", clip=5.0, **_ADAM)

    @classmethod
    def for_perceptrons(cls, rows: int, epochs: int) -> Recipe:
        """The default recipe for perceptrons without normalisation and so many training rows.

        Batches grow with the data, from 32 to 128, and the learning rate with the square root of the batch.
        """
        batch = min(PERCEPTRON_BATCH, max(32, 2 ** round(math.log2(max(rows, 1) / 256))))
        peak_lr = PERCEPTRON_LR * math.sqrt(batch / PERCEPTRON_BATCH)
        return cls(epochs=epochs, batch=batch, peak_lr=peak_lr, label_smoothing=0.05, precision="float32")

    @classmethod
    def published_for_masks(cls, epochs: int) -> Recipe:
        """The protocol of "Bayes Optimal Neural Network Pruning using Relational Graph Properties", as far as it works.

        Adam at a constant 3e-4 (the paper's 3 * 10^4 is a slip), nothing smoothed or cut, batches of 1,024.
        """
        return cls(epochs=epochs, batch=1024, peak_lr=3e-4, schedule="constant", clip=UNCUT, **_ADAM)

    @classmethod
    def full_batch_for_masks(cls, rows: int) -> Recipe:
        """The same to the letter, "the whole dataset together": 50 steps, each on all of so many training rows.

        At 1e-2, for 3e-4 learns little in so few steps.
        """
        recipe = cls.published_for_masks(FULL_BATCH_EPOCHS)
        return recipe.model_copy(update={"batch": rows, "peak_lr": FULL_BATCH_LR})

    def batches(self, rows: int) -> int:
        """Steps of an epoch of so many rows."""
        return max(1, rows // self.batch)

    def scale(self, step: float, steps: int) -> float:
        """The scale at which a step reads its images."""
        return next((scale for until, scale in self.progressive if step < until * steps), 1.0)

    def share_of_steps(self, share_of_cost: float) -> float:
        """The share of the steps that a share of the whole training's cost pays for: ``relative_cost`` backwards."""
        left, done = share_of_cost * self.relative_cost(), 0.0
        for until, scale in (*self.progressive, (1.0, 1.0)):
            cost = (until - done) * scale**2
            if left < cost:
                return done + left / scale**2
            left, done = left - cost, until
        return 1.0

    def relative_cost(self, until: float = 1.0) -> float:
        """What the training costs up to a share of its steps, as a share of one at full resolution throughout."""
        ends = [min(until, end) for end, _ in self.progressive] + [until]
        scales = [*(scale for _, scale in self.progressive), 1.0]
        return math.fsum((b - a) * scale**2 for a, b, scale in zip([0.0, *ends], ends, scales, strict=False))

    def cycle(self, step: float, steps: int) -> float:
        """The share of its peak that a learning rate has at a step, 0 to ``steps - 1``; it may lie between two."""
        if self.schedule == "constant":
            return 1.0
        peak = self.warmup * steps
        rising = (step + 1) / (peak + 1)
        falling = (steps - step) / (steps - peak)
        return min(1.0, rising, falling)
