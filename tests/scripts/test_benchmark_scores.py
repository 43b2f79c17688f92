"""A smoke run of scripts/benchmark_scores.py, in this process."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_scores_of_drawn_seeds_are_joined_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    benchmark = importlib.import_module("benchmark_scores")
    for seed in range(2):
        benchmark.draw(tmp_path, seed, (2, 20, 2000, 3))
    found = benchmark.analysed(tmp_path)
    assert set(found) == {"joining", "average precision", "PIEs", "peak_mib"} and min(found.values()) > 0
