"""A finished run, whose winner is pruned."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_training


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two small networks on digits."""
    folder = tmp_path_factory.mktemp("searched") / "run"
    with pytest.MonkeyPatch.context() as patch:
        tiny_training.shorten(patch)
        tiny_training.search(folder, tiny_training.digits(), evaluations=2)
    return folder
