from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_sequences import marked

from nasgen.errors import InputError
from nasgen.planning.probe import choose_augmentation, probe_losses, strongest_harmless
from nasgen.tasks import Normalisation, get_task
from nasgen.tasks.augmentation import AUGMENTATIONS, Augmentation, largest_shift, positions
from nasgen.tasks.images import Images

HEIGHT, WIDTH = 7, 9


def drawn(augmentation: Augmentation, count: int = 200, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """The raw image with a number at each pixel, and its augmented copies; one channel."""
    image = torch.arange(HEIGHT * WIDTH, dtype=torch.float32).view(1, 1, HEIGHT, WIDTH)
    plain = Normalisation((0.0,), (1.0,))
    images = Images.of(image.numpy(), torch.zeros(1, dtype=torch.int64).numpy(), plain)
    generator = torch.Generator().manual_seed(seed)
    return image[0, 0], images.draw(generator, augmentation, torch.zeros(count, dtype=torch.int64))[:, 0]


def reflected(image: torch.Tensor, down: int, right: int, flip: bool) -> torch.Tensor:
    """The slow way: pad by reflection, cut out, mirror."""
    padded = torch.nn.functional.pad(image[None], (1, 1, 1, 1), mode="reflect")[0]
    cut = padded[1 + down : 1 + down + HEIGHT, 1 + right : 1 + right + WIDTH]
    return cut.flip(1) if flip else cut


@pytest.mark.parametrize(("augmentation", "expected"), [("none", 1), ("shift", 9), ("flip+shift", 18)])
def test_images_are_exactly_the_shifted_and_mirrored_ones(augmentation: Augmentation, expected: int) -> None:
    image, copies = drawn(augmentation)
    shifts = (-1, 0, 1) if augmentation != "none" else (0,)
    flips = (False, True) if augmentation == "flip+shift" else (False,)
    possible = {
        tuple(reflected(image, down, right, flip).flatten().tolist())
        for down in shifts
        for right in shifts
        for flip in flips
    }
    assert {tuple(copy.flatten().tolist()) for copy in copies} == possible
    assert len(possible) == expected


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_batches_have_the_normalised_values_and_channels_last(augmentation: Augmentation) -> None:
    task = get_task("digits")
    images = Images.of(task.x_train, task.y_train, task.normalisation)
    rows = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    batch = images.draw(torch.Generator().manual_seed(0), augmentation, rows)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert batch.dtype == torch.float32
    assert batch.shape == (len(images), 1, 8, 8)
    if augmentation == "none":
        assert batch.mean().item() == pytest.approx(0, abs=1e-5)
        assert batch.std().item() == pytest.approx(1, abs=1e-4)
        assert torch.equal(batch, images.take(slice(None))[rows])


def test_positions_repeat_under_their_seed() -> None:
    first, again, other = (
        torch.cat(positions(torch.Generator().manual_seed(seed), "flip+shift", 50, 8, 8)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_shifts_grow_with_the_image() -> None:
    assert [largest_shift(side) for side in (4, 8, 16, 28, 32, 64)] == [1, 1, 1, 2, 2, 4]


def test_what_is_asked_for_goes_before_the_tasks_own() -> None:
    task = get_task("digits")
    assert choose_augmentation(task, "auto", 0) == "none"
    assert choose_augmentation(task, "shift", 0) == "shift"


def test_sequences_are_never_augmented() -> None:
    task = get_task(marked())
    assert choose_augmentation(task, "auto", 0) == choose_augmentation(task, "none", 0) == "none"
    with pytest.raises(InputError, match="--augment shift is for images, and the task arrays is of sequences"):
        choose_augmentation(task, "shift", 0)


@pytest.mark.parametrize(
    ("losses", "choice"),
    [
        ([0.209, 0.200, 0.319], "shift"),  # written digits
        ([1.319, 1.334, 1.386], "flip+shift"),  # photographs
        ([0.1, 0.2, 0.3], "none"),
        ([float("inf"), 1.0, float("inf")], "shift"),  # what diverges is no choice
    ],
)
def test_the_strongest_augmentation_without_clear_harm_is_chosen(losses: list[float], choice: str) -> None:
    assert strongest_harmless(losses) == choice


def test_the_probe_repeats_under_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasgen.planning.probe.PROBE_ROWS", 200)
    monkeypatch.setattr("nasgen.planning.probe.PROBE_EPOCHS", 2)
    task = get_task("digits")
    assert probe_losses(task, 0, threads=1) == probe_losses(task, 0, threads=1)


@pytest.mark.slow
@pytest.mark.data
def test_the_probe_shifts_written_digits_and_mirrors_none(data_folder: Path) -> None:
    assert choose_augmentation(get_task(data_folder / "mnist.npz"), "auto", 0) == "shift"
