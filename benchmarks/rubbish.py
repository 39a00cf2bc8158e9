"""Processes with rubbish in their memory: what nobody wrote then shows in results, by another number each time."""

from __future__ import annotations

import os

BYTES = 0x4B, 0xFE, 0xBF, 0x3D, 0xC6, 0x42, 0xB7, 0x7E, 0xD0, 0x2F
"""Repeated, as float32 or bfloat16: 1.3e7, -1.7e38, -1.5, .05, -2.5e4, 49, -2e-5, 8.5e37, -2e10, 1.6e-10."""


def environment(number: int) -> dict[str, str]:
    """The environment of this process, with the byte of this number in every block that glibc hands out.

    Other C libraries ignore it. Small blocks come from a cache that glibc does not fill and MKL keeps memory of its
    own: both are switched off.
    """
    byte = BYTES[number % len(BYTES)]
    tunables = f"glibc.malloc.perturb={byte ^ 0xFF}:glibc.malloc.tcache_count=0"  # glibc writes the complement
    return {**os.environ, "GLIBC_TUNABLES": tunables, "MKL_DISABLE_FAST_MM": "1"}
