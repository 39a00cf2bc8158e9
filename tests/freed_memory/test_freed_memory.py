"""Nothing that is computed depends on what lay in freed memory: each operation, and trainings of random genotypes.

oneDNN takes the instructions that the processor has, or fewer where it is told so: newer processors try the kernels of
older ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from freed_memory.__main__ import CANNOT
from nasgen.training.numerics import cpu_features

TESTS = Path(__file__).parents[1]
NATIVE, AVX512_BF16, AVX2 = "", "AVX512_CORE_BF16", "AVX2"

Report = dict[str, dict[str, list[str]]]


def compared(*arguments: str, instructions: str = NATIVE) -> Report:
    """What differs, by vocabulary and case, in a process of its own."""
    if instructions == AVX512_BF16 and "avx512_bf16" not in cpu_features():
        pytest.skip("this processor has no AVX512-BF16")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))}
    if instructions:
        environment["ONEDNN_MAX_CPU_ISA"] = instructions
    command = [sys.executable, "-m", "freed_memory", "--json", *arguments]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode == CANNOT:
        pytest.skip(run.stdout.strip())
    report: Report = json.loads(run.stdout)
    assert report, "nothing was compared"
    assert run.returncode == any(report.values())
    return report


def found(report: Report) -> Report:
    """The vocabularies in which something differs."""
    return {name: cases for name, cases in report.items() if cases}


@pytest.mark.parametrize(
    ("precision", "threads", "instructions"),
    [
        ("float32", 1, NATIVE),
        ("float32", 2, AVX2),
        ("bfloat16", 1, NATIVE),
        ("bfloat16", 2, AVX512_BF16),
    ],
)
def test_a_sample_of_every_vocabulary(precision: str, threads: int, instructions: str) -> None:
    report = compared("--precision", precision, "--threads", str(threads), instructions=instructions)
    assert found(report) == {}


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("precision", "instructions"),
    [("float32", NATIVE), ("float32", AVX2), ("bfloat16", NATIVE), ("bfloat16", AVX512_BF16)],
)
def test_every_vocabulary(precision: str, threads: int, instructions: str) -> None:
    report = compared("--all", "--precision", precision, "--threads", str(threads), instructions=instructions)
    assert found(report) == {}


def test_operations_that_leave_something_unwritten_are_found() -> None:
    (cases,) = compared("broken by hand").values()
    assert {name.partition(",")[0]: parts for name, parts in cases.items()} == {
        "HalfWritten": ["output", "output in evaluation"],
        "HalfTheGradient": ["gradient of weight"],
    }


def test_convolutions_still_have_to_be_cut_to_the_map() -> None:
    """Where this fails torch has mended them, and the rule can be taken out again (docs/decisions/0024)."""
    (cases,) = compared("broken by torch", "--precision", "bfloat16", instructions=AVX512_BF16).values()
    assert cases
    assert all(parts == ["gradient of weight"] for parts in cases.values())
