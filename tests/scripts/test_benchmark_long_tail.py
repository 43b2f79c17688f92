"""A smoke run of scripts/benchmark_long_tail.py."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(monkeypatch: pytest.MonkeyPatch, out: Path, part: str) -> dict:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    arguments = ["--quick", "--device", "cpu", "--overlay", "sizes/demo_chest.json", "--parts", part]
    importlib.import_module("benchmark_long_tail").main([*arguments, "--out", str(out)])
    return {row["quantity"]: row for row in json.loads(out.read_text())["rows"]}


@pytest.mark.slow
def test_the_sweep_says_what_a_loop_over_files_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = run(monkeypatch, tmp_path / "benchmark.json", "sweep")
    assert rows["largest difference of a probability, mining and loop"]["median"] < 1e-5
    assert rows["mining from the cache / forward limit"]["reach"] == {"at_least": 0.9}
    assert all(row["median"] > 0 for name, row in rows.items() if "difference" not in name) and len(rows) == 9
    assert "the sweep is of 40 phantom images of 64 x 64 pixels" in capsys.readouterr().out


@pytest.mark.slow
def test_the_analysis_is_measured_and_agrees_with_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run(monkeypatch, tmp_path / "benchmark.json", "analysis")
    assert rows["largest difference of an AP from scikit-learn's"]["median"] < 1e-12
    assert 0 < rows["of it average precision, s"]["median"] <= rows["analysis, s"]["median"]
    assert rows["peak memory with the predictions, MiB"]["reach"] == {"at_most": 4096}
