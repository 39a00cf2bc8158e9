"""Progressive resizing: at which scale a step reads its images, and what that saves."""

from __future__ import annotations

import pytest
import torch

from nasgen.training.loop import scaled
from nasgen.training.recipe import Recipe

RECIPE = Recipe(epochs=4, batch=32, peak_lr=0.1, progressive=((0.25, 0.5), (0.75, 0.75)))


def test_the_scale_grows_in_steps_to_full_resolution() -> None:
    assert [RECIPE.scale(step, 8) for step in range(8)] == [0.5, 0.5, 0.75, 0.75, 0.75, 0.75, 1, 1]
    assert Recipe(epochs=1, batch=32, peak_lr=0.1).scale(0, 8) == 1


def test_the_cost_is_that_of_the_pixels_read() -> None:
    assert RECIPE.relative_cost() == pytest.approx(0.25 * 0.25 + 0.5 * 0.5625 + 0.25)
    assert RECIPE.relative_cost(0.25) == pytest.approx(0.25 * 0.25)
    assert RECIPE.relative_cost(0.5) == pytest.approx(0.25 * 0.25 + 0.25 * 0.5625)
    assert Recipe(epochs=1, batch=32, peak_lr=0.1).relative_cost(0.5) == 0.5


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.4, 0.75, 0.9, 1.0])
def test_the_steps_that_a_share_of_the_cost_pays_for(share: float) -> None:
    assert RECIPE.share_of_steps(RECIPE.relative_cost(share) / RECIPE.relative_cost()) == pytest.approx(share)
    assert Recipe(epochs=1, batch=32, peak_lr=0.1).share_of_steps(share) == pytest.approx(share)


def test_images_are_scaled_by_their_height_and_width_and_keep_their_channels_last() -> None:
    images = torch.arange(2 * 3 * 8 * 6, dtype=torch.float32).view(2, 3, 8, 6)
    images = images.contiguous(memory_format=torch.channels_last)
    smaller = scaled(images, 0.5)
    assert smaller.shape == (2, 3, 4, 3)
    assert smaller.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(smaller.mean(), images.mean())
    assert scaled(images, 1) is images
    assert scaled(images[:, :, :1, :1], 0.5).shape == (2, 3, 1, 1)
