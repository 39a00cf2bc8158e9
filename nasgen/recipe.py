"""Recipe: how a network is trained, as a frozen value that is stored with the run."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, Field

from nasgen.augmentation import Augmentation

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]


class Recipe(BaseModel, frozen=True, extra="forbid"):
    """Nesterov SGD under a one-cycle schedule, with smoothed labels and clipped gradients.

    ``recipe.model_dump_json()`` and ``Recipe.model_validate_json(text)`` are its way to disk and back.

    Attributes
    ----------
    epochs
        Passes over the training rows.
    batch
        Rows a step: an epoch is cut into ``rows // batch`` nearly equal batches, none smaller than this.
    peak_lr
        Learning rate at the top of the cycle.
    warmup
        Share of the steps on which the rate climbs to its peak; it falls to zero over the rest. Both are
        straight lines (Smith and Topin 2019, "Super-convergence", sec. 3).
    momentum
        Of Nesterov's method.
    weight_decay
        Times the weights; biases and batch norms are spared.
    label_smoothing
        Share of the target spread over all classes.
    clip
        Largest norm of the gradient of all weights together.
    augmentation
        ``none``, ``shift`` or ``flip+shift``.
    """

    epochs: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=2)]
    peak_lr: Positive
    warmup: Share = 0.25
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 5e-4
    label_smoothing: Share = 0.1
    clip: Positive = 2.0
    augmentation: Augmentation = "none"

    @classmethod
    def for_rows(cls, rows: int, epochs: int, augmentation: Augmentation = "none") -> Recipe:
        """The default recipe for a number of training rows.

        Batches grow with the data, from 32 below 12,000 rows to 512 (an epoch then has steps enough to learn
        something), and the learning rate with the square root of the batch.
        """
        batch = min(512, max(32, 2 ** round(math.log2(max(rows, 1) / 256))))
        return cls(epochs=epochs, batch=batch, peak_lr=0.25 * math.sqrt(batch / 32), augmentation=augmentation)

    def learning_rate(self, step: int, steps: int) -> float:
        """The rate of a step, ``step`` counting from 0 to ``steps - 1``."""
        peak = self.warmup * steps
        rising = (step + 1) / (peak + 1)
        falling = (steps - step) / (steps - peak)
        return self.peak_lr * min(1.0, rising, falling)
