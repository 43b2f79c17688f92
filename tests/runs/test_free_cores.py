"""How many cores there are, and how many are idle."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from htl_monai.runs import free_cores
from htl_monai.runs.free_cores import allowed_cores, idle_cores, idle_ticks, quota_of

STAT = "cpu  {total} 0 0 {total} 0 0\ncpu0 50 0 5 {first} 20 0\ncpu1 40 1 4 {second} 10 0\nctxt 99\n"


@pytest.mark.parametrize(
    ("affinity", "spent", "expected"),
    [
        ({0, 1}, (100, 100), 2),
        ({0, 1}, (100, 0), 1),  # a busy loop on the second core
        ({0, 1}, (60, 60), 1),  # two that are more idle than not are one
        ({0, 1}, (10, 20), 0),
        ({1}, (100, 20), 0),  # the idle one is none of ours
        ({0}, (80, 0), 1),
    ],
)
def test_what_cores_do_is_watched_for_a_moment(
    affinity: set[int], spent: tuple[int, int], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, clock = tmp_path / "stat", [10.0]
    stat.write_text(STAT.format(total=0, first=1000, second=2000))

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        stat.write_text(STAT.format(total=0, first=1000 + spent[0], second=2000 + spent[1]))

    monkeypatch.setattr(free_cores, "_STAT", stat)
    monkeypatch.setattr(free_cores, "_cores", lambda: frozenset(affinity))
    monkeypatch.setattr(free_cores.os, "sysconf", lambda name: 100)
    monkeypatch.setattr(free_cores.time, "sleep", sleep)
    monkeypatch.setattr(free_cores.time, "monotonic", lambda: clock[0])
    assert idle_cores(watched_s=1.0) == expected


def test_ticks_of_other_cores_and_of_the_sum_do_not_count() -> None:
    text = STAT.format(total=7, first=100, second=200)
    assert [idle_ticks(text, cores) for cores in ({0}, {1}, {0, 1}, {2})] == [120, 210, 330, 0]


@pytest.mark.parametrize(("cores", "quota", "expected"), [(4, math.inf, 4), (4, 2.0, 2), (4, 0.3, 1), (1, 8.0, 1)])
def test_a_quota_allows_fewer_cores(cores: int, quota: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_cores, "_cores", lambda: frozenset(range(cores)))
    monkeypatch.setattr(free_cores, "_quota", lambda: quota)
    assert allowed_cores() == expected


def test_the_least_quota_of_a_group_and_those_above_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quota_of("150000 100000\n") == 1.5 and quota_of("max 100000") == math.inf
    root, inner = tmp_path / "cgroup", tmp_path / "cgroup" / "job" / "step"
    inner.mkdir(parents=True)
    (tmp_path / "self").write_text("9:cpu:/elsewhere\n0::/job/step\n")
    (tmp_path / "cpu.max").write_text("10000 100000")  # above the root of the groups
    monkeypatch.setattr(free_cores, "_ROOT", root)
    monkeypatch.setattr(free_cores, "_GROUPS", tmp_path / "self")
    assert free_cores._quota() == math.inf
    (root / "job" / "cpu.max").write_text("200000 100000")
    (inner / "cpu.max").write_text("max 100000")
    assert free_cores._quota() == 2
