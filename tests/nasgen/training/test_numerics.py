from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from nasgen.training import numerics


def test_environment_is_json_and_imports_nothing_heavy() -> None:
    code = (
        "import json, sys; from nasgen.training.numerics import environment; values = environment(trains=False);"
        "print(json.dumps([values, [m for m in ('torch', 'xgboost', 'sklearn', 'deap') if m in sys.modules]]))"
    )
    values, heavy = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    assert heavy == []
    assert {"python", "nasgen", "torch", "numpy", "xgboost", "scikit-learn", "deap", "cpu"} <= set(values)


def test_the_environment_of_trainings_names_the_device() -> None:
    assert numerics.environment(trains=True)["device"] == numerics.environment(trains=True)["device"] != ""
    assert "device" not in numerics.environment(trains=False)


@pytest.mark.parametrize(
    ("device", "features", "dtype"),
    [
        ("cpu", ("avx2", "fma"), None),
        ("cpu", ("avx2", "avx512f", "avx512_bf16"), torch.bfloat16),
        ("cpu", ("amx_bf16",), torch.bfloat16),
        ("cuda:0", (), torch.bfloat16),
    ],
)
def test_bfloat16_only_where_it_is_native(
    monkeypatch: pytest.MonkeyPatch, device: str, features: tuple[str, ...], dtype: torch.dtype | None
) -> None:
    monkeypatch.setattr(numerics, "cpu_features", lambda: features)
    assert numerics.layout_and_dtype(device) == (torch.channels_last, dtype)


@pytest.mark.parametrize(("free", "cores", "trainings"), [(140, 16, 16), (24, 16, 6), (2, 16, 1), (140, 2, 2)])
def test_a_gpu_has_as_many_trainings_at_once_as_its_memory_and_the_cores_allow(
    monkeypatch: pytest.MonkeyPatch, free: int, cores: int, trainings: int
) -> None:
    monkeypatch.setattr(numerics, "cores", lambda: cores)
    assert numerics.most_trainings_at_once() == cores
    monkeypatch.setattr(numerics, "default_device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free * 2**30, 200 * 2**30))
    assert numerics.most_trainings_at_once() == trainings


def test_prepare_sets_threads_and_flushes_denormals() -> None:
    code = (
        "import torch; from nasgen.training.numerics import prepare; prepare(1);"
        "print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),"
        "(torch.tensor([1e-30]) * 1e-10).item())"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert output.split() == ["1", "True", "0.0"]
