"""The numerical set-up that every evaluator starts from, wherever it runs.

Nothing here is chosen by timing: what a stopwatch decides would make two runs of one seed differ.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PACKAGES = ("nasgen", "torch", "numpy", "scipy", "xgboost", "scikit-learn", "deap")
"""Packages whose version may change a number."""

CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "asimd", "bf16", "sve")
"""Instruction sets by which torch and its kernels choose how to add up."""


def prepare(threads: int) -> None:
    """Set up torch in this process for trainings that repeat exactly.

    Parameters
    ----------
    threads
        Of torch's operators. Sums are cut up by the number of threads, so it is a setting of the run.
    """
    # read when CUDA first multiplies; without it matrix products there have no deterministic form
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    _keep_freed_memory()
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # dying activations would otherwise slow a training by an order
    torch.use_deterministic_algorithms(True, warn_only=True)
    # filling memory before its first use costs time; torch's stubs do not know the property
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of glibc's malloc.h


def _keep_freed_memory() -> None:
    """Let the C library keep what it frees, where it is glibc.

    It maps every large block anew otherwise, and the pages of each activation are zeroed again at every step: that
    took a third of the time of a training in batches of 512.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        library.mallopt(M_ARENA_MAX, 1)  # those of other threads give their memory back all the same


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_device() -> str:
    """Where networks are trained: on CUDA where there is a device."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def final_cores() -> int:
    """Cores that the final training shares out to replicas; on a GPU there is one network."""
    return cores() if default_device() == "cpu" else 1


GPU_MEMORY_OF_A_WORKER = 4 * 2**30
"""Bytes: a CUDA context, the data, and the activations of a batch."""


def most_trainings_at_once() -> int:
    """Trainings that share the cores, or the memory of the GPU where there is one; a small one leaves a GPU idle."""
    if default_device() == "cpu":
        return cores()
    import torch

    free, _ = torch.cuda.mem_get_info()
    return max(1, min(cores(), free // GPU_MEMORY_OF_A_WORKER))


def layout_and_dtype(device: str) -> tuple[torch.memory_format, torch.dtype | None]:
    """The memory layout of a training on a device, and the type of its autocast (None: float32 throughout).

    Channels go last everywhere. bfloat16 is used on CUDA, and on CPUs with instructions for it (AVX512-BF16
    or AMX), where it doubles the speed; elsewhere it is emulated, and slow.
    """
    import torch

    native = device.startswith("cuda") or not {"avx512_bf16", "amx_bf16"}.isdisjoint(cpu_features())
    return torch.channels_last, torch.bfloat16 if native else None


def _device_name() -> str:
    """``cpu``, or the name of the GPU with the version of CUDA."""
    if default_device() == "cpu":
        return "cpu"
    import torch

    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"


@cache
def cpu_features() -> tuple[str, ...]:
    """Which of ``CPU_FEATURES`` the processor has, in that order; none where the system does not tell (not Linux)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return tuple(feature for feature in CPU_FEATURES if feature in flags.split())


def environment(trains: bool) -> dict[str, Any]:
    """Everything outside a run's settings that may change its numbers, as JSON values.

    Versions come from package metadata: nothing heavy is imported, but for torch where the run ``trains``.
    """
    device = {"device": _device_name()} if trains else {}
    return {
        **device,
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "machine": platform.machine(),
        "cpu": list(cpu_features()),
    }
