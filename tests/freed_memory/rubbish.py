"""Rubbish in memory: every block that the C library hands out is full of one byte, which is chosen here.

glibc can do so by itself (``M_PERTURB`` of mallopt(3)), which reaches every block, torch's and oneDNN's among them, and
leaves nothing to chance as freeing full tensors would. Small blocks come from a cache that it does not fill, and MKL
keeps memory of its own: both are switched off by ``ENVIRONMENT``, which a process must have from its start.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping

TUNABLE = "glibc.malloc.tcache_count=0"
ENVIRONMENT: Mapping[str, str] = {"GLIBC_TUNABLES": TUNABLE, "MKL_DISABLE_FAST_MM": "1"}

M_PERTURB = -6  # of glibc's malloc.h

NAN, FINITE = 0xFF, 0x4B
"""Bytes that are NaN, and about thirteen million, wherever four or two of them are read as one number."""


def why_not() -> str:
    """Why memory cannot be filled in this process, or an empty text."""
    if platform.libc_ver()[0] != "glibc":
        return "only glibc fills the memory that it hands out"
    if os.environ.get("GLIBC_TUNABLES") != TUNABLE:
        return f"GLIBC_TUNABLES must be {TUNABLE}, or small blocks are not filled"
    return ""


def fill_with(byte: int) -> None:
    """From now on memory that is handed out holds this byte and no other."""
    # glibc writes the complement, and takes 0 for "leave memory alone"
    ctypes.CDLL(None).mallopt(M_PERTURB, (byte ^ 0xFF) or 0x100)
