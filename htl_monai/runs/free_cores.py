"""Counts the processor cores that this process may use, and those of them that nothing else uses."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection
from pathlib import Path

__all__ = ["allowed_cores", "idle_cores", "idle_ticks", "quota_of"]

_STAT, _GROUPS, _ROOT = Path("/proc/stat"), Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def allowed_cores() -> int:
    """Return how many cores this process may use: by its affinity and by the quota of its control group."""
    return max(1, math.floor(min(len(_cores()), _quota()) + 0.5))


def idle_cores(watched_s: float = 0.2) -> int:
    """Return how many of the cores that this process may run on do nothing; half an idle core counts as one.

    Watching them for a moment says what is so now. The load average still counts a job that ended half a minute ago,
    and not yet one that has just begun; it is asked only on a system without ``/proc/stat``.

    Args:
        watched_s: for how many seconds to look.
    """
    cores = _cores()
    if not _STAT.is_file():
        return max(0, math.floor(len(cores) - os.getloadavg()[0] + 0.5))
    before, start = idle_ticks(_STAT.read_text(), cores), time.monotonic()
    time.sleep(watched_s)
    after, end = idle_ticks(_STAT.read_text(), cores), time.monotonic()
    return math.floor((after - before) / (end - start) / os.sysconf("SC_CLK_TCK") + 0.5)


def idle_ticks(stat: str, cores: Collection[int]) -> int:
    """Return for how many ticks some cores have been idle or waiting for a disk, by the text of ``/proc/stat``.

    Example:
        >>> idle_ticks("cpu 9 0 9 90 9 0\\ncpu0 5 0 5 40 4 0\\ncpu1 4 0 4 50 5 0\\nintr 7", {1})
        55
    """
    rows = [line.split() for line in stat.splitlines() if line.startswith("cpu") and line[3:4].isdigit()]
    return sum(int(row[4]) + int(row[5]) for row in rows if int(row[0][3:]) in cores)


def quota_of(cpu_max: str) -> float:
    """Return how many cores a control group may use at once, by the text of its ``cpu.max``.

    Example:
        >>> quota_of("150000 100000"), quota_of("max 100000")
        (1.5, inf)
    """
    limit, _, period = cpu_max.strip().partition(" ")
    return math.inf if limit == "max" else int(limit) / int(period)


def _cores() -> frozenset[int]:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _quota() -> float:
    """Return the least quota of this process's control group and of those above it; infinite where there is none."""
    names = [line[3:] for line in _GROUPS.read_text().splitlines() if line[:3] == "0::"] if _GROUPS.is_file() else []
    group = _ROOT / (names[0].lstrip("/") if names else "")
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(_ROOT)]
    limits = [folder / "cpu.max" for folder in folders]
    return min((quota_of(path.read_text()) for path in limits if path.is_file()), default=math.inf)
