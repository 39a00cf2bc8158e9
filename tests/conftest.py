"""What every test shares: where real data lies, and how slow tests are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
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


@pytest.fixture(scope="session")
def cifar10(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CIFAR-10 as keras writes it: cifar10.npz, or what unpack_cifar10.py of the data folder makes."""
    stored, unpack = data_folder / "cifar10.npz", data_folder / "unpack_cifar10.py"
    if stored.is_file():
        return stored
    if not unpack.is_file():
        pytest.skip("no CIFAR-10: the folder that NASGEN_DATA names has no cifar10.npz")
    made = tmp_path_factory.mktemp("cifar10") / "cifar10.npz"
    subprocess.run([sys.executable, str(unpack), str(made)], check=True, stdout=subprocess.DEVNULL)
    return made
