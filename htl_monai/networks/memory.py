"""Keeps the memory of activations with the process, instead of giving it back after every layer."""

from __future__ import annotations

import ctypes

# Parameters of glibc's mallopt, see `man mallopt`.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MAPPING, _NEVER_TRIM = 1 << 30, (1 << 31) - 1


def keep_freed_memory() -> bool:
    """Let the C library reuse freed blocks of up to 1 GiB; it otherwise returns each large one to the kernel.

    On a CPU every activation is such a block: its pages are mapped, zeroed and unmapped again in each forward pass,
    which takes a quarter of the time of a small network. The process keeps the most memory that it ever needed. The
    setting holds for the whole process, is safe to repeat, and is glibc's; another C library is left as it is, and
    the answer is False.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_THRESHOLD, _LARGEST_MAPPING), (_M_TRIM_THRESHOLD, _NEVER_TRIM))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)
