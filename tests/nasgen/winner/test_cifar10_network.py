"""The network that a search found on CIFAR-10: its weights, its code, its genotype and its log belong together."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nasgen.tasks import get_task
from search_spaces import get_space

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "cifar10"
IMAGE_OR_FIVE = 6e-4
"""Other processors add up in another order, and turn an image or five of the 10,000."""


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """What a reader of the folder gets, with torch alone."""
    spec = importlib.util.spec_from_file_location("cifar10_network", FOLDER / "best" / "network.py")
    assert spec is not None and spec.loader is not None  # noqa: PT018  # one question to mypy
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: torch.nn.Module = module.Network()
    return made


def logged_accuracy() -> float:
    """Of the final training, as the search wrote it down."""
    log = (FOLDER / "log.txt").read_text()
    found = re.findall(r"final training of evaluation \d+ ended: .* test (\d\.\d{4})$", log, re.MULTILINE)
    return float(found[-1])


@pytest.mark.data
def test_all_test_images_are_classified_as_the_search_logged(network: torch.nn.Module, cifar10: Path) -> None:
    task = get_task(cifar10)
    images, labels = torch.tensor(task.x_test), torch.tensor(task.y_test)
    assert len(images) == 10_000
    with torch.inference_mode():
        right = sum(
            int((network(part).argmax(dim=1) == of).sum())
            for part, of in zip(images.split(500), labels.split(500), strict=True)
        )
    assert right / len(images) == pytest.approx(logged_accuracy(), abs=IMAGE_OR_FIVE)
    assert logged_accuracy() >= 0.9


def test_the_page_tells_what_was_logged() -> None:
    assert f"{logged_accuracy():.4f}" in (FOLDER / "README.md").read_text()


def test_the_code_is_that_of_the_genotype(network: torch.nn.Module) -> None:
    settings = json.loads((FOLDER / "run.json").read_text())["settings"]
    space = get_space(settings["space"], **settings["space_options"])
    built = space.build(space.decode((FOLDER / "best" / "genotype.json").read_text().strip()), (3, 32, 32), 10)
    built.load_state_dict(load_file(FOLDER / "best" / "weights.safetensors"))
    pixels = torch.tensor(np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32)), dtype=torch.float32)
    with torch.inference_mode():
        logits = built.eval()((pixels - network.mean_) / network.std_)
        torch.testing.assert_close(network(pixels), logits)
