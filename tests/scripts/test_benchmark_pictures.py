"""A smoke run of scripts/benchmark_pictures.py, in this process."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_thumbnails_of_drawn_pictures_are_made_and_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    benchmark = importlib.import_module("benchmark_pictures")
    benchmark.draw(tmp_path, 3, (128, 64))
    found = benchmark.made(tmp_path)
    assert {"reading", "making_core", "peak_mib", "written_mib"} < set(found) and min(found.values()) > 0
