"""What every test shares: where real data lies, and how slow tests are asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE_THE_PROJECT = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets and tables that NASGEN_DATA names."""
    folder = Path(os.environ.get("NASGEN_DATA", BESIDE_THE_PROJECT))
    if not folder.is_dir():
        pytest.skip("no data: set NASGEN_DATA to the folder that holds mnist.npz and nb201.csv.gz")
    return folder
